"""After a guard went off: sold, refused, cancelled, given up; and never more sold than is held."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.errors import BrokerFault
from gateway.domain.order import GuardState, IntentState, OrderState
from gateway.guards import releases, words
from gateway.guards.account import Account
from gateway.guards.steps import Act, Step
from gateway.guards.surroundings import Surroundings, is_stopped
from gateway.kite.outcomes import fault_of_words
from storage import guards, holdings, orders, sells
from storage.notices import Priority

#: How often what a trigger did not sell is sold again before the owner must act; the first pause, doubled.
MOST_SALES = 5
FIRST_PAUSE = timedelta(seconds=3)


class Aftermath:
    """Looks after one venue's triggered guards."""

    def __init__(self, around: Surroundings, account: Account) -> None:
        self._around = around
        self._account = account

    def steps(self, connection: Connection) -> list[Step]:
        """What is to be sold again; guards whose units are sold come to their end here."""
        rows = [
            row for row in guards.open_(connection, self._around.venue) if row.state == GuardState.TRIGGERED
        ]
        if not rows:
            return []
        busy = {sell.guard_id for sell in sells.live(connection, self._around.venue)}
        sold = guards.sold_by(connection, [row.id for row in rows])
        held = {row.intent_id: row.quantity for row in holdings.open_(connection, venue=self._around.venue)}
        steps = []
        for row in rows:
            if row.holding not in held or sold.get(row.id, 0) >= row.quantity:
                guards.finish(connection, row, self._around.clock())
                self._around.show(connection, row)
            elif row.id not in busy and self._must_sell(connection, row):
                steps.append(Step(act=Act.SELL, row=row))
        return steps

    def _must_sell(self, connection: Connection, row: Row[Any]) -> bool:
        intents = guards.orders_of(connection, row.id)
        if intents:
            return self._after(connection, row, intents[-1])
        if row.reason != releases.AWAITED:
            return True
        now = self._around.clock()
        if now >= row.due_at:
            guards.change(connection, row, now, due_at=now + timedelta(days=1))
            self._around.tell(
                connection,
                row,
                words.child_unknown(row),
                priority=Priority.QUESTION,
                event=NoticeEvent.UNKNOWN,
            )
        return False

    def _after(self, connection: Connection, row: Row[Any], last: Row[Any]) -> bool:
        """Whether to sell once more after the guard's last order ended without selling all."""
        order = orders.of_intents(connection, [last.id]).get(last.id)
        now = self._around.clock()
        if last.questioned_at is not None:
            self._give_up(connection, row, "It was re-priced as often as allowed.")
        elif _by_another_hand(order) and not self._around.is_open():
            guards.fail(connection, row, "the day ended before it was sold", now)
            self._around.show(connection, row)
        elif last.state == IntentState.CLOSED or _by_another_hand(order):
            self._give_up(connection, row, "Its order was cancelled at Kite by another hand.")
        elif order is not None and order.cancel_reason in {orders.EXIT, orders.KILL, orders.GUARD}:
            guards.fail(connection, row, f"its order was cancelled ({order.cancel_reason})", now)
            self._around.show(connection, row)
        elif row.attempts >= MOST_SALES:
            why = (order.status_message if order else last.reason) or "Its orders were refused."
            self._give_up(connection, row, why)
        else:
            ended: datetime = order.updated_at if order is not None else last.settled_at or last.planned_at
            return bool(now - ended >= FIRST_PAUSE * 2**row.attempts)
        return False

    def _give_up(self, connection: Connection, row: Row[Any], why: str) -> None:
        guards.fail(connection, row, why, self._around.clock(), final=True)
        self._around.tell(
            connection,
            row,
            words.gave_up(row, why),
            priority=Priority.QUESTION,
            event=NoticeEvent.EXIT_REFUSED,
        )

    def surplus(self, connection: Connection) -> list[Step]:
        """Orders at work that would sell more than is held: resting stops go first, then the exits that a
        trigger came upon, then what triggers released."""
        by_key: dict[sells.Key, list[Row[Any]]] = {}
        for sell in sells.live(connection, self._around.venue):
            by_key.setdefault(sells.key_of(sell), []).append(sell)
        steps = []
        for key, group in by_key.items():
            held = sum(row.quantity for row in holdings.of_contract(connection, *key))
            over = sum(sell.rest for sell in group) - held
            for sell in sorted(group, key=_dispensable):
                if over > 0 and sell.order_id is not None:
                    over -= sell.rest
                    act = Act.STAND_DOWN if sells.is_resting_stop(sell) else Act.CANCEL
                    steps.append(Step(act=act, row=sell))
        return steps

    def sell(self, connection: Connection, guard_id: str, step: Step, last: Decimal | None) -> bool:
        """An exit at the market for what the guard has not sold; False when nothing can be done now.

        Never for units that the account was seen not to have: somebody may have closed by hand.
        """
        row, now = guards.known(connection, guard_id), self._around.clock()
        if row.state not in _SELLS or not self._around.is_open() or is_stopped(connection):
            return False
        held = {each.intent_id: each.quantity for each in holdings.open_(connection, venue=row.venue)}
        there = held.get(row.holding, 0) - self._account.shortage((row.tradingsymbol, row.product))
        free = releases.free_units(connection, row, max(there, 0))
        strategy = self._around.settings.strategy(row.strategy)
        terms = releases.at_the_market(strategy, row, free // row.lot_size * row.lot_size, last)
        if terms is None or terms.quantity <= 0:
            return False
        if row.state == GuardState.TRIGGERED:
            guards.change(connection, row, now, attempts=row.attempts + 1)
            text = words.again(row) if row.attempts else None
        else:
            guards.trigger(connection, row, f"{step.edge} reached at {last}", now)
            text = words.reached(row, step.edge, last) if step.edge and last is not None else None
        intent = releases.add(connection, row, terms, row.reason or f"{step.edge} reached", now)
        releases.approve(connection, intent, now)
        releases.end_questions(self._around, connection, row)
        if text is not None:
            self._around.tell(connection, row, text, priority=Priority.QUESTION, event=NoticeEvent.TRIGGERED)
        return True


#: States from which a guard sells by an exit of ours.
_SELLS = frozenset({GuardState.WANTED, GuardState.ACTIVE, GuardState.TRIGGERED})


def _by_another_hand(order: Row[Any] | None) -> bool:
    """Cancelled, not by us, and not by the exchange for its price."""
    if order is None or order.state != OrderState.CANCELLED or order.cancel_reason is not None:
        return False
    return fault_of_words(order.status_message or "") is not BrokerFault.PRICE_BAND


def _dispensable(sell: Row[Any]) -> tuple[bool, bool]:
    """Sorts live sells: what gives way first comes first."""
    return not sells.is_resting_stop(sell), sell.guard_id is not None
