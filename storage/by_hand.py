"""What was traded outside, as the owner says: an alert, an intent, an order and a fill like any other."""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.domain.contract import OptionType
from gateway.domain.money import Paise
from gateway.domain.order import (
    AlertState,
    BrokerOrder,
    IntentId,
    Purpose,
    Side,
    make_tag,
    new_alert_id,
)
from gateway.domain.signal import Action, Signal
from storage import alerts, holdings, intents, orders
from storage.alerts import Arrival
from storage.tables import fills

VARIETY = "by hand"
#: Of the contract, the same for whatever trades it.
_CONTRACT = (
    *("venue", "strategy", "exchange", "tradingsymbol", "instrument_token", "name", "expiry", "strike"),
    *("option_type", "lot_size", "tick_size", "product"),
)


def book(
    connection: Connection,
    like: Row[Any],
    *,
    side: Side,
    opens: bool,
    quantity: int,
    price: Decimal | None,
    by: str,
    why: str,
    at: datetime,
) -> Paise:
    """Books units as bought or sold at `price` rupees; without a price as closed at what they cost.

    `like` is an intent of the strategy in this contract. Returns the profit (or loss) booked.
    """
    purpose = Purpose.ENTRY if opens else Purpose.CLOSE
    intent = _intent(connection, like, side, purpose, quantity, by=by, why=why, at=at)
    if price is None:
        cost = holdings.cost_of_oldest(connection, intent, quantity)
        price = (Decimal(cost) / 100 / quantity).quantize(Decimal("0.000001"))
    order_id = f"hand-{intent.alert_id}"
    orders.place(connection, intent, order_id, VARIETY, at)
    orders.apply(connection, intent.venue, _as_filled(intent, order_id, price, why, at), at)
    booked = select(func.sum(fills.c.realised_paise)).where(fills.c.intent_id == intent.id)
    return Paise(connection.scalar(booked) or 0)


def _intent(
    connection: Connection,
    like: Row[Any],
    side: Side,
    purpose: Purpose,
    quantity: int,
    *,
    by: str,
    why: str,
    at: datetime,
) -> Row[Any]:
    alert_id = new_alert_id()
    arrival = Arrival(
        alert_id=alert_id,
        received_at=at,
        source=f"by hand: {by}"[:64],
        body=why.encode(),
        body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
        strategy=like.strategy,
        dedupe_key=None,
        signal=Signal(
            action=Action(side) if purpose is Purpose.ENTRY else Action.EXIT,
            strategy=like.strategy,
            symbol=like.name,
            option_type=OptionType(like.option_type),
            tradingsymbol=like.tradingsymbol,
            product=like.product,
            quantity=quantity,
        ),
    )
    alerts.store(connection, [arrival])
    alerts.settle(connection, alert_id, AlertState.PLANNED, None, at)
    values = {
        **{name: getattr(like, name) for name in _CONTRACT},
        "id": IntentId(f"{alert_id}-1"),
        "alert_id": alert_id,
        "part": 1,
        "tag": make_tag(alert_id, 1),
        "purpose": purpose,
        "side": side,
        "quantity": quantity,
        "order_type": "MARKET",
    }
    intents.add(connection, [values], at)
    row = intents.get(connection, values["id"])
    assert row is not None  # noqa: S101  it was added above
    intents.mark_placed(connection, row, at)
    return row


def _as_filled(intent: Row[Any], order_id: str, price: Decimal, why: str, at: datetime) -> BrokerOrder:
    return BrokerOrder(
        order_id=order_id,
        status="COMPLETE",
        status_message=why,
        tags=frozenset(),
        exchange=intent.exchange,
        tradingsymbol=intent.tradingsymbol,
        side=Side(intent.side),
        product=intent.product,
        variety=VARIETY,
        quantity=intent.quantity,
        filled_quantity=intent.quantity,
        pending_quantity=0,
        cancelled_quantity=0,
        average_price=price,
        order_timestamp=at,
    )
