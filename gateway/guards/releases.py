"""The orders of guards: what a trigger released, adopted by its id; what the gateway sells itself; stops.

Each is an exit of the guard's strategy under an alert of its own, so that its fill, its rest and its messages
go the way of every exit.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row

from config.settings import StrategySettings
from gateway.domain.contract import OptionType
from gateway.domain.guard import BrokerGuardLeg
from gateway.domain.guarding import Edge
from gateway.domain.order import (
    AlertState,
    BrokerOrder,
    GuardState,
    IntentId,
    Purpose,
    make_tag,
    new_alert_id,
)
from gateway.domain.signal import Action, Signal
from gateway.domain.sizing import marketable_limit
from gateway.guards import words
from gateway.guards.surroundings import Surroundings, closing_side
from storage import alerts, guards, holdings, intents, orders, sells
from storage.alerts import Arrival
from storage.notices import Priority

#: Of a guard that went off while the broker does not say yet which order it released.
AWAITED = "Kite has not said yet which order it released"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a guard's order is placed; prices in rupees."""

    quantity: int
    order_type: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    market_protection: Decimal | None = None
    premium: Decimal | None = None


def at_the_market(
    strategy: StrategySettings, guard: Row[Any], quantity: int, last: Decimal | None
) -> Terms | None:
    """Terms that cross the market now, whatever the strategy's way of pricing; None without a price."""
    if strategy.pricing == "protected_market":
        return Terms(
            quantity=quantity,
            order_type="MARKET",
            market_protection=strategy.market_protection,
            premium=last,
        )
    if last is None:
        return None
    price = marketable_limit(last, closing_side(guard), guard.tick_size)
    return Terms(quantity=quantity, order_type="LIMIT", price=price, premium=last)


def add(connection: Connection, guard: Row[Any], terms: Terms, why: str, now: datetime) -> Row[Any]:
    """A planned exit of the guard, under an alert of its own."""
    alert_id = new_alert_id()
    alerts.store(connection, [_arrival(guard, alert_id, why, now)])
    alerts.settle(connection, alert_id, AlertState.PLANNED, None, now)
    intents.add(connection, [_values(guard, alert_id, terms)], now)
    row = intents.get(connection, f"{alert_id}-1")
    assert row is not None  # noqa: S101  it was added above
    return row


def _arrival(guard: Row[Any], alert_id: Any, why: str, now: datetime) -> Arrival:
    return Arrival(
        alert_id=alert_id,
        received_at=now,
        source=f"guard: {guard.id}"[:64],
        body=f"{why} (alert {guard.alert_id})".encode(),
        body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
        strategy=guard.strategy,
        dedupe_key=None,
        signal=Signal(
            action=Action.EXIT,
            strategy=guard.strategy,
            symbol=guard.name,
            option_type=OptionType(guard.option_type),
            tradingsymbol=guard.tradingsymbol,
            product=guard.product,
        ),
    )


def _values(guard: Row[Any], alert_id: Any, terms: Terms) -> dict[str, Any]:
    return {
        "id": IntentId(f"{alert_id}-1"),
        "alert_id": alert_id,
        "part": 1,
        "tag": make_tag(alert_id, 1),
        "venue": guard.venue,
        "strategy": guard.strategy,
        "purpose": Purpose.EXIT,
        "side": closing_side(guard),
        "exchange": guard.exchange,
        "tradingsymbol": guard.tradingsymbol,
        "instrument_token": guard.instrument_token,
        "name": guard.name,
        "expiry": guard.expiry,
        "strike": guard.strike,
        "option_type": guard.option_type,
        "lot_size": guard.lot_size,
        "tick_size": guard.tick_size,
        "product": guard.product,
        "guard_id": guard.id,
        **terms.__dict__,
    }


def approve(connection: Connection, intent: Row[Any], now: datetime) -> None:
    """Exits of guards never wait for an approval."""
    intents.approve_unasked(connection, intent.alert_id, now)


def end_questions(around: Surroundings, connection: Connection, guard: Row[Any]) -> None:
    """The guard sells: in the same transaction nobody is asked any more whether to close its contract."""
    key, now = sells.key_of(guard), around.clock()
    for alert_id in intents.withdraw_asked(connection, {key}, words.REACHED, now):
        around.outbox.show(connection, f"alert:{alert_id}", at=now)


def adopt_order(around: Surroundings, connection: Connection, order: BrokerOrder) -> Row[Any] | None:
    """The exit that an order of the broker's book is, when one of our GTTs released it; else None."""
    if order.gtt_id is None:
        return None
    guard = guards.by_trigger(connection, around.venue, order.gtt_id)
    if guard is None or (guard.tradingsymbol, closing_side(guard)) != (order.tradingsymbol, order.side):
        return None
    return _adopt(around, connection, guard, order.order_id, order.quantity, order.price)


def adopt_leg(
    around: Surroundings, connection: Connection, guard: Row[Any], leg: BrokerGuardLeg
) -> Row[Any] | None:
    """The exit that a leg of a triggered GTT released; None when it is known already."""
    assert leg.order_id is not None  # noqa: S101  only such legs are handed over
    known = orders.find(connection, around.venue, leg.order_id)
    intent = intents.get(connection, known.intent_id) if known is not None and known.intent_id else None
    if intent is not None and intent.guard_id == guard.id:
        return None
    return _adopt(around, connection, guard, leg.order_id, leg.quantity, leg.price)


def _adopt(
    around: Surroundings,
    connection: Connection,
    guard: Row[Any],
    order_id: str,
    quantity: int,
    price: Decimal,
) -> Row[Any]:
    """Trigger, exit and order in one transaction: from its commit on nobody else sells these units."""
    now = around.clock()
    edge = edge_of(guard, price)
    if guard.state != GuardState.TRIGGERED:
        guards.trigger(connection, guard, f"{edge or 'guard'} triggered", now)
    else:
        guards.change(connection, guard, now, reason=f"{edge or 'guard'} triggered")
    level = guard.target_trigger if edge is Edge.TARGET else guard.stop_trigger
    terms = Terms(quantity=quantity, order_type="LIMIT", price=price, premium=level)
    intent = add(connection, guard, terms, f"GTT {guard.trigger_id} triggered", now)
    end_questions(around, connection, guard)
    intents.mark_placed(connection, intent, now)
    orders.place(connection, intent, order_id, "regular", now)
    around.tell(
        connection,
        guard,
        words.triggered(guard, edge, price, order_id),
        priority=Priority.QUESTION,
    )
    return intent


def edge_of(guard: Row[Any], price: Decimal) -> Edge | None:
    """Which leg an order with this limit belongs to; None when it fits neither."""
    limits = {guard.stop_limit: Edge.STOP, guard.target_limit: Edge.TARGET}
    return limits.get(price) if price else None


def free_units(connection: Connection, guard: Row[Any], held: int) -> int:
    """Units of its holding that no other exit sells; resting stops make way."""
    key = sells.key_of(guard)
    total: int = sum(row.quantity for row in holdings.of_contract(connection, *key))
    free: int = min(held, guard.quantity, max(total - intents.being_sold(connection, *key), 0))
    return free
