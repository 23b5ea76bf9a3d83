"""Patience with working orders: an entry's rest is cancelled, an exit's re-priced and sent anew."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from config.settings import Settings
from gateway import wording
from gateway.domain.errors import BrokerError, BrokerFault, Refusal, StorageFailed
from gateway.domain.order import IntentId, Purpose, Side, make_tag
from gateway.drafts import pricing
from gateway.execution import Executor
from gateway.exits import contract_of
from gateway.kite.outcomes import fault_of_words
from gateway.positions import soon
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage import flags, holdings, intents, orders, sells
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

_FAILS, _ANEW = NoticeEvent.EXIT_REFUSED, NoticeEvent.SENT_ANEW

#: How long an order may work before its rest is cancelled: an entry that was to cross the market, an entry
#: that was to rest at its limit, an exit.
ENTRY_PATIENCE = timedelta(seconds=20)
LIMIT_ENTRY_PATIENCE = timedelta(seconds=300)
EXIT_PATIENCE = timedelta(seconds=5)
#: A cancellation that was asked for and not seen is asked for again after this time.
CANCEL_AGAIN = timedelta(seconds=15)
#: How often an exit's rest is sent anew before the owner must act; louder each time.
MOST_CHASES = 5
#: A rest's intent has its forerunner's part and this; so the part tells how often it was sent anew.
CHASE_STEP = 100
#: Rests of older intents are not carried on: Kite's orders end with the day.
TODAY = timedelta(hours=12)
LOOK_SECONDS = 1.0


class Chaser:
    """Looks at working orders once a second. It asks execution to cancel; new intents go the usual way."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        executor: Executor,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._executor = executor
        self._wakeups = wakeups
        self._clock = clock
        #: Orders whose cancellation was refused twice, each told once.
        self._stuck: set[str] = set()

    async def run(self) -> None:
        """Watches for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("chase_waits_for_the_database", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Cancels what has waited too long; carries on the rests of exits that ended unfilled."""
        now = self._clock()
        working = await self._database.read(orders.working)
        overdue = [row for row in working if self._is_overdue(row, now)]
        await asyncio.gather(*(self._cancel(row) for row in overdue if not _is_last(row)))
        for row in overdue:
            if _is_last(row) and row.questioned_at is None:
                await self._database.write(partial(self._give_up, intent_id=row.intent_id))
        since = now - TODAY
        for row in await self._database.read(lambda connection: orders.unfinished(connection, since)):
            await self._carry_on(row)

    def _is_overdue(self, row: Row[Any], now: datetime) -> bool:
        if _is_resting(row):
            return False
        if row.cancel_asked_at is not None:
            return bool(now - row.cancel_asked_at >= CANCEL_AGAIN)
        patience = EXIT_PATIENCE
        if row.purpose == Purpose.ENTRY:
            rests = self._settings.strategy(row.strategy).pricing == "limit"
            patience = LIMIT_ENTRY_PATIENCE if rests else ENTRY_PATIENCE
        # A stop begins to work when it is released.
        since = row.updated_at if row.order_type == sells.STOP_ORDER else row.placed_at
        return bool(now - since >= patience)

    async def _cancel(self, row: Row[Any]) -> None:
        """The book says when it is cancelled; until then it may still fill."""
        reason = orders.CHASE if row.purpose != Purpose.ENTRY else orders.TIMEOUT
        try:
            await self._executor.cancel(row.venue, row.order_id, row.variety, row.cancel_reason or reason)
        except BrokerError as error:
            log.warning("not_cancelled", order_id=row.order_id, error=error.sentence)
            if row.cancel_asked_at is not None and row.order_id not in self._stuck:
                self._stuck.add(row.order_id)
                await self._database.write(partial(self._tell_stuck, row=row, words=error.sentence))
                self._wakeups.told(row.alert_id)

    def _tell_stuck(self, connection: Connection, row: Row[Any], words: str) -> None:
        intent = intents.get(connection, row.intent_id)
        if intent is not None:
            self._tell(
                connection, intent, wording.not_cancelled(intent, row.order_id, words), self._clock(), _FAILS
            )

    async def _carry_on(self, row: Row[Any]) -> None:
        """A rest gets a new intent with a price of now, where one is due."""
        if not is_due(row):
            return
        access = self._venues[row.venue]
        premium = await soon(access.prices.last(f"{row.exchange}:{row.tradingsymbol}"))
        told = await self._database.write(lambda connection: self._commit(connection, row, premium))
        if told:
            self._wakeups.executor.ring()
            self._wakeups.told(row.alert_id)

    def _commit(self, connection: Connection, row: Row[Any], premium: Decimal | None) -> bool:
        now = self._clock()
        if row.purpose != Purpose.CLOSE and flags.value(connection, flags.KILL_SWITCH) is not None:
            return False
        if intents.successor_of(connection, row.id) is not None:
            return False
        quantity = self._rest(connection, row)
        if quantity <= 0:
            return False
        if _chases(row) >= MOST_CHASES:
            self._give_up(connection, row.id)
            return True
        try:
            values = self._values(row, quantity, premium)
        except Refusal as refusal:
            log.warning("chase_waits", intent_id=row.id, reason=refusal.sentence)
            return False
        intents.carry_on(connection, row, values, now)
        self._tell(connection, row, wording.chased(row, quantity, _chases(row) + 1, MOST_CHASES), now, _ANEW)
        return True

    def _rest(self, connection: Connection, row: Row[Any]) -> int:
        """Units still to be traded; of an exit never more than is held and not being sold already."""
        rest: int = row.quantity - row.filled_quantity
        if row.purpose == Purpose.ENTRY:
            return rest
        held = sum(
            each.quantity
            for each in holdings.of_contract(
                connection, row.venue, row.strategy, row.tradingsymbol, row.product
            )
        )
        busy = intents.being_sold(connection, row.venue, row.strategy, row.tradingsymbol, row.product)
        return min(rest, int(held) - busy)

    def _values(self, row: Row[Any], quantity: int, premium: Decimal | None) -> dict[str, Any]:
        strategy = self._settings.strategy(row.strategy)
        order_type, price, protection = pricing(
            strategy, Purpose(row.purpose), Side(row.side), contract_of(row), premium
        )
        part = row.part + CHASE_STEP
        return {
            "id": IntentId(f"{row.alert_id}-{part}"),
            "part": part,
            "tag": make_tag(row.alert_id, part),
            "quantity": quantity,
            "order_type": order_type,
            "price": price,
            "market_protection": protection,
            "premium": premium,
        }

    def _give_up(self, connection: Connection, intent_id: str) -> None:
        """The owner must act; the order, if it still works, is left working."""
        row = intents.get(connection, intent_id)
        assert row is not None  # noqa: S101  its order or itself was just read
        now = self._clock()
        intents.mark_questioned(connection, row, now)
        self._tell(connection, row, wording.chase_given_up(row), now, _FAILS)

    def _tell(
        self, connection: Connection, row: Row[Any], text: str, now: datetime, event: NoticeEvent
    ) -> None:
        subject = f"alert:{row.alert_id}"
        self._outbox.tell(
            connection,
            text,
            at=now,
            subject=subject,
            priority=Priority.QUESTION,
            event=event,
            strategy=row.strategy,
        )
        self._outbox.show(connection, subject, at=now)


def _chases(row: Row[Any]) -> int:
    """How often the rest of its first intent was sent anew before this one."""
    return int(row.part // CHASE_STEP)


def _is_resting(row: Row[Any]) -> bool:
    """A stop that has not been released: nobody waits for its fill, unless it was to be cancelled."""
    waits = row.order_type == sells.STOP_ORDER and row.status != sells.RELEASED
    return bool(waits and not row.filled_quantity and row.cancel_asked_at is None)


def _is_last(row: Row[Any]) -> bool:
    return row.purpose != Purpose.ENTRY and _chases(row) >= MOST_CHASES


def is_due(row: Row[Any]) -> bool:
    """Exits that we cancelled to chase them, that the exchange threw out, or that met the pace; an entry only
    when its price was out of the band, once, or when Kite said that it is too many, three times."""
    fault = fault_of_words(row.status_message or row.reason or "")
    if row.order_type == sells.STOP_ORDER:
        # A stop at rest that ended is its guard's affair; we cancelled it only if it was released.
        return bool(row.cancel_reason == orders.CHASE)
    if row.purpose != Purpose.ENTRY:
        return row.cancel_reason in {None, orders.CHASE} and (
            row.cancel_reason == orders.CHASE or fault in {BrokerFault.PRICE_BAND, BrokerFault.RATE_LIMIT}
        )
    again = {BrokerFault.PRICE_BAND: 1, BrokerFault.RATE_LIMIT: 3}.get(fault, 0)
    return _chases(row) < again and row.cancel_reason is None
