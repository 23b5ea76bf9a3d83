"""The book outlives the process that holds it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from kiteconnect import KiteConnect

from gateway.paper.faults import Fault, FaultKind
from gateway.paper.journal import Journal
from gateway.paper.server import PaperServer
from tests.paper.conftest import Clock, Kite, at_the_money, eventually, logged_in, quote, running


@asynccontextmanager
async def restarted(data_dir: Path, clock: Clock) -> AsyncIterator[tuple[PaperServer, Kite]]:
    """A second server on the first one's files, with the token of the first."""
    async with running(clock=clock, data_dir=data_dir) as server:
        client = Kite(server)
        session = server.broker.sessions.current
        assert session is not None
        client.real.set_access_token(session.access_token)
        try:
            yield server, client
        finally:
            client.close()


async def test_orders_trades_positions_funds_triggers_and_session_are_all_there_again(
    tmp_path: Path, clock: Clock
) -> None:
    async def everything(kite: Kite) -> list[Any]:
        return [
            await kite.orders(),
            await kite.trades(),
            await kite.positions(),
            await kite.margins(),
            await kite.get_gtts(),
            [await kite.order_history(row["order_id"]) for row in await kite.orders()],
        ]

    async with running(clock=clock, data_dir=tmp_path) as paper, logged_in(paper) as kite:
        contract = at_the_money(paper)
        await kite.reaches(await kite.buy(contract), "COMPLETE")
        await kite.reaches(await kite.buy(contract, order_type="LIMIT", price=1.0), "OPEN")
        last = quote(paper, contract).last / 100
        order = {
            "transaction_type": "SELL",
            "quantity": 65,
            "order_type": "LIMIT",
            "product": "NRML",
            "price": 1.0,
        }
        await kite.place_gtt("single", contract.tradingsymbol, "NFO", [round(last * 0.5, 1)], last, [order])
        paper.set_spot("NIFTY", 24_050)
        before, spot, token = await everything(kite), paper.spot("NIFTY"), kite.real.access_token

    async with restarted(tmp_path, clock) as (paper, kite):
        assert kite.real.access_token == token
        assert paper.spot("NIFTY") == spot
        assert await everything(kite) == before
        assert await kite.buy(contract, order_type="LIMIT", price=1.0) == "261125000000003"


async def test_an_order_in_transit_when_the_process_died_goes_on(tmp_path: Path, clock: Clock) -> None:
    async with running(clock=clock, data_dir=tmp_path, latency=60) as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper))
    async with restarted(tmp_path, clock) as (_, kite):
        await kite.reaches(order_id, "COMPLETE")


async def test_a_scripted_end_comes_even_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    async with running(clock=clock, data_dir=tmp_path) as paper, logged_in(paper) as kite:
        paper.faults.add(Fault(kind=FaultKind.REJECT_LATE, message="17070 : out of range", seconds=60))
        paper.faults.add(Fault(kind=FaultKind.SLOW_CANCEL, seconds=60, after=1))
        rejected = await kite.buy(at_the_money(paper))
        slow = await kite.buy(at_the_money(paper), order_type="LIMIT", price=1.0)
        await kite.reaches(slow, "OPEN")
        await kite.cancel_order("regular", slow)
        await kite.reaches(slow, "CANCEL PENDING")
    async with restarted(tmp_path, clock) as (_, kite):
        assert (await kite.reaches(rejected, "REJECTED"))["status_message"] == "17070 : out of range"
        await kite.reaches(slow, "CANCELLED")


async def test_a_start_on_a_later_day_carries_positions_over(tmp_path: Path, clock: Clock) -> None:
    async with running(clock=clock, data_dir=tmp_path) as paper, logged_in(paper) as kite:
        await kite.reaches(await kite.buy(at_the_money(paper)), "COMPLETE")
    clock.forward(days=2)
    async with running(clock=clock, data_dir=tmp_path) as paper, logged_in(paper) as kite:
        [row] = (await kite.positions())["net"]
        assert (row["overnight_quantity"], await kite.orders()) == (65, [])
        clock.forward(days=10)  # beyond the expiry
    async with running(clock=clock, data_dir=tmp_path) as paper, logged_in(paper) as kite:
        assert (await kite.positions())["net"] == []


def test_a_line_torn_by_a_crash_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    day = date(2026, 11, 25)
    journal = Journal(tmp_path)
    journal.open(day)
    journal.append("a", {"n": 1})
    journal.close()
    path = tmp_path / "paper-2026-11-25.jsonl"
    path.write_bytes(path.read_bytes() + b'["b", {"n"')

    journal.open(day)
    journal.append("c", {"n": 3})
    journal.close()
    assert list(journal.replay(day)) == [("a", {"n": 1}), ("c", {"n": 3})]
    assert path.stat().st_mode & 0o777 == 0o600


def test_old_days_are_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for month, day in ((9, 1), (11, 1), (11, 25)):
        journal.open(date(2026, month, day))
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "paper-2026-11-01.jsonl",
        "paper-2026-11-25.jsonl",
    ]
    assert journal.latest(date(2026, 11, 24)) == date(2026, 11, 1)


class Process:
    """`python -m gateway.paper`, started, talked to, and killed."""

    def __init__(self, child: asyncio.subprocess.Process, urls: dict[str, str]) -> None:
        self.child, self.urls = child, urls
        self.kite = KiteConnect("paper", root=urls["url"])

    async def kill(self) -> None:
        self.kite.reqsession.close()
        self.child.send_signal(signal.SIGKILL)
        await self.child.wait()


async def started(data_dir: Path) -> Process:
    command = [sys.executable, "-m", "gateway.paper", "--data-dir", str(data_dir), "--price-interval", "0"]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), 20)
    return Process(child, msgspec.json.decode(line))


@pytest.mark.slow
async def test_kill_minus_nine_loses_nothing_that_was_answered(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    first = await started(tmp_path)
    async with http.post(f"{first.urls['url']}/_paper/request_token") as answer:
        token = (await answer.json())["request_token"]
    session = await asyncio.to_thread(first.kite.generate_session, token, "paper")
    rows = await asyncio.to_thread(first.kite.instruments, "NFO")
    row = next(
        row for row in rows if (row["name"], row["strike"], row["instrument_type"]) == ("NIFTY", 24000, "CE")
    )
    symbol, lot = row["tradingsymbol"], row["lot_size"]
    wanted = {"variety": "regular", "exchange": "NFO", "tradingsymbol": symbol, "transaction_type": "BUY"}
    order_id = await asyncio.to_thread(
        first.kite.place_order,
        **wanted,
        quantity=lot,
        product="NRML",
        order_type="LIMIT",
        price=0.05,
        tag="KILLED",
    )
    await first.kill()

    second = await started(tmp_path)
    second.kite.set_access_token(session["access_token"])

    async def only_order() -> dict[str, Any]:
        [found] = await asyncio.to_thread(second.kite.orders)
        return dict(found)

    found = await eventually(only_order, lambda order: order["status"] == "OPEN")
    await second.kill()
    assert (found["order_id"], found["tag"]) == (order_id, "KILLED")
