"""Intake: store, acknowledge, hand on. Many alerts share one commit; each strategy's keep their order."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import structlog
from sqlalchemy import Connection

from config.notices import NoticeEvent
from gateway import wording
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.domain.market import utc_now
from gateway.domain.order import AlertId, AlertState
from gateway.domain.signal import Action, Signal
from storage import alerts
from storage.alerts import Arrival, Stored
from storage.engine import Database, urgent
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: How long an acknowledged alert waits before the next try when the database does not take its plan.
RETRY_SECONDS = 2.0
#: What the database kept although it said that it had failed is looked for so often, and is so old by then.
FORGOTTEN_SECONDS, FORGOTTEN_AGE = 5.0, timedelta(seconds=10)
#: So long the first of a batch waits at most for others that come in with it.
GATHER_SECONDS = 0.003
#: Alerts stream in while one comes within so long of the last; planning then waits, at most so long an alert.
#: An exit waits less, and is under way before the entries that came with it.
LULL_SECONDS, EXIT_LULL_SECONDS, LONGEST_DEFERRAL_SECONDS = 0.01, 0.002, 0.25


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledged alert that waits for its planning."""

    alert_id: AlertId
    strategy: str
    signal: Signal
    received_at: datetime


@dataclass(eq=False)
class _Parcel:
    """One body's arrivals, and the future of whoever waits for them (done already if he hung up)."""

    arrivals: list[Arrival]
    stored: asyncio.Future[list[Stored]]

    def succeed(self, outcome: list[Stored]) -> None:
        if not self.stored.done():
            self.stored.set_result(outcome)

    def fail(self, error: Exception) -> None:
        if not self.stored.done():
            known = isinstance(error, StorageFailed)
            self.stored.set_exception(error if known else StorageFailed(f"it cannot be stored: {error!r}"))


class Intake:
    """Takes arrivals; `accept` returns once they are on disk."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        lanes: "Lanes",
        told: Callable[[], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._database = database
        self._outbox = outbox
        self._lanes = lanes
        self._told = told
        self._waiting: list[_Parcel] = []
        self._writer: asyncio.Task[None] | None = None

    async def accept(self, arrivals: list[Arrival]) -> list[Stored]:
        """Stores the arrivals of one body together, and hands on those that are new.

        Raises StorageFailed when nothing was stored.
        """
        parcel = _Parcel(arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="intake")
        with self._lanes.precedence.at_the_door():
            return await parcel.stored

    async def _write_all(self) -> None:
        """One transaction for all that wait; while it runs, the next batch gathers."""
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting, []
            try:
                await self._write(batch)
            finally:
                for parcel in batch:
                    parcel.fail(StorageFailed("the alert could not be stored"))

    async def _gather(self) -> None:
        """While others come in with it: to understand one is quicker than a commit."""
        until = time.monotonic() + GATHER_SECONDS
        seen = 0
        while len(self._waiting) > seen and time.monotonic() < until:
            seen = len(self._waiting)
            await asyncio.sleep(0)

    async def _write(self, batch: list[_Parcel]) -> None:
        """All together, or, when that fails, each by itself: one bad alert costs its neighbours nothing."""
        try:
            with urgent():
                stored = await self._database.write(
                    lambda connection: self._store(connection, [each for p in batch for each in p.arrivals])
                )
        except Exception as error:  # a border: whatever one alert breaks, the others are stored
            if isinstance(error, StorageFailed) and error.for_all:
                # Waiting for the lock once more for each would take longer than TradingView does.
                waiting, self._waiting = self._waiting, []
                for parcel in [*batch, *waiting]:
                    parcel.fail(error)
                return
            if len(batch) > 1:
                for parcel in batch:
                    await self._write([parcel])
                return
            if not isinstance(error, StorageFailed):
                log.error("alert_not_storable", error=repr(error), exc_info=error)
            batch[0].fail(error)
            return
        outcomes = iter(stored)
        for parcel in batch:
            checkpoint("intake.committed")
            outcome = list(islice(outcomes, len(parcel.arrivals)))
            parcel.succeed(outcome)
            self._hand_on(parcel.arrivals, outcome)

    def _store(self, connection: Connection, arrivals: list[Arrival]) -> list[Stored]:
        outcome = alerts.store(connection, arrivals)
        for arrival, stored in zip(arrivals, outcome, strict=True):
            checkpoint("intake.inserted")
            text = _at_the_door(arrival, stored)
            if text is not None:
                loud = stored.state is AlertState.INVALID
                priority = Priority.FACT if loud else Priority.CHATTER
                self._outbox.tell(
                    connection,
                    text,
                    at=arrival.received_at,
                    loud=loud,
                    priority=priority,
                    event=NoticeEvent.INVALID if loud else NoticeEvent.DUPLICATE,
                    strategy=arrival.strategy,
                )
        return outcome

    async def run(self) -> None:
        """Looks for what is stored and was never handed on, for as long as it is not cancelled.

        A commit that ends in an error may have happened all the same; sent again, the alert is a duplicate.
        """
        while True:
            await asyncio.sleep(FORGOTTEN_SECONDS)
            try:
                await self.take_up(older_than=FORGOTTEN_AGE)
            except StorageFailed as error:
                log.error("unplanned_alerts_not_read", error=str(error))

    async def take_up(self, older_than: timedelta = timedelta(0)) -> None:
        """Hands on what is stored, not planned, and in no lane, in its order. Raises StorageFailed."""
        latest = self._clock() - older_than
        for row in await self._database.read(alerts.unplanned):
            inside = row.source.startswith(alerts.INSIDE)
            if row.received_at <= latest and not inside and not self._lanes.holds(row.id):
                self._lanes.put(
                    Accepted(
                        alert_id=row.id,
                        strategy=row.strategy,
                        signal=alerts.signal_of(row),
                        received_at=row.received_at,
                    )
                )

    def _hand_on(self, arrivals: list[Arrival], outcome: list[Stored]) -> None:
        for arrival, stored in zip(arrivals, outcome, strict=True):
            if stored.state is AlertState.RECEIVED and arrival.signal is not None:
                self._lanes.put(
                    Accepted(
                        alert_id=arrival.alert_id,
                        strategy=arrival.strategy,
                        signal=arrival.signal,
                        received_at=arrival.received_at,
                    )
                )
            else:
                self._told()


def _at_the_door(arrival: Arrival, stored: Stored) -> str | None:
    if stored.state is AlertState.INVALID:
        return wording.not_understood(arrival.alert_id, arrival.strategy, arrival.field, arrival.reason)
    if stored.duplicate_of is not None:
        return wording.duplicate(stored.duplicate_of, arrival.strategy)
    return None


class Precedence:
    """Who goes first while alerts stream in: their acknowledgements, then exits, then entries.

    TradingView gives up after 3 s (facts/tradingview.md 1); planning a moment later costs nobody anything.
    """

    def __init__(self) -> None:
        self._came_at = self._came_before = float("-inf")
        self._at_the_door = self._exits = 0
        self._no_exits = asyncio.Event()
        self._no_exits.set()

    @contextmanager
    def at_the_door(self) -> Iterator[None]:
        """While one is being acknowledged."""
        self._came_before, self._came_at = self._came_at, time.monotonic()
        self._at_the_door += 1
        try:
            yield
        finally:
            self._at_the_door -= 1

    async def turn(self, alert: Accepted) -> None:
        """Returns at once unless alerts stream in; then in the next lull, an entry after the exits."""
        lull = EXIT_LULL_SECONDS if _is_exit(alert) else LULL_SECONDS
        if self._came_at - self._came_before >= lull:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_DEFERRAL_SECONDS):
                while self._at_the_door or self._left(lull) > 0:  # noqa: ASYNC110  a lull is time itself
                    await asyncio.sleep(max(self._left(lull), EXIT_LULL_SECONDS))
                if not _is_exit(alert):
                    await self._no_exits.wait()

    def _left(self, lull: float) -> float:
        return self._came_at + lull - time.monotonic()

    @contextmanager
    def held_by(self, alert: Accepted) -> Iterator[None]:
        """While it is worked on: what an exit writes overtakes what waits for the database."""
        if not _is_exit(alert):
            yield
            return
        self._exits += 1
        self._no_exits.clear()
        try:
            with urgent():
                yield
        finally:
            self._exits -= 1
            if not self._exits:
                self._no_exits.set()


class Lanes:
    """One queue a strategy: alerts of one strategy are worked on in order, those of others beside them."""

    def __init__(self, work: Callable[[Accepted], Awaitable[None]]) -> None:
        self._work = work
        self.precedence = Precedence()
        self._queues: dict[str, deque[Accepted]] = {}
        self._ids: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    def holds(self, alert_id: str) -> bool:
        """Whether the alert waits here, or is being worked on."""
        return alert_id in self._ids

    def put(self, alert: Accepted) -> None:
        """Hands an alert on; its turn comes after all earlier ones of its strategy."""
        strategy = alert.strategy
        self._ids.add(alert.alert_id)
        self._queues.setdefault(strategy, deque()).append(alert)
        if strategy not in self._tasks and not self._stopped:
            self._tasks[strategy] = asyncio.create_task(self._run(strategy), name=f"lane {strategy}")

    async def _run(self, strategy: str) -> None:
        try:
            while queue := self._queues.get(strategy):
                await self.precedence.turn(queue[0])
                await self._work_until_stored(queue[0])
                self._ids.discard(queue.popleft().alert_id)
        finally:
            self._queues.pop(strategy, None)
            self._tasks.pop(strategy, None)

    async def _work_until_stored(self, alert: Accepted) -> None:
        while True:
            try:
                with self.precedence.held_by(alert):
                    await self._work(alert)
                return
            except StorageFailed as error:
                log.error("alert_waits_for_the_database", alert_id=alert.alert_id, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # a border: the strategy's next alert must have its turn
                log.error("alert_not_worked_on", alert_id=alert.alert_id, error=repr(error), exc_info=error)
                return

    async def stop(self) -> None:
        """Ends all lanes; what was not finished is found again at the next start."""
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_exit(alert: Accepted) -> bool:
    return alert.signal.action is not Action.BUY
