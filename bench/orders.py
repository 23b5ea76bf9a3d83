"""Alert to order: from sending an alert until POST /orders arrives at the exchange, in auto mode."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import msgspec

from bench.load import burst
from bench.process import settled
from bench.stage import Stage

#: Between two alerts one at a time: Kite takes ten orders a second, and nine of them are for entries.
_SPACING_SECONDS = 0.15
_QUOTE_SECONDS = 1.1
_PATIENCE_SECONDS = 10.0
_AT_ONCE = 20
_KNOWN_STRIKES = ("OTM4", "OTM5", "OTM6", "OTM7")
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Volley:
    """Twenty alerts at once: seconds until the exit's order, and until the last one, arrived."""

    exit: float
    exits_rank: int
    last: float


def entry(strategy: str, strike: object, option_type: str = "CE") -> bytes:
    """An alert that buys one lot."""
    return msgspec.json.encode(
        {
            "action": "BUY",
            "symbol": "NIFTY",
            "option_type": option_type,
            "strike": strike,
            "lots": 1,
            "strategy": strategy,
            "id": f"NIFTY-{next(_numbers)}",
        }
    )


async def one_at_a_time(stage: Stage, rounds: int) -> list[float]:
    """Seconds of each; the contracts are known, so their prices are streamed."""
    for strike in _KNOWN_STRIKES:
        await _arrival(stage, entry(f"warm {strike}", strike))
        await asyncio.sleep(_QUOTE_SECONDS)
    found = []
    for number in range(rounds):
        strike = _KNOWN_STRIKES[number % len(_KNOWN_STRIKES)]
        found.append(await _arrival(stage, entry(f"single {number % 8}", strike)))
        await asyncio.sleep(_SPACING_SECONDS)
    return found


async def on_new_contracts(stage: Stage, rounds: int) -> list[float]:
    """Seconds of each; no price of the contract is known, so it is asked for first."""
    found = []
    for number in range(rounds):
        found.append(await _arrival(stage, entry("new contract", f"OTM{8 + number}", "PE")))
        await asyncio.sleep(_QUOTE_SECONDS)
    return found


async def volley(stage: Stage) -> Volley:
    """Nineteen entries of as many strategies, and the exit of one that holds something, at once."""
    holder = f"holder {next(_numbers)}"
    await _arrival(stage, entry(holder, _KNOWN_STRIKES[0]))
    await asyncio.sleep(_QUOTE_SECONDS + 1.0)  # it is filled, and the pace is free again
    bodies = [entry(f"volley {number}", _KNOWN_STRIKES[number % 4]) for number in range(_AT_ONCE - 1)]
    bodies.append(msgspec.json.encode({"action": "exit", "strategy": holder, "id": f"x-{next(_numbers)}"}))
    before = len(await _attempts(stage))
    sent_at = time.time()
    await burst(stage.webhook, bodies, clients=_AT_ONCE)
    new = await _new_attempts(stage, before, _AT_ONCE)
    await stage.drained()
    exits_rank = next(rank for rank, attempt in enumerate(new, 1) if attempt["transaction_type"] == "SELL")
    return Volley(exit=_at(new[exits_rank - 1]) - sent_at, exits_rank=exits_rank, last=_at(new[-1]) - sent_at)


async def _arrival(stage: Stage, body: bytes) -> float:
    before = len(await _attempts(stage))
    sent_at = time.time()
    await burst(stage.webhook, [body], clients=1)
    (attempt,) = await _new_attempts(stage, before, 1)
    return _at(attempt) - sent_at


async def _new_attempts(stage: Stage, before: int, wanted: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = (await _attempts(stage))[before:]
        return len(found) >= wanted

    await settled(there, f"{wanted} orders at the exchange", _PATIENCE_SECONDS)
    return sorted(found, key=_at)


async def _attempts(stage: Stage) -> list[dict[str, Any]]:
    async with stage.http.get(f"{stage.exchange_url}/_paper/book") as answer:
        return list((await answer.json())["attempts"])


def _at(attempt: dict[str, Any]) -> float:
    return datetime.fromisoformat(attempt["at"]).timestamp()
