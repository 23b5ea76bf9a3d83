"""Stops of MIS: stop-limit orders that rest at the exchange, placed by execution like every order of ours."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.domain.guarding import Edge, limit_behind
from gateway.domain.order import WORKING_ORDERS, GuardState, IntentState, OrderState
from gateway.guards import releases, words
from gateway.guards.releases import Terms
from gateway.guards.surroundings import Surroundings, is_short
from gateway.kite.outcomes import fault_of_words
from storage import guards, intents, orders, sells
from storage.guards import Placed
from storage.notices import Priority

log = structlog.get_logger()

#: A cancellation that was asked for and not seen is asked for again after this time.
CANCEL_AGAIN = timedelta(seconds=5)
_MADE_WAY = "it made way for another exit"


class Stops:
    """One venue's resting stops."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def place(self, connection: Connection, guard_id: str) -> None:
        """Decides on the order: from here on execution has it."""
        row, now = guards.known(connection, guard_id), self._around.clock()
        if row.state != GuardState.WANTED:
            return
        limit = limit_behind(row.stop, row.tick_size, self._around.figures.stop, short=is_short(row))
        guards.claim(connection, row, Placed(stop_trigger=row.stop, stop_limit=limit), now)
        terms = Terms(quantity=row.quantity, order_type=sells.STOP_ORDER, price=limit, trigger_price=row.stop)
        intent = releases.add(connection, row, terms, "stop", now)
        releases.approve(connection, intent, now)

    def sync(self, connection: Connection, row: Row[Any]) -> None:
        """What became of the order is what becomes of the guard."""
        first = guards.orders_of(connection, row.id)[0]
        now = self._around.clock()
        if first.state == IntentState.UNKNOWN and row.state == GuardState.PLACING:
            guards.lose_sight(connection, row, first.reason or "no clear answer", now)
            self._around.show(connection, row)
        elif first.state == IntentState.REFUSED:
            self._not_placed(connection, row, first, now)
        elif first.state in {IntentState.CLOSED, IntentState.EXPIRED}:
            guards.fail(connection, row, first.reason or "there is no order", now)
            self._around.show(connection, row)
        elif first.state == IntentState.PLACED:
            self._follow(connection, row, orders.of_intents(connection, [first.id])[first.id], now)

    def _not_placed(self, connection: Connection, row: Row[Any], first: Row[Any], now: datetime) -> None:
        if first.refused_by == "rules":
            guards.remove(connection, row, first.reason or _MADE_WAY, now)
        else:
            self._refused(connection, row, first.reason or "refused", now)
        self._around.show(connection, row)

    def _refused(self, connection: Connection, row: Row[Any], why: str, now: datetime) -> None:
        """Told once for each new reason: until a stop is at rest, the gateway alone watches."""
        before = [each for each in guards.of_holding(connection, row.holding) if each.id != row.id]
        last = next((each for each in reversed(before) if each.kind == row.kind), None)
        guards.fail(connection, row, why, now)
        if last is None or last.reason != why:
            self._around.tell(connection, row, words.stop_refused(row, why), priority=Priority.QUESTION)

    def _follow(self, connection: Connection, row: Row[Any], order: Row[Any], now: datetime) -> None:
        if row.state != GuardState.ACTIVE:
            guards.activate(connection, row, now)
            self._around.show(connection, row)
            row = guards.known(connection, row.id)
        if order.state in WORKING_ORDERS:
            if order.status == sells.RELEASED or order.filled_quantity:
                self._trigger(connection, row, now)
                text = words.triggered(row, Edge.STOP, row.stop_limit, order.order_id)
                self._around.tell(
                    connection, row, text, priority=Priority.QUESTION, event=NoticeEvent.TRIGGERED
                )
        elif order.filled_quantity or _was_released(order):
            self._trigger(connection, row, now)
        elif order.state == OrderState.REJECTED:
            self._refused(connection, row, order.status_message or "rejected", now)
        else:
            guards.remove(connection, row, _why_cancelled(order), now)
        self._around.show(connection, row)

    def _trigger(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        guards.trigger(connection, row, "stop triggered", now)
        releases.end_questions(self._around, connection, row)

    async def raise_to(self, row: Row[Any], stop: Decimal) -> None:
        """Modifies the order at the exchange; again at the next look where no clear answer came: the same
        change twice does no harm. One that is refused is modified no more: a new order takes its place."""
        live = await self._around.database.read(lambda connection: self._order_of(connection, row))
        if live is None:
            return
        limit = limit_behind(stop, row.tick_size, self._around.figures.stop, short=is_short(row))
        await self._count(row, (row.modifications or 0) + 1)
        try:
            await self._around.desk.modify_price(
                live.order_id,
                variety=live.variety,
                order_type=sells.STOP_ORDER,
                price=limit,
                trigger_price=stop,
            )
        except BrokerError as error:
            log.warning("stop_not_raised", order_id=live.order_id, error=error.sentence)
            if error.outcome is Outcome.REFUSED and error.fault is not BrokerFault.TOKEN:
                await self._count(row, self._around.figures.modifications)
            self._around.wakeups.look_into_the_book(live.venue)
            return
        await self._around.database.write(lambda connection: self._raised(connection, row, stop, limit))

    def _order_of(self, connection: Connection, row: Row[Any]) -> Row[Any] | None:
        rows = sells.live(connection, self._around.venue)
        found = [sell for sell in rows if sell.guard_id == row.id and sells.is_resting_stop(sell)]
        return next((sell for sell in found if sell.order_id and sell.cancel_asked_at is None), None)

    async def _count(self, row: Row[Any], times: int) -> None:
        """Before the call: a call without an answer may have counted at Kite, too."""
        now = self._around.clock()
        await self._around.database.write(
            lambda connection: guards.change(connection, row, now, modifications=times)
        )

    def _raised(self, connection: Connection, row: Row[Any], stop: Decimal, limit: Decimal) -> None:
        now = self._around.clock()
        guards.change(connection, row, now, stop=stop, stop_trigger=stop, stop_limit=limit)
        self._around.show(connection, row)

    def withdraw(self, connection: Connection, intent: Row[Any]) -> None:
        """A stop that was decided on and not sent yet is not sent."""
        if intent.state in {IntentState.PLANNED, IntentState.APPROVED}:
            intents.refuse(connection, intent, by="rules", reason=_MADE_WAY, at=self._around.clock())

    async def take_away(self, intent_id: str) -> str | None:
        """Withdraws or cancels it; it is gone when the book says so. The broker's words when it says no."""
        live = await self._around.database.write(
            lambda connection: self._withdraw_or_find(connection, intent_id)
        )
        if live is None or live.order_id is None or self._was_asked(live):
            return None
        try:
            await self._around.executor.cancel(live.venue, live.order_id, live.variety, orders.GUARD)
        except BrokerError as error:
            log.warning("stop_not_cancelled", order_id=live.order_id, error=error.sentence)
            self._around.wakeups.look_into_the_book(live.venue)
            return error.sentence
        return None

    def _withdraw_or_find(self, connection: Connection, intent_id: str) -> Row[Any] | None:
        live = next((row for row in sells.live(connection, self._around.venue) if row.id == intent_id), None)
        if live is not None:
            self.withdraw(connection, live)
        return live

    def _was_asked(self, live: Row[Any]) -> bool:
        asked: datetime | None = live.cancel_asked_at
        return asked is not None and self._around.clock() - asked < CANCEL_AGAIN


def _was_released(order: Row[Any]) -> bool:
    """Thrown out by the exchange for its price: that meets released orders only (facts/kite.md 3.3)."""
    band = fault_of_words(order.status_message or "") is BrokerFault.PRICE_BAND
    return bool(order.state == OrderState.CANCELLED and order.cancel_reason is None and band)


def _why_cancelled(order: Row[Any]) -> str:
    if order.cancel_reason == orders.GUARD:
        return _MADE_WAY
    if order.cancel_reason is not None:
        return f"cancelled ({order.cancel_reason})"
    return "cancelled at Kite: by another hand, or by the end of the day"
