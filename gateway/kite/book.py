"""The book: what the broker says is true. Reads only; may be called at any time, any number of times."""

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

import structlog

from gateway.domain.errors import BrokerError
from gateway.domain.funds import Funds
from gateway.domain.guard import BrokerGuard
from gateway.domain.money import Paise
from gateway.domain.order import BrokerOrder, BrokerPosition, BrokerTrade, OrderTicket
from gateway.domain.quote import Quote
from gateway.kite.client import CallKind, KiteClient
from gateway.kite.fields import Row, odd, one_row, rows
from gateway.kite.gtts import parse_guard
from gateway.kite.quotes import parse_charges, parse_funds, parse_last_prices, parse_margin, parse_quotes
from gateway.kite.rows import parse_order, parse_position, parse_trade
from gateway.kite.wire import charge_fields, margin_fields

_log = structlog.get_logger()

#: Keys in one request (facts/kite.md 5).
_LAST_PRICES_AT_ONCE = 1000
_QUOTES_AT_ONCE = 500


class Book:
    """Orders, trades, positions, prices, money.

    Raises BrokerError only: what cannot be read is unknown, never empty.
    """

    def __init__(self, client: KiteClient) -> None:
        self._client = client

    async def orders(self) -> list[BrokerOrder]:
        """All orders of the account today, by whomever they were placed.

        A row that cannot be read is left out and logged: somebody else's odd order must not hide ours.
        """
        found = []
        for row in rows(await self._client.read("orders"), "order book"):
            try:
                found.append(parse_order(row))
            except BrokerError as error:
                _log.error("order_row_not_read", order_id=row.get("order_id"), error=error.sentence)
        return found

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

    async def gtts(self) -> list[BrokerGuard]:
        """The account's GTTs; those that are not active any more for seven days."""
        return [parse_guard(row) for row in rows(await self._client.read("gtt"), "GTTs")]

    async def gtt(self, trigger_id: int) -> BrokerGuard:
        """One GTT, of any age."""
        answer = await self._client.read("gtt.info", url_args={"trigger_id": str(trigger_id)})
        return parse_guard(one_row(answer, f"GTT {trigger_id}"))

    async def last_prices(self, keys: Collection[str]) -> dict[str, Decimal]:
        """Last prices in rupees by key (`NFO:...`); a key unknown to Kite, or never traded, is missing."""
        found: dict[str, Decimal] = {}
        for some in _parts(keys, _LAST_PRICES_AT_ONCE):
            answer = await self._client.read("market.quote.ltp", kind=CallKind.QUOTE, params={"i": some})
            found |= parse_last_prices(answer)
        return found

    async def quotes(self, keys: Collection[str]) -> dict[str, Quote]:
        """Quotes by key; a key that Kite does not know is missing."""
        found: dict[str, Quote] = {}
        for some in _parts(keys, _QUOTES_AT_ONCE):
            answer = await self._client.read("market.quote", kind=CallKind.QUOTE, params={"i": some})
            found |= parse_quotes(answer)
        return found

    async def funds(self) -> Funds:
        """The account's money, equity side (which options belong to)."""
        return parse_funds(await self._client.read("user.margins"))

    async def order_margin(self, tickets: Sequence[OrderTicket]) -> Paise:
        """What these orders would block together, each looked at alone (no hedge counted), in paise."""
        asked = [margin_fields(ticket) for ticket in tickets]
        if not asked:
            return Paise(0)
        answer = await self._client.call(CallKind.READ, lambda kite: kite.order_margins(asked))
        return Paise(sum(parse_margin(row) for row in _as_many(answer, asked, "margins")))

    async def charges(self, orders: Sequence[BrokerOrder]) -> list[Paise]:
        """All charges on each of these filled orders, in paise, in their order."""
        asked = [charge_fields(order) for order in orders]
        if not asked:
            return []
        answer = await self._client.call(CallKind.READ, lambda kite: kite.get_virtual_contract_note(asked))
        return [parse_charges(row) for row in _as_many(answer, asked, "charges")]

    async def instruments(self, exchange: str) -> bytes:
        """The day's list of an exchange as CSV, unread; the list of all exchanges if there is none of one."""
        try:
            answer = await self._client.read(
                "market.instruments", kind=CallKind.DOWNLOAD, url_args={"exchange": exchange}
            )
        except BrokerError as error:
            if error.code != 404:
                raise
            answer = await self._client.read("market.instruments.all", kind=CallKind.DOWNLOAD)
        if not isinstance(answer, bytes):
            raise odd("list of instruments", f"CSV was expected, not {type(answer).__name__}")
        return answer


def _parts(keys: Collection[str], size: int) -> Iterator[list[str]]:
    """The keys, each once, in requests of at most `size`."""
    each_once = list(dict.fromkeys(keys))
    for start in range(0, len(each_once), size):
        yield each_once[start : start + size]


def _as_many(answer: object, asked: Sequence[object], what: str) -> list[Row]:
    found = rows(answer, what)
    if len(found) != len(asked):
        raise odd(what, f"{len(found)} answers to {len(asked)} orders")
    return found
