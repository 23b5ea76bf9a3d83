"""The book: what the broker says is true. Reads only; may be called at any time, any number of times."""

from gateway.domain.order import BrokerOrder, BrokerPosition, BrokerTrade
from gateway.kite.client import KiteClient
from gateway.kite.fields import odd, one_row, rows
from gateway.kite.rows import parse_order, parse_position, parse_trade


class Book:
    """Orders, trades and positions. Raises BrokerError only: an unreadable answer is unknown, never empty."""

    def __init__(self, client: KiteClient) -> None:
        self._client = client

    async def orders(self) -> list[BrokerOrder]:
        """All orders of the account today, by whomever they were placed."""
        return [parse_order(row) for row in rows(await self._client.read("orders"), "order book")]

    async def order(self, order_id: str) -> BrokerOrder:
        """The latest state of one order."""
        history = rows(
            await self._client.read("order.info", url_args={"order_id": order_id}),
            f"history of order {order_id}",
        )
        if not history:
            raise odd(f"history of order {order_id}", "it is empty")
        return parse_order(history[-1])

    async def trades(self) -> list[BrokerTrade]:
        """All trades of the account today."""
        return [parse_trade(row) for row in rows(await self._client.read("trades"), "trade book")]

    async def order_trades(self, order_id: str) -> list[BrokerTrade]:
        """The trades of one order."""
        answer = await self._client.read("order.trades", url_args={"order_id": order_id})
        return [parse_trade(row) for row in rows(answer, f"trades of order {order_id}")]

    async def positions(self) -> list[BrokerPosition]:
        """The net positions of the account, those of other hands included."""
        answer = one_row(await self._client.read("portfolio.positions"), "positions")
        return [parse_position(row) for row in rows(answer.get("net"), "positions")]
