"""What goes out to Kite: tickets as the fields of a request. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.domain.order import BrokerOrder, OrderTicket


def order_fields(ticket: OrderTicket) -> dict[str, Any]:
    """A ticket in the words of `place_order`; what is None is left out."""
    return given(
        {
            "variety": ticket.variety,
            "exchange": ticket.exchange,
            "tradingsymbol": ticket.tradingsymbol,
            "transaction_type": ticket.side.value,
            "quantity": ticket.quantity,
            "product": ticket.product,
            "order_type": ticket.order_type,
            "price": wire_number(ticket.price),
            "trigger_price": wire_number(ticket.trigger_price),
            "market_protection": wire_number(ticket.market_protection),
            "validity": ticket.validity,
            "tag": str(ticket.tag),
        }
    )


def margin_fields(ticket: OrderTicket) -> dict[str, Any]:
    """A ticket in the words of `/margins/orders`, where a price that there is not is 0."""
    return {
        "exchange": ticket.exchange,
        "tradingsymbol": ticket.tradingsymbol,
        "transaction_type": ticket.side.value,
        "variety": ticket.variety,
        "product": ticket.product,
        "order_type": ticket.order_type,
        "quantity": ticket.quantity,
        "price": wire_number(ticket.price) or 0,
        "trigger_price": wire_number(ticket.trigger_price) or 0,
    }


def charge_fields(order: BrokerOrder) -> dict[str, Any]:
    """A filled order in the words of `/charges/orders`; charges are the same whatever its type was."""
    return {
        "order_id": order.order_id,
        "exchange": order.exchange,
        "tradingsymbol": order.tradingsymbol,
        "transaction_type": order.side.value,
        "variety": order.variety,
        "product": order.product,
        "order_type": "LIMIT",
        "quantity": order.filled_quantity,
        "average_price": wire_number(order.average_price),
    }


def wire_number(value: Decimal | None) -> int | float | None:
    """A Decimal as it goes out: an int, or the float whose shortest digits are its own."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
