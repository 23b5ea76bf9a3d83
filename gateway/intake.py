"""Intake: store, acknowledge, hand on. Many alerts share one commit."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy import Connection

from config.notices import NoticeEvent
from gateway import door_words
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.domain.market import utc_now
from gateway.domain.order import AlertState
from gateway.lanes import Accepted, Lanes
from storage import alerts
from storage.alerts import Arrival, Stored
from storage.engine import TURN_SECONDS, Database, Transact, urgent
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: What the database kept although it said that it had failed is looked for so often, and is so old by then.
FORGOTTEN_SECONDS, FORGOTTEN_AGE = 5.0, timedelta(seconds=10)
#: So long the first of a batch waits at most for others that come in with it.
GATHER_SECONDS = 0.003
#: How much of the most that were at the door at once is forgotten with each that comes.
_FADING = 0.99


@dataclass(eq=False, slots=True)
class _Parcel:
    """One body's arrivals, and the future of whoever waits for them (done already if he hung up)."""

    arrivals: list[Arrival]
    stored: asyncio.Future[list[Stored]]

    def succeed(self, outcome: list[Stored]) -> None:
        if not self.stored.done():
            self.stored.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        if not self.stored.done():
            known = isinstance(error, StorageFailed)
            self.stored.set_exception(error if known else StorageFailed(f"it cannot be stored: {error!r}"))


def _concerns_all(outcome: object) -> bool:
    """Whether no other alert could be stored now, either."""
    return isinstance(outcome, StorageFailed) and outcome.for_all


#: What became of one: stored, or why not.
_Outcome = tuple[_Parcel, "list[Stored] | BaseException"]


class Intake:
    """Takes arrivals; `accept` returns once they are on disk."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        lanes: Lanes,
        told: Callable[[], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._database = database
        self._outbox = outbox
        self._lanes = lanes
        self._told = told
        self._waiting: deque[_Parcel] = deque()
        #: Whether the database's thread is called, and has not come yet for what waits.
        self._called = False
        self._is_gathering = False
        self._came = 0
        self._usual = 0.0
        #: When alerts came that were answered 503, and why the last one; the owner does not know yet.
        self._unstored: list[datetime] = []
        self._why_unstored = ""

    async def accept(self, arrivals: list[Arrival]) -> list[Stored]:
        """Stores the arrivals of one body together, and hands on those that are new.

        Raises StorageFailed when nothing was stored.
        """
        parcel = _Parcel(arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        self._came += 1
        with self._lanes.precedence.at_the_door:
            self._gather_or_send_off()
            return await parcel.stored

    def _gather_or_send_off(self) -> None:
        """As soon as half of those who are at the door together wait, they go ahead; the others are
        understood while the disk is busy, and follow. Who is left over goes when nobody else comes."""
        self._usual = max(self._usual * _FADING, self._lanes.precedence.at_the_door.count)
        if len(self._waiting) * 2 >= self._usual:
            self._send_off()
        elif not self._is_gathering:
            self._is_gathering = True
            self._gather(time.monotonic() + GATHER_SECONDS, 0)

    def _gather(self, until: float, before: int) -> None:
        """While every turn of the loop brings somebody: to understand one is quicker than a commit."""
        if self._waiting and self._came > before and time.monotonic() < until:
            asyncio.get_running_loop().call_soon(self._gather, until, self._came)
            return
        self._is_gathering = False
        if self._waiting:
            self._send_off()

    def _send_off(self) -> None:
        if self._called:
            return
        self._called = True
        try:
            with urgent():
                job = self._database.begin(self._store_waiting, within=TURN_SECONDS)
        except StorageFailed as error:
            self._fail_waiting(error)
        else:
            job.add_done_callback(self._deliver)

    def _fail_waiting(self, error: BaseException) -> None:
        self._called = False
        for parcel in self._taken():
            parcel.fail(error)

    def _taken(self) -> Iterator[_Parcel]:
        with suppress(IndexError):
            while True:
                yield self._waiting.popleft()

    def _store_waiting(self, transact: Transact) -> list[_Outcome]:
        """On the database's thread: one transaction for all that wait by now."""
        self._called = False  # before they are taken: whoever comes after that calls again
        parcels = list(self._taken())
        return self._stored(transact, parcels) if parcels else []

    def _stored(self, transact: Transact, parcels: list[_Parcel]) -> list[_Outcome]:
        """All together, or, when that fails, each by itself: one bad alert costs its neighbours nothing."""
        try:
            stored = iter(transact(lambda connection: self._store(connection, parcels)))
        except BaseException as error:  # a border: whatever one alert breaks, the others go on
            if _concerns_all(error):
                # Waiting for the lock once more for each would take longer than TradingView does.
                return [(parcel, error) for parcel in (*parcels, *self._taken())]
            if len(parcels) > 1:
                return self._each_by_itself(transact, parcels)
            if not isinstance(error, StorageFailed):
                log.error("alert_not_storable", error=repr(error), exc_info=error)
            return [(parcels[0], error)]
        return [(parcel, list(islice(stored, len(parcel.arrivals)))) for parcel in parcels]

    def _each_by_itself(self, transact: Transact, parcels: list[_Parcel]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        for at, parcel in enumerate(parcels, 1):
            outcomes += self._stored(transact, [parcel])
            error = outcomes[-1][1]
            if _concerns_all(error):
                return [*outcomes, *((left, error) for left in parcels[at:])]
        return outcomes

    def _deliver(self, done: "asyncio.Future[list[_Outcome]]") -> None:
        if (error := done.exception()) is not None:  # its turn did not come in time
            self._fail_waiting(error)
            return
        outcomes = done.result()
        try:
            for parcel, outcome in outcomes:
                if isinstance(outcome, BaseException):
                    parcel.fail(outcome)
                    continue
                checkpoint("intake.committed")
                parcel.succeed(outcome)
                self._hand_on(parcel.arrivals, outcome)
        finally:
            for parcel, _ in outcomes:
                parcel.fail(StorageFailed("the alert could not be stored"))

    def _store(self, connection: Connection, parcels: list[_Parcel]) -> list[Stored]:
        arrivals = [arrival for parcel in parcels for arrival in parcel.arrivals]
        outcome = alerts.store(connection, arrivals)
        for arrival, stored in zip(arrivals, outcome, strict=True):
            checkpoint("intake.inserted")
            if stored.state is AlertState.INVALID:
                self._tell(connection, arrival, door_words.not_understood(arrival), NoticeEvent.INVALID)
            elif stored.repeat is not None:
                text = door_words.duplicate(arrival, stored.repeat)
                calm = door_words.is_sent_again(arrival, stored.repeat)
                self._tell(connection, arrival, text, NoticeEvent.DUPLICATE, loud=not calm)
        return outcome

    def _tell(
        self, connection: Connection, arrival: Arrival, text: str, event: NoticeEvent, *, loud: bool = True
    ) -> None:
        self._outbox.tell(
            connection,
            text,
            at=arrival.received_at,
            loud=loud,
            priority=Priority.FACT if loud else Priority.CHATTER,
            event=event,
            strategy=arrival.strategy,
        )

    async def run(self) -> None:
        """Looks for what is stored and was never handed on, for as long as it is not cancelled.

        A commit that ends in an error may have happened all the same; sent again, the alert is a duplicate.
        """
        while True:
            await asyncio.sleep(FORGOTTEN_SECONDS)
            try:
                await self.take_up(older_than=FORGOTTEN_AGE)
                await self.own_up()
            except StorageFailed as error:
                log.error("unplanned_alerts_not_read", error=str(error))

    def answered_503(self, arrivals: list[Arrival], why: str) -> None:
        """These were not stored, and whoever sent them was told so; their owner will be."""
        self._unstored += [arrival.received_at for arrival in arrivals]
        self._why_unstored = why

    async def own_up(self) -> None:
        """Tells of alerts that were answered 503, once messages can be stored. Raises StorageFailed."""
        if not self._unstored:
            return
        count, first, last = len(self._unstored), self._unstored[0], self._unstored[-1]
        text = door_words.not_stored(count, first, last, self._why_unstored)
        await self._database.write(lambda connection: self._outbox.tell(connection, text, at=self._clock()))
        del self._unstored[:count]
        self._told()

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
