"""The desk: places, re-prices and cancels orders and GTTs; each call goes out once."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.domain.order import OrderTicket
from gateway.kite.client import CallKind, KiteClient
from gateway.kite.rows import parse_order_id


class Desk:
    """What can change something at the broker. Raises BrokerError only."""

    def __init__(self, client: KiteClient) -> None:
        self._client = client

    async def place(self, ticket: OrderTicket) -> str:
        """Places one order and returns its id: Kite has it, which is not yet a fill.

        Raises BrokerError: REFUSED and NOT_SENT mean that no order exists, UNKNOWN that one may.
        """
        fields = order_fields(ticket) | {"tag": str(ticket.tag)}
        answer = await self._client.call(CallKind.PLACE, lambda kite: kite.place_order(**fields))
        return parse_order_id(answer)

    async def cancel(self, order_id: str, variety: str = "regular") -> None:
        """Asks for a cancellation; it is cancelled only when the book says so. `variety` as in its row."""
        await self._client.call(CallKind.CHANGE, lambda kite: kite.cancel_order(variety, order_id))

    async def modify_price(
        self,
        order_id: str,
        *,
        variety: str,
        order_type: str,
        price: Decimal,
        trigger_price: Decimal | None = None,
        validity: str = "DAY",
    ) -> None:
        """Re-prices a resting order, in rupees on the tick; names all that must stay (facts/kite.md 2.2).

        Never the quantity: whether Kite reads it as total or as remaining is not documented.
        """
        fields = {
            "variety": variety,
            "order_id": order_id,
            "order_type": order_type,
            "price": wire_number(price),
            "trigger_price": wire_number(trigger_price),
            "validity": validity,
        }
        await self._client.call(CallKind.CHANGE, lambda kite: kite.modify_order(**_given(fields)))


def order_fields(ticket: OrderTicket) -> dict[str, Any]:
    """A ticket in Kite's words, without its tag; what is None is left out."""
    return _given(
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
        }
    )


def wire_number(value: Decimal | None) -> int | float | None:
    """A Decimal as it goes out: the shortest float of the same digits, or an int."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
