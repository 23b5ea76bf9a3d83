"""Reconciliation: the broker's book against ours. Adopts, fills, escalates; it can read and cannot place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway import wording
from gateway.breaker import Breaker
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, BrokerFault, StorageFailed
from gateway.domain.market import ist
from gateway.domain.order import WORKING_ORDERS, BrokerOrder, IntentState, OrderState, Purpose, Side
from gateway.kite.outcomes import fault_of_words
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage import alerts, intents, orders
from storage.engine import Database
from storage.notices import Outbox, Priority
from storage.orders import Change

log = structlog.get_logger()

#: How long the book is searched for an unknown order before the owner is asked (facts/reliability.md 1.2).
HORIZON = timedelta(seconds=180)

#: Seconds between two looks into the book: while an outcome is unknown, while orders work without and
#: with a stream, and at rest.
UNKNOWN_INTERVAL = 2.0
WORKING_INTERVAL = 1.0
STREAMED_INTERVAL = 5.0
REST_INTERVAL = 60.0
#: After a look that failed, seconds; doubled while it goes on failing.
FIRST_RETRY, LONGEST_RETRY = 1.0, 10.0
#: So many failed looks in a row are told.
FAILURES_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What reconciliation is told and tells: nothing in here can place an order."""

    #: Ids of intents whose call is under way in this process.
    in_flight: Callable[[], Iterable[str]]
    #: Whether the venue's stream brings order updates.
    streaming: Callable[[], bool]
    #: The venue's book was read whole: placing may begin.
    opened: Callable[[], None]
    #: The intent of an order that carries no tag of ours, where a guard released it.
    adopt: Callable[[Connection, BrokerOrder], Row[Any] | None] = lambda _connection, _order: None


class Reconciler:
    """One venue's book, read at start, after each gap, and while anything is open or unknown."""

    def __init__(
        self,
        access: VenueAccess,
        database: Database,
        outbox: Outbox,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        ports: Ports,
        breaker: Breaker,
    ) -> None:
        self._breaker = breaker
        self._access = access
        self._venue = access.venue
        self._database = database
        self._outbox = outbox
        self._wakeups = wakeups
        self._clock = clock
        self._ports = ports
        self._failures = 0
        #: What the book said last of the orders we know: said again, it needs no look into the database.
        self._taken: dict[str, BrokerOrder] = {}
        #: Why the book cannot be read at present; None while it can.
        self.trouble: str | None = None

    async def run(self) -> None:
        """Reads the book whenever there is a reason, for as long as it is not cancelled."""
        while True:
            try:
                if self._access.session.alive:
                    await self.read()
                interval = await self._interval()
            except StorageFailed as error:
                log.error("reconciliation_waits_for_the_database", error=str(error))
                interval = UNKNOWN_INTERVAL
            await self._wakeups.books[self._venue].wait(interval)

    async def read(self) -> bool:
        """One look into the book; what it says is taken over. False when the book could not be read."""
        asked_at = self._clock()
        try:
            book = await self._access.book.orders()
        except BrokerError as error:
            log.warning("book_not_read", venue=self._venue, error=error.sentence)
            await self._note_trouble(error)
            if error.fault is BrokerFault.TOKEN:
                await self._access.session.mark_dead(error.sentence, asked_at)
            return False
        self.trouble, self._failures = None, 0
        checkpoint("book.read")
        await self._take(book, whole=True)
        self._ports.opened()
        return True

    async def on_order(self, order: BrokerOrder) -> None:
        """An update from the stream or a re-read after a postback."""
        checkpoint("update.received")
        await self._take([order], whole=False)

    async def _take(self, book: list[BrokerOrder], *, whole: bool) -> None:
        now = self._clock()
        taken: dict[str, BrokerOrder] = {}
        touched = await self._database.write(
            lambda connection: self._apply_all(connection, book, now, taken, whole=whole)
        )
        checkpoint("book.committed")
        self._taken = taken if whole else {**self._taken, **taken}
        if touched:
            self._wakeups.told(*touched)

    def _apply_all(
        self,
        connection: Connection,
        book: list[BrokerOrder],
        now: datetime,
        taken: dict[str, BrokerOrder],
        *,
        whole: bool,
    ) -> set[str]:
        """Every order of the book, then (after a whole look) what is missing in it; the alerts touched.

        `taken` gets the orders that are known, as they are now.
        """
        touched = set()
        for order in book:
            if self._taken.get(order.order_id) != order:
                is_ours, alert = self._apply(connection, order, now)
                if alert is not None:
                    touched.add(alert)
                if not is_ours:
                    continue
            taken[order.order_id] = order
        checkpoint("book.applied")
        if whole:
            touched |= self._lapse(connection, {order.order_id for order in book}, now)
            # Asked inside the transaction: what was claimed while this waited for its turn is in flight, too.
            touched |= self._escalate(connection, now, set(self._ports.in_flight()))
        return touched

    def _apply(self, connection: Connection, order: BrokerOrder, now: datetime) -> tuple[bool, str | None]:
        """Whether we know the order, and the alert that its news is about; None when there is none."""
        row = orders.find(connection, self._venue, order.order_id, order.tags)
        if row is None:
            adopted = self._adopt(connection, order, now)
            if adopted is None:
                return False, None
            first = orders.apply(connection, self._venue, order, now)
            self._tell_oversold(connection, adopted, first, now)
            self._tell_end(connection, adopted, self._order_row(connection, order.order_id), now)
            return True, str(adopted.alert_id)
        change = orders.apply(connection, self._venue, order, now)
        if change is None:
            return True, None
        intent = intents.get(connection, change.row.intent_id)
        assert intent is not None  # noqa: S101  the order refers to it
        self._outbox.show(connection, f"alert:{intent.alert_id}", at=now)
        self._tell_oversold(connection, intent, change, now)
        if self._is_news(change):
            self._tell_end(connection, intent, change.row, now)
        return True, str(intent.alert_id)

    def _is_news(self, change: Change) -> bool:
        """Ended by this update, or filled further after its end."""
        late = change.newly_filled > 0 or change.priced
        return change.ended or (change.before == change.state and change.state not in WORKING_ORDERS and late)

    def _order_row(self, connection: Connection, order_id: str) -> Row[Any]:
        row = orders.find(connection, self._venue, order_id)
        assert row is not None  # noqa: S101  it was just adopted
        return row

    def _adopt(self, connection: Connection, order: BrokerOrder, now: datetime) -> Row[Any] | None:
        """An order not known by its id, known by its tag: matched on nothing else (facts/kite.md 2.3)."""
        found = intents.by_tags(connection, self._venue, order.tags)
        if not found:
            return self._ports.adopt(connection, order)
        intent = found[0]
        known = orders.of_intents(connection, [intent.id]).get(intent.id)
        if known is not None:
            self._alarm(connection, intent, known.order_id, order.order_id, now)
            return None
        if intent.state != IntentState.PLACING:
            text = wording.found(intent, order.order_id)
            self._outbox.tell(connection, text, at=now, subject=f"alert:{intent.alert_id}")
        intents.mark_placed(connection, intent, now)
        orders.place(connection, intent, order.order_id, order.variety, now)
        checkpoint("book.adopted")
        self._outbox.show(connection, f"alert:{intent.alert_id}", at=now)
        return intent

    def _alarm(
        self, connection: Connection, intent: Row[Any], ours: str, stranger: str, now: datetime
    ) -> None:
        """Told once a pair: the surplus order is remembered under the same alert without an intent."""
        if orders.note_stranger(connection, self._venue, stranger, intent, now):
            text = wording.two_orders(intent, (ours, stranger))
            event = NoticeEvent.UNKNOWN
            self._outbox.tell(connection, text, at=now, priority=Priority.QUESTION, event=event)

    def _tell_oversold(
        self, connection: Connection, intent: Row[Any], change: Change | None, now: datetime
    ) -> None:
        """An exit and a trigger met at the exchange, or somebody sold by hand: the account may be short."""
        if change is not None and change.oversold:
            text = wording.oversold(intent, change.oversold)
            subject = f"alert:{intent.alert_id}"
            self._outbox.tell(connection, text, at=now, subject=subject, priority=Priority.QUESTION)

    def _tell_end(self, connection: Connection, intent: Row[Any], order: Row[Any], now: datetime) -> None:
        state = OrderState(order.state)
        if state is OrderState.FILLED:
            alert = alerts.get(connection, intent.alert_id)
            text = wording.filled(intent, order, now - (alert.received_at if alert else intent.planned_at))
            event = NoticeEvent.FILL
        elif order.cancel_reason == orders.GUARD and not order.filled_quantity:
            return  # a guard's stop that made way: its card says so
        elif state in {OrderState.CANCELLED, OrderState.REJECTED}:
            if state is OrderState.REJECTED:
                words = order.status_message or order.status
                self._breaker.refused(connection, words, fault_of_words(words), now)
            text = wording.ended_unfilled(intent, order)
            event = NoticeEvent.REJECTED if state is OrderState.REJECTED else NoticeEvent.CANCELLED
            if intent.purpose != Purpose.ENTRY:
                event = NoticeEvent.EXIT_REFUSED
        else:
            return
        subject, strategy = f"alert:{intent.alert_id}", intent.strategy
        self._outbox.tell(connection, text, at=now, subject=subject, event=event, strategy=strategy)

    def _lapse(self, connection: Connection, listed: set[str], now: datetime) -> set[str]:
        """Day orders end with their day, and the next day's book has them no more (facts/kite.md 10.2, 10.5).

        What such an order filled after it was last seen shows in the account's positions alone.
        """
        today = ist(now).date()
        found = [
            row
            for row in orders.working(connection)
            if row.venue == self._venue and row.order_id not in listed and ist(row.placed_at).date() < today
        ]
        return {alert for row in found if (alert := self._apply(connection, _lapsed(row), now)[1])}

    def _escalate(self, connection: Connection, now: datetime, in_flight: set[str]) -> set[str]:
        """What the book does not show: a call that died with its process is unknown; an unknown one past
        the horizon becomes a question. The rows were adopted before this, if the book had them."""
        touched = set()
        for row in intents.in_state(connection, IntentState.PLACING, IntentState.UNKNOWN):
            if row.venue != self._venue or row.id in in_flight:
                continue
            if row.state == IntentState.PLACING:
                self._lose_sight(connection, row, now)
            elif row.questioned_at is None and now - row.placing_at >= HORIZON:
                self._question(connection, row, now)
            else:
                continue
            touched.add(str(row.alert_id))
        return touched

    def _lose_sight(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        reason = "the gateway stopped before Kite's answer was written down"
        intents.lose_sight(connection, row, reason, now)
        subject, text = f"alert:{row.alert_id}", wording.outcome_unknown(row, reason)
        self._outbox.tell(
            connection,
            text,
            at=now,
            subject=subject,
            event=NoticeEvent.UNKNOWN,
            strategy=row.strategy,
        )
        self._outbox.show(connection, subject, at=now)

    def _question(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        intents.mark_questioned(connection, row, now)
        checkpoint("book.questioned")
        subject = f"alert:{row.alert_id}"
        text = wording.still_unknown(row, now - row.placing_at)
        self._outbox.tell(
            connection,
            text,
            at=now,
            subject=subject,
            priority=Priority.QUESTION,
            event=NoticeEvent.UNKNOWN,
            strategy=row.strategy,
        )
        self._outbox.show(connection, subject, at=now, priority=Priority.QUESTION)

    async def _note_trouble(self, error: BrokerError) -> None:
        """A book that cannot be read keeps everything waiting: told once, when it is more than a hiccup."""
        self._failures += 1
        self.trouble = error.sentence
        if self._failures != FAILURES_TOLD or error.fault is BrokerFault.TOKEN:
            return
        now = self._clock()
        text = wording.book_not_read(str(self._venue), error.sentence)

        def tell(connection: Connection) -> None:
            self._outbox.tell(connection, text, at=now, priority=Priority.QUESTION)

        await self._database.write(tell)
        self._wakeups.outbox.ring()

    async def _interval(self) -> float:
        """How soon the next look is due."""
        if self._failures:
            return min(FIRST_RETRY * 2.0 ** min(self._failures - 1, 8), LONGEST_RETRY)
        now = self._clock()
        unknown, working = await self._database.write(self._pending)
        if any(now - row.placing_at < HORIZON + timedelta(seconds=30) for row in unknown):
            return UNKNOWN_INTERVAL
        if working:
            return STREAMED_INTERVAL if self._ports.streaming() else WORKING_INTERVAL
        return REST_INTERVAL if not unknown else STREAMED_INTERVAL

    def _pending(self, connection: Connection) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """Intents that may have an order we do not know, and orders that may still fill, at this venue."""
        unknown = intents.in_state(connection, IntentState.PLACING, IntentState.UNKNOWN)
        working = orders.working(connection)
        return (
            [row for row in unknown if row.venue == self._venue],
            [row for row in working if row.venue == self._venue],
        )


def _lapsed(row: Row[Any]) -> BrokerOrder:
    """The end of a day order that was not heard of."""
    return BrokerOrder(
        order_id=row.order_id,
        status="CANCELLED",
        status_message=f"its day, {ist(row.placed_at):%d %b}, is over and the order book has it no more",
        tags=frozenset(),
        exchange="",
        tradingsymbol=row.tradingsymbol,
        side=Side(row.side),
        product=row.product,
        variety=row.variety,
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        pending_quantity=0,
        cancelled_quantity=row.quantity - row.filled_quantity,
        average_price=row.average_price or Decimal(0),
        order_timestamp=None,
    )
