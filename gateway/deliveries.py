"""What the deliveries themselves tell: so many that TradingView stops them, delayed data, fields not used."""

import asyncio
import html
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog
from sqlalchemy import Connection

from config.notices import NoticeEvent
from gateway.domain.errors import StorageFailed
from storage import flags
from storage.deliveries import Delivery, newest
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

LOOK_SECONDS = 5.0
#: TradingView stops an alert that fires more than 15 times in 3 minutes, without a word to us
#: (facts/tradingview.md 2); the owner hears of it some alerts before.
WINDOW = timedelta(minutes=3)
LIMIT, WARNING = 15, 12
#: So many alerts are looked at in one go, the newest: of a flood they say enough.
MOST_ALERTS = 500
#: The exchange of a chart with delayed data, as {{exchange}} or before the symbol (facts/tradingview.md 3).
_DELAYED = re.compile(rb"\b(?:NSE|BSE|NFO|BFO)_DLY?\b", re.IGNORECASE)
_DELAYED_TOLD = "delayed data told:"
_UNUSED_TOLD = "unused fields told:"
#: So many names are told of at once; who sends ever new ones hears of no more than that in all.
_MOST_UNUSED = 30


class Deliveries:
    """Reads now and then what was stored: nothing of it stands between an alert and its acknowledgement.

    TradingView counts what it sends: a body is one, whether it is understood, or a duplicate, or holds
    several alerts.
    """

    def __init__(
        self, database: Database, outbox: Outbox, clock: Callable[[], datetime], ring: Callable[[], None]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._ring = ring
        self._seen = 0
        self._times: defaultdict[str, deque[datetime]] = defaultdict(deque)
        #: How many there were when a strategy was warned of last, and when that was.
        self._warned: dict[str, tuple[int, datetime]] = {}
        self._delayed: set[str] = set()
        #: The fields that each strategy's owner knows not to be used.
        self._unused: dict[str, frozenset[str]] = {}

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("deliveries_not_read", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """At what came since the last look (at first: in the last minutes). Raises StorageFailed."""
        fresh = await self._database.read(partial(newest, after=self._seen, most=MOST_ALERTS))
        since = self._clock() - WINDOW
        recent = [delivery for delivery in fresh if delivery.received_at > since]
        for delivery in recent:
            for strategy in delivery.strategies:
                self._times[strategy].append(delivery.received_at)
        self._seen = max((delivery.seq for delivery in fresh), default=self._seen)
        self._forget(since)
        for strategy in frozenset[str]().union(*(delivery.strategies for delivery in recent)):
            if text := self._too_thick(strategy):
                await self._tell(strategy, text)
        await self._look_for_delay(recent)
        for delivery in recent:
            for strategy, names in delivery.unused:
                if names - self._unused.get(strategy, frozenset()):
                    await self._tell_unused(strategy, names)

    def _forget(self, since: datetime) -> None:
        for strategy, times in list(self._times.items()):
            while times and times[0] <= since:
                times.popleft()
            if not times:
                del self._times[strategy]
                self._warned.pop(strategy, None)

    def _too_thick(self, strategy: str) -> str | None:
        """Told before the limit, and once more beyond it; then not again within the window."""
        count, latest = len(self._times[strategy]), self._times[strategy][-1]
        before, at = self._warned.get(strategy, (0, latest))
        told = before if latest - at < WINDOW else 0
        if count < WARNING or told > LIMIT or (told and count <= LIMIT):
            return None
        self._warned[strategy] = (count, latest)
        stopped = "Look there whether it still runs, and check" if count > LIMIT else "Check"
        return (
            f"⚠️ <b>{count} alerts in 3 minutes</b> · {html.escape(strategy)}\n"
            f"TradingView stops an alert that fires more than {LIMIT} times in 3 minutes, without telling "
            f"anybody. {stopped} its frequency."
        )

    async def _look_for_delay(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            found = _DELAYED.search(delivery.body)
            if found is None:
                continue
            for strategy in sorted(delivery.strategies - self._delayed):
                await self._tell(strategy, _delayed(strategy, found[0].decode()), _DELAYED_TOLD + strategy)
                self._delayed.add(strategy)

    async def _tell_unused(self, strategy: str, names: frozenset[str]) -> None:
        """Once for each name; remembered across restarts."""
        now, flag = self._clock(), _UNUSED_TOLD + strategy

        def work(connection: Connection) -> frozenset[str]:
            known = flags.value(connection, flag)
            before = frozenset(msgspec.json.decode(known, type=list[str])) if known else frozenset[str]()
            new = sorted(names - before)[: max(_MOST_UNUSED - len(before), 0)]
            if new:
                told = msgspec.json.encode(sorted(before.union(new))).decode()
                flags.put(connection, flag, told, by="gateway", at=now)
                self._write(connection, strategy, _not_used(strategy, new), now)
            return before | names

        self._unused[strategy] = await self._database.write(work)
        self._ring()

    async def _tell(self, strategy: str, text: str, once: str | None = None) -> None:
        """`once`: the flag that remembers it across restarts."""
        now = self._clock()

        def work(connection: Connection) -> None:
            if once is not None:
                if flags.value(connection, once) is not None:
                    return
                flags.put(connection, once, "told", by="gateway", at=now)
            self._write(connection, strategy, text, now)

        await self._database.write(work)
        self._ring()

    def _write(self, connection: Connection, strategy: str, text: str, now: datetime) -> None:
        self._outbox.tell(
            connection,
            text,
            at=now,
            loud=False,
            priority=Priority.CHATTER,
            event=NoticeEvent.WATCH,
            strategy=strategy,
        )


def _not_used(strategy: str, names: Iterable[str]) -> str:
    return (
        f"🏷 <b>Not used</b> · {html.escape(strategy)}\n"
        f"Its alerts carry fields that mean nothing here: {html.escape(', '.join(names))}. What is ordered "
        "does not depend on them."
    )


def _delayed(strategy: str, exchange: str) -> str:
    return (
        f"🐢 <b>Delayed data</b> · {html.escape(strategy)}\n"
        f"Its chart is on {html.escape(exchange)}: TradingView shows it old prices, so its alerts come late, "
        "though they look fresh here. Subscribe to the exchange's real-time data in TradingView, then make "
        "the alert anew on that chart."
    )
