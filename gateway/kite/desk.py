"""The desk: places, re-prices and cancels orders and GTTs; each call goes out once."""

from decimal import Decimal

from gateway.domain.guard import GuardTicket
from gateway.domain.order import OrderTicket
from gateway.kite.client import CallKind, KiteClient
from gateway.kite.gtts import guard_fields, parse_trigger_id
from gateway.kite.rows import parse_order_id
from gateway.kite.wire import given, order_fields, wire_number


class Desk:
    """What can change something at the broker. Raises BrokerError only."""

    def __init__(self, client: KiteClient) -> None:
        self._client = client

    async def place(self, ticket: OrderTicket) -> str:
        """Places one order and returns its id: Kite has it, which is not yet a fill.

        Raises BrokerError: REFUSED and NOT_SENT mean that no order exists, UNKNOWN that one may.
        """
        fields = order_fields(ticket)
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
        await self._client.call(CallKind.CHANGE, lambda kite: kite.modify_order(**given(fields)))

    async def place_gtt(self, ticket: GuardTicket) -> int:
        """Places a GTT and returns its id. Not settled whether it needs the static IP (facts/kite.md 2.6)."""
        fields = guard_fields(ticket)
        answer = await self._client.call(CallKind.GUARD, lambda kite: kite.place_gtt(**fields))
        return parse_trigger_id(answer)

    async def modify_gtt(self, trigger_id: int, ticket: GuardTicket) -> int:
        """Replaces a GTT by this ticket, as a whole."""
        fields = guard_fields(ticket)
        answer = await self._client.call(CallKind.GUARD, lambda kite: kite.modify_gtt(trigger_id, **fields))
        return parse_trigger_id(answer)

    async def delete_gtt(self, trigger_id: int) -> None:
        """Takes a GTT away; one that has triggered meanwhile has left an order."""
        await self._client.call(CallKind.GUARD, lambda kite: kite.delete_gtt(trigger_id))
