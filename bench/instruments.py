"""The instrument list at its real length: read, checked, kept and swapped beside a loop that must go on."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from config.market import calendar, underlyings
from gateway.domain.market import Calendar, utc_now
from gateway.instruments import Instruments
from gateway.paper.instruments import Listing
from storage.engine import Database, database_url
from storage.migrations import migrate

#: What NFO and BFO list together (facts/kite.md 6), most of it options on shares.
ROWS = 130_000
_TICK_SECONDS = 0.001
_SPOTS = {"NIFTY": 26_000, "BANKNIFTY": 58_000, "SENSEX": 85_000}


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """Seconds: the whole, the loop's longest standstill, and all of its standstills together."""

    rows: int
    whole: float
    longest: float
    blocked: float


class _Lists:
    """Answers as the broker's book does: the synthetic market's options, and options on shares to fill up."""

    def __init__(self, rows: int) -> None:
        listing = Listing(utc_now())
        for name, points in _SPOTS.items():
            listing.cover(name, points)
        self._lists = {exchange: listing.csv(exchange) for exchange in ("NFO", "BFO", "NSE", "BSE")}
        lines = self._lists["NFO"].splitlines()
        option = next(line for line in lines if line.endswith(",CE,NFO-OPT,NFO"))
        missing = rows - sum(len(text.splitlines()) - 1 for text in self._lists.values())
        shares = [option.replace("NIFTY", f"SHARE{number % 200}") for number in range(missing)]
        self._lists["NFO"] = "\n".join([*lines, *shares, ""])

    async def instruments(self, exchange: str) -> bytes:
        return self._lists[exchange].encode()


async def _watch(gaps: list[float]) -> None:
    """How late the loop comes back to a task that sleeps for a millisecond."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_TICK_SECONDS)
        gaps.append(time.perf_counter() - before - _TICK_SECONDS)


async def refresh(rows: int = ROWS) -> Refresh:
    """One refresh of so many rows."""
    with tempfile.TemporaryDirectory(prefix="manjha-bench-") as folder:
        database = Database(database_url(None, Path(folder)))
        await asyncio.to_thread(migrate, database)
        lists = _Lists(rows)
        market = Calendar(data=calendar(), always=True)
        instruments = Instruments("paper", lists, database, market, underlyings())  # type: ignore[arg-type]
        gaps: list[float] = []
        watcher = asyncio.create_task(_watch(gaps))
        await asyncio.sleep(0.05)
        gaps.clear()
        began = time.perf_counter()
        await instruments.refresh(utc_now())
        whole = time.perf_counter() - began
        watcher.cancel()
        await database.close()
    stood = [gap for gap in gaps if gap > 5 * _TICK_SECONDS]
    return Refresh(rows=rows, whole=whole, longest=max(gaps), blocked=sum(stood))
