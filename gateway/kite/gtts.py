"""GTTs between the domain's words and Kite's. Pure."""

from typing import Any

from gateway.domain.guard import BrokerGuard, BrokerGuardLeg, GuardTicket
from gateway.kite.fields import Row, integer, moment, number, one_row, optional_text, rows, text, units
from gateway.kite.rows import side_of
from gateway.kite.wire import wire_number


def guard_fields(ticket: GuardTicket) -> dict[str, Any]:
    """A guard as kiteconnect's `place_gtt` and `modify_gtt` take it: the whole of it, each time."""
    return {
        "trigger_type": "single" if len(ticket.legs) == 1 else "two-leg",
        "exchange": ticket.exchange,
        "tradingsymbol": ticket.tradingsymbol,
        "trigger_values": [wire_number(leg.trigger_price) for leg in ticket.ascending],
        "last_price": wire_number(ticket.last_price),
        "orders": [
            {
                "transaction_type": ticket.side.value,
                "quantity": ticket.quantity,
                "order_type": "LIMIT",
                "product": ticket.product,
                "price": wire_number(leg.price),
            }
            for leg in ticket.ascending
        ],
    }


def parse_trigger_id(answer: object) -> int:
    """The id in the answer to placing or changing a GTT; raises BrokerError(UNKNOWN) without one."""
    return integer(one_row(answer, "answer to the GTT"), "trigger_id", "answer to the GTT")


def parse_guard(row: Row) -> BrokerGuard:
    """One GTT row; raises BrokerError(UNKNOWN) on an odd one."""
    what = f"GTT {optional_text(row, 'id') or '(without an id)'}"
    condition = one_row(row.get("condition"), what)
    triggers = condition.get("trigger_values")
    values = triggers if isinstance(triggers, list) else []
    return BrokerGuard(
        trigger_id=integer(row, "id", what),
        status=text(row, "status", what),
        exchange=optional_text(condition, "exchange") or "",
        tradingsymbol=text(condition, "tradingsymbol", what),
        trigger_prices=tuple(number({"trigger": value}, "trigger", what) for value in values),
        legs=tuple(_leg(order, what) for order in rows(row.get("orders"), what)),
        created_at=moment(row.get("created_at")),
    )


def _leg(order: Row, what: str) -> BrokerGuardLeg:
    result = one_row(one_row(order.get("result") or {}, what).get("order_result") or {}, what)
    return BrokerGuardLeg(
        side=side_of(order, what),
        quantity=units(order, "quantity", what),
        product=optional_text(order, "product") or "",
        price=number(order, "price", what),
        order_id=optional_text(result, "order_id"),
        order_status=optional_text(result, "status"),
        rejection_reason=optional_text(result, "rejection_reason"),
    )
