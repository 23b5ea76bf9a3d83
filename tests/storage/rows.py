"""Rows to try things on: alerts, intents, and what the broker says of their orders."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.order import AlertId, AlertState, BrokerOrder, IntentState, Purpose, Side, make_tag
from gateway.domain.signal import Action, Signal
from storage import alerts, intents, orders
from storage.alerts import Arrival

NOW = datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
_numbers = count(1)


def later(**by: float) -> datetime:
    return NOW + timedelta(**by)


def arrival(**changes: Any) -> Arrival:
    number = next(_numbers)
    body = f"body {number}".encode()
    fields = {
        "alert_id": AlertId(f"r{number:05d}"),
        "received_at": NOW,
        "source": "test",
        "body": body,
        "body_hash": hashlib.sha256(body).hexdigest(),
        "strategy": "S",
        "dedupe_key": None,
        "signal": Signal(action=Action.BUY, strategy="S"),
    }
    return Arrival(**{**fields, **changes})


def intent_values(alert_id: str, part: int = 1, **changes: Any) -> dict[str, Any]:
    fields = {
        "id": f"{alert_id}-{part}",
        "alert_id": alert_id,
        "part": part,
        "tag": make_tag(AlertId(alert_id), part),
        "strategy": "S",
        "venue": "paper",
        "purpose": Purpose.ENTRY,
        "side": Side.BUY,
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124000CE",
        "instrument_token": 1001,
        "name": "NIFTY",
        "expiry": date(2026, 12, 1),
        "strike": Decimal(24000),
        "option_type": "CE",
        "lot_size": 65,
        "tick_size": Decimal("0.05"),
        "product": "NRML",
        "quantity": 130,
        "order_type": "MARKET",
        "price": None,
        "market_protection": Decimal(-1),
        "premium": Decimal("150.05"),
        "margin_paise": None,
        "stop_loss": None,
        "target": None,
    }
    return {**fields, **changes}


def add_intent(
    connection: Connection, *, state: IntentState = IntentState.PLANNED, **changes: Any
) -> Row[Any]:
    """A planned alert's one intent, brought to `state` by the arrows of the table."""
    made = arrival()
    alerts.store(connection, [made])
    alerts.settle(connection, made.alert_id, AlertState.PLANNED, None, NOW)
    values = intent_values(made.alert_id, **changes)
    intents.add(connection, [values], NOW)
    bring_to(connection, values["id"], state)
    return fetch(connection, values["id"])


def fetch(connection: Connection, intent_id: str) -> Row[Any]:
    row = intents.get(connection, intent_id)
    assert row is not None
    return row


def bring_to(connection: Connection, intent_id: str, state: IntentState) -> None:
    row = fetch(connection, intent_id)
    if state is IntentState.PLANNED:
        return
    if state in {IntentState.AWAITING_APPROVAL, IntentState.REJECTED}:
        intents.ask(connection, f"ask-{row.alert_id}", row.alert_id, NOW, later(seconds=60))
        if state is IntentState.REJECTED:
            intents.decide(connection, f"ask-{row.alert_id}", intents.REJECTED, by="Asha", at=NOW)
        return
    intents.approve_unasked(connection, row.alert_id, NOW)
    if state is IntentState.APPROVED:
        return
    if state is IntentState.EXPIRED:
        intents.expire(connection, fetch(connection, intent_id), "too old", NOW)
        return
    intents.claim(connection, fetch(connection, intent_id), NOW)
    claimed = fetch(connection, intent_id)
    if state is IntentState.REFUSED:
        intents.refuse(connection, claimed, by="broker", reason="no", at=NOW)
    elif state in {IntentState.UNKNOWN, IntentState.CLOSED}:
        intents.lose_sight(connection, claimed, "no answer", NOW)
        if state is IntentState.CLOSED:
            intents.close(connection, fetch(connection, intent_id), by="Asha", at=NOW)
    elif state is IntentState.PLACED:
        intents.mark_placed(connection, claimed, NOW)
        orders.place(connection, claimed, f"o-{intent_id}", "regular", NOW)


def placed(connection: Connection, **changes: Any) -> Row[Any]:
    """An intent whose order the broker has; the order's id is `o-` and the intent's."""
    return add_intent(connection, state=IntentState.PLACED, **changes)


def said(intent: Row[Any], status: str, filled: int = 0, average: str = "0", **changes: Any) -> BrokerOrder:
    """What the broker says of the intent's order."""
    fields = {
        "order_id": f"o-{intent.id}",
        "status": status,
        "status_message": None,
        "tags": frozenset({intent.tag}),
        "exchange": "NFO",
        "tradingsymbol": intent.tradingsymbol,
        "side": Side(intent.side),
        "product": "NRML",
        "variety": "regular",
        "quantity": intent.quantity,
        "filled_quantity": filled,
        "pending_quantity": intent.quantity - filled,
        "cancelled_quantity": 0,
        "average_price": Decimal(average),
        "order_timestamp": None,
    }
    return BrokerOrder(**{**fields, **changes})


def bought(connection: Connection, quantity: int = 130, price: str = "100", **changes: Any) -> Row[Any]:
    """An entry that was filled whole."""
    row = placed(connection, quantity=quantity, **changes)
    orders.apply(connection, row.venue, said(row, "COMPLETE", quantity, price), NOW)
    return row


def selling(connection: Connection, quantity: int = 65, **changes: Any) -> Row[Any]:
    """An exit whose order is at the broker."""
    return placed(connection, quantity=quantity, purpose=Purpose.EXIT, side=Side.SELL, **changes)
