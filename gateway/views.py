"""What readers see: one alert's whole life, the day's orders, what is held. Read in one transaction each."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.order import AlertState, IntentState, OrderState
from gateway.domain.signal import Signal
from gateway.domain.status import Leg, Status, overall
from storage import alerts, audit, guards, intents, orders


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """One alert with all that came of it."""

    row: Row[Any]
    signal: Signal | None
    intents: tuple[Row[Any], ...]
    orders: dict[str, Row[Any]]
    fills: tuple[Row[Any], ...]
    approval: Row[Any] | None
    status: Status
    #: How the stop and target around its holdings stand: those that are open, else the last one of each.
    guards: tuple[Row[Any], ...] = ()

    @property
    def subject(self) -> str:
        """What its card is about."""
        return f"alert:{self.row.id}"


def alert_view(connection: Connection, alert_id: str) -> AlertView | None:
    """Everything about an alert; None when there is no such alert."""
    row = alerts.get(connection, alert_id)
    if row is None:
        return None
    rows = intents.of_alert(connection, alert_id)
    ids = [intent.id for intent in rows]
    by_intent = orders.of_intents(connection, ids) if ids else {}
    return AlertView(
        row=row,
        signal=alerts.signal_of(row) if row.signal else None,
        intents=tuple(rows),
        orders=by_intent,
        fills=tuple(orders.fills_of(connection, ids)) if ids else (),
        approval=intents.approval_of(connection, alert_id) if ids else None,
        guards=tuple(row for rows in guards.latest(connection, ids).values() for row in rows) if ids else (),
        status=overall(AlertState(row.state), [_leg(intent, by_intent.get(intent.id)) for intent in rows]),
    )


def _leg(intent: Row[Any], order: Row[Any] | None) -> Leg:
    return Leg(
        intent=IntentState(intent.state),
        refused_by=intent.refused_by,
        order=OrderState(order.state) if order else None,
        filled_quantity=order.filled_quantity if order else 0,
    )


def life_of(connection: Connection, alert_id: str) -> dict[str, Any] | None:
    """The alert's whole life as JSON-able data, for `GET /alerts/{alert_id}`; times ISO, UTC.

    `part` says which of its body's alerts it is, from 0; it is there only where the body holds several.
    """
    view = alert_view(connection, alert_id)
    if view is None:
        return None
    return {
        "alert_id": view.row.id,
        "status": view.status,
        "received_at": view.row.received_at,
        "source": view.row.source,
        "strategy": view.row.strategy,
        **({"part": view.row.part} if alerts.is_one_of_several(connection, view.row) else {}),
        "body": view.row.body.decode("utf-8", "replace"),
        "signal": view.signal,
        "field": view.row.field,
        "reason": view.row.reason,
        "duplicate_of": view.row.duplicate_of,
        "verdicts": [_verdict(entry) for entry in audit.trail(connection, alert_id)],
        "approval": _public(
            view.approval, "asked_at", "deadline", "decision", "decided_by", "decided_at", "version", "note"
        ),
        "intents": [_intent(intent) for intent in view.intents],
        "orders": [_order(order) for order in view.orders.values()],
        "fills": [
            _public(fill, "order_id", "side", "quantity", "value_paise", "realised_paise", "filled_at")
            for fill in view.fills
        ],
        "guards": [_guard(row) for row in view.guards],
    }


def _verdict(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _intent(row: Row[Any]) -> dict[str, Any] | None:
    return _public(
        row,
        "id",
        "venue",
        "purpose",
        "side",
        "exchange",
        "tradingsymbol",
        "quantity",
        "product",
        "order_type",
        "price",
        "market_protection",
        "premium",
        "stop_loss",
        "target",
        "trailing_stop",
        "tag",
        "state",
        "refused_by",
        "reason",
        "planned_at",
        "placing_at",
        "settled_at",
    )


def _order(row: Row[Any]) -> dict[str, Any] | None:
    return _public(
        row,
        "intent_id",
        "order_id",
        "venue",
        "state",
        "status",
        "status_message",
        "quantity",
        "filled_quantity",
        "average_price",
        "placed_at",
        "updated_at",
    )


def _guard(row: Row[Any]) -> dict[str, Any] | None:
    return _public(
        row,
        "id",
        "kind",
        "state",
        "quantity",
        "stop",
        "target",
        "stop_trigger",
        "stop_limit",
        "target_trigger",
        "target_limit",
        "trigger_id",
        "reason",
        "wanted_at",
        "placing_at",
        "settled_at",
    )


def _public(row: Row[Any] | None, *names: str) -> dict[str, Any] | None:
    return None if row is None else {name: getattr(row, name) for name in names}


def settled_answer(view: AlertView) -> dict[str, Any]:
    """The seed guide's answer for an alert: its first order, or the reason why there is none."""
    first = view.intents[0] if view.intents else None
    order = view.orders.get(first.id) if first else None
    success = view.status not in _UNSUCCESSFUL
    answer: dict[str, Any] = {
        "success": success,
        "action": first.side if first else (view.signal.action if view.signal else None),
        "order_id": order.order_id if order else None,
        "tradingsymbol": first.tradingsymbol if first else None,
        "entry_price": float(order.average_price) if order and order.average_price else None,
        "quantity": _quantity(view),
        "message": _message(view, first),
        "alert_id": view.row.id,
        "status": view.status,
    }
    return answer if success else {**answer, "error": answer["message"]}


_UNSUCCESSFUL = frozenset(
    {Status.INVALID, Status.STALE, Status.REFUSED, Status.REJECTED, Status.EXPIRED, Status.FAILED}
)


def _quantity(view: AlertView) -> int | None:
    """Units filled once there are fills, else units ordered."""
    if not view.intents:
        return None
    filled: int = sum(order.filled_quantity for order in view.orders.values())
    return filled if view.status is Status.FILLED else _ordered(view)


def _ordered(view: AlertView) -> int:
    return sum(intent.quantity for intent in view.intents if intent.follows is None)


def _message(view: AlertView, first: Row[Any] | None) -> str:
    side = first.side if first else ""
    reason = view.row.reason or next((row.reason for row in view.intents if row.reason), None)
    words = next((row.status_message for row in view.orders.values() if row.status_message), None)
    sentences = {
        Status.FILLED: f"{side} order placed successfully",
        Status.OPEN: f"{side} order placed, not filled yet",
        Status.AWAITING_APPROVAL: "waiting for the owner's approval",
        Status.QUEUED: "stored, and worked on",
        Status.PLACING: "being sent to Kite",
        Status.UNKNOWN: "no clear answer from Kite yet; its order book is being searched",
        Status.REJECTED: "rejected by the owner",
        Status.EXPIRED: "nobody approved in time",
    }
    return sentences.get(view.status) or words or reason or str(view.status)
