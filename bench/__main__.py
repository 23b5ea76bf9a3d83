"""`python -m bench`: the benchmark table. Ratios within one run: the machine's speed drops out of them."""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench import instruments, million
from bench.load import Sample, burst, quantile
from bench.orders import entry, one_at_a_time, volley
from bench.process import Child, settled
from bench.stage import Stage

_CLIENTS = (1, 16, 64)
_MILLISECONDS = 1000.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure beside its target."""

    what: str
    measured: str
    target: str
    met: bool


async def run(rounds: int, requests: int, orders: int, stored: int) -> list[Row]:
    """Everything: acknowledgements beside the bare servers, orders, memory, a million alerts, instruments."""
    with tempfile.TemporaryDirectory(prefix="manjha-bench-") as folder:
        async with aiohttp.ClientSession() as http:
            return await _on_stage(Path(folder), http, rounds, requests, orders, stored)


async def _on_stage(
    folder: Path, http: aiohttp.ClientSession, rounds: int, requests: int, orders: int, stored: int
) -> list[Row]:
    stage = Stage(folder / "stage", http, defaults={"approval": "auto"})
    echo = Child("echo", "-m", "bench.rivals", "echo", folder=folder)
    commit = Child("commit", "-m", "bench.rivals", "commit", str(folder / "bare.db"), folder=folder)
    try:
        ready = await stage.open()
        urls = {"echo": await echo.start(), "commit": await commit.start(), "manjha": stage.webhook}
        rows = [_row("start to ready", ready, "<= 3 s", lambda v: v <= 3, "{:.2f} s")]
        # Nobody is logged in: planning refuses each alert, which is told; nothing goes to the broker.
        samples = await _acknowledgements(stage, urls, rounds, requests)
        rows += _acknowledged(samples)
        await stage.log_in()
        await settled(lambda: _can_trade(stage), "the gateway can trade", 30.0)
        rows += await _orders(stage, orders)
        megabytes = stage.gateway.megabytes
        rows.append(_row("resident", megabytes, "<= 160 MB", lambda v: v <= 160, "{:.0f} MB"))
        return [*rows, *await _million(stage, stored), *await _instruments()]
    finally:
        for child in (echo, commit):
            await child.stop()
        await stage.close()


async def _million(stage: Stage, stored: int) -> list[Row]:
    """Itself without, then with so many stored alerts."""
    await stage.drained()
    before = {clients: await million.rates(stage, clients) for clients in (1, 16)}
    await stage.gateway.stop()
    await asyncio.to_thread(million.fill, stage, stored)
    ready = await stage.open_gateway()
    after = {clients: await million.rates(stage, clients) for clients in (1, 16)}
    with_ = f"with {stored:,} alerts"
    megabytes = stage.gateway.megabytes
    one, sixteen = after[1][1] / before[1][1], after[16][0] / before[16][0]
    return [
        _row(f"start to ready {with_}", ready, "<= 3 s", lambda v: v <= 3, "{:.2f} s"),
        _row(f"p50 at 1 client {with_} / without", one, "<= 1.5", lambda v: v <= 1.5, "{:.2f}"),
        _row(f"rate at 16 clients {with_} / without", sixteen, ">= 0.7", lambda v: v >= 0.7, "{:.2f}"),
        _row(f"resident {with_}", megabytes, "<= 160 MB", lambda v: v <= 160, "{:.0f} MB"),
    ]


async def _instruments() -> list[Row]:
    found = await instruments.refresh()
    return [
        Row(
            what=f"{found.rows:,} instruments read and swapped",
            measured=f"{found.whole:.1f} s, loop blocked {found.blocked:.2f} s, "
            f"longest {found.longest * _MILLISECONDS:.0f} ms",
            target="< 1 s, <= 50 ms",
            met=found.blocked < 1 and found.longest <= 0.05,
        )
    ]


async def _can_trade(stage: Stage) -> bool:
    async with stage.http.get(f"{stage.url}/readyz") as answer:
        parts = await answer.json()
    return bool(parts["kite_session"]["ok"] and parts["instruments"]["ok"])


async def _acknowledgements(
    stage: Stage, urls: dict[str, str], rounds: int, requests: int
) -> dict[tuple[str, int], list[Sample]]:
    """Bursts in turn, echo - commit - manjha, so that a slow moment hits all three."""
    samples: dict[tuple[str, int], list[Sample]] = {}
    for _ in range(rounds):
        for clients in _CLIENTS:
            for name, url in urls.items():
                count = requests if clients > 1 else requests // 4
                bodies = [entry("bench", "ATM") for _ in range(count)]
                samples.setdefault((name, clients), []).append(await burst(url, bodies, clients))
                await stage.drained()
    return samples


def _beside(
    samples: dict[tuple[str, int], list[Sample]], rival: str, clients: int, figure: Callable[[Sample], float]
) -> float:
    """The median of our figure over the rival's, round by round: a slow moment hits both."""
    pairs = zip(samples["manjha", clients], samples[rival, clients], strict=True)
    return statistics.median(figure(ours) / figure(theirs) for ours, theirs in pairs)


def _acknowledged(samples: dict[tuple[str, int], list[Sample]]) -> list[Row]:
    rate = {key: statistics.median(sample.rate for sample in found) for key, found in samples.items()}
    rows = [
        Row(
            what=f"{name}, {clients} client{'s' if clients > 1 else ''}",
            measured=f"{rate[name, clients]:.0f}/s, "
            f"p50 {_quantile(samples[name, clients], 0.5) * _MILLISECONDS:.2f} ms, "
            f"p99 {_quantile(samples[name, clients], 0.99) * _MILLISECONDS:.2f} ms",
            target="",
            met=True,
        )
        for name, clients in samples
    ]
    one = _beside(samples, "commit", 1, lambda sample: quantile(sample.latencies, 0.5))
    sixteen = _beside(samples, "commit", 16, lambda sample: sample.rate)
    many = _beside(samples, "echo", 64, lambda sample: sample.rate)
    return [
        *rows,
        _row("p50 at 1 client / bare commit", one, "<= 2.5", lambda v: v <= 2.5, "{:.2f}"),
        _row("rate at 16 clients / bare commit", sixteen, ">= 1", lambda v: v >= 1, "{:.2f}"),
        _row("rate at 64 clients / bare echo", many, ">= 0.4", lambda v: v >= 0.4, "{:.2f}"),
    ]


async def _orders(stage: Stage, rounds: int) -> list[Row]:
    """From the alert to POST /orders at the exchange, in auto; the exchange answers at once."""
    found = await one_at_a_time(stage, rounds)
    salvo = await volley(stage)
    median, high = quantile(found, 0.5) * _MILLISECONDS, quantile(found, 0.99) * _MILLISECONDS
    return [
        Row(
            what="alert to order",
            measured=f"p50 {median:.1f} ms, p99 {high:.1f} ms",
            target="p50 <= 15 ms",
            met=median <= 15,
        ),
        Row(
            what="20 alerts at once",
            measured=f"exit {salvo.exits_rank}. after {salvo.exit:.2f} s, last after {salvo.last:.2f} s",
            target="Kite's 10/s alone",
            met=salvo.last <= 3.0,
        ),
    ]


def _quantile(found: list[Sample], share: float) -> float:
    return quantile([latency for sample in found for latency in sample.latencies], share)


def _row(what: str, value: float, target: str, met: Callable[[float], bool], form: str) -> Row:
    return Row(what=what, measured=form.format(value), target=target, met=met(value))


def _print(rows: list[Row]) -> None:
    width = max(len(row.what) for row in rows)
    middle = max(len(row.measured) for row in rows)
    for row in rows:
        verdict = "" if not row.target else "met" if row.met else "MISSED"
        print(f"{row.what:<{width}}  {row.measured:<{middle}}  {row.target:<18} {verdict}")


def main() -> None:
    """Prints the table; always succeeds: a figure is no test."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a sample of half a minute")
    quick = parser.parse_args().quick
    _print(
        asyncio.run(
            run(
                rounds=1 if quick else 5,
                requests=400 if quick else 1200,
                orders=10 if quick else 60,
                stored=50_000 if quick else 1_000_000,
            )
        )
    )


if __name__ == "__main__":
    main()
