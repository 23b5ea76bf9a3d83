"""What orders would take before they are placed: order margins, basket margins, the virtual contract note."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from config.market import short_margin
from gateway.paper.charges import FREE, charges_of, charges_row
from gateway.paper.refusals import invalid
from gateway.paper.words import Product, Side


class PlannedOrder(msgspec.Struct, kw_only=True):
    """One order of the JSON list; prices in rupees. The contract note wants `average_price`."""

    exchange: str
    tradingsymbol: str
    transaction_type: Side
    quantity: int
    product: Product = Product.NRML
    variety: str = "regular"
    order_type: str = "MARKET"
    price: float = 0
    average_price: float = 0

    @property
    def key(self) -> str:
        return f"{self.exchange}:{self.tradingsymbol}"


@dataclass(frozen=True, kw_only=True)
class Market:
    """What a margin depends on, in rupees a unit: the contract's price, its index, and what is held."""

    price: Callable[[str], Decimal]
    index: Callable[[str], Decimal]
    held: Callable[[PlannedOrder], int]


@dataclass(frozen=True, kw_only=True)
class Margin:
    """Margin of one or more orders, in rupees."""

    span: Decimal = Decimal()
    exposure: Decimal = Decimal()
    premium: Decimal = Decimal()

    @property
    def total(self) -> Decimal:
        return self.span + self.exposure + self.premium

    def plus(self, other: "Margin") -> "Margin":
        return Margin(
            span=self.span + other.span,
            exposure=self.exposure + other.exposure,
            premium=self.premium + other.premium,
        )


def read_orders(body: bytes) -> list[PlannedOrder]:
    """The JSON list. Raises Refusal if it is none."""
    try:
        return msgspec.json.decode(body, type=list[PlannedOrder], strict=False)
    except msgspec.MsgspecError:
        raise invalid("orders") from None


def margin_of(order: PlannedOrder, market: Market) -> Margin:
    """The premium of a purchase; span and exposure of what a sale leaves short."""
    if order.transaction_type is Side.BUY:
        return Margin(premium=order.quantity * _price(order, market))
    short = max(0, order.quantity - max(0, market.held(order)))
    return _short_margin(short * market.index(order.key))


def order_margins(orders: Iterable[PlannedOrder], market: Market) -> list[dict[str, Any]]:
    """POST /margins/orders (sample order_margins.json)."""
    return [_order_row(order, market) for order in orders]


def basket_margins(orders: Sequence[PlannedOrder], market: Market, *, compact: bool) -> dict[str, Any]:
    """POST /margins/basket (sample basket_margins.json): each order by itself, and all once filled."""
    initial, final = Margin(), _final(orders, market)
    for order in orders:
        initial = initial.plus(margin_of(order, market))
    return {
        "initial": _row(initial),
        "final": _row(final),
        "orders": [] if compact else order_margins(orders, market),
        "charges": charges_row(FREE, ""),
    }


def contract_note(orders: Iterable[PlannedOrder]) -> list[dict[str, Any]]:
    """POST /charges/orders (sample virtual_contract_note.json). Raises Refusal without an average price."""
    return [_note_row(order) for order in orders]


def _final(orders: Sequence[PlannedOrder], market: Market) -> Margin:
    """What remains blocked when all have filled: premium paid less received, margin of the net shorts."""
    ends: dict[str, int] = {}
    premium = Decimal()
    for order in orders:
        sign = 1 if order.transaction_type is Side.BUY else -1
        ends[order.key] = ends.get(order.key, market.held(order)) + sign * order.quantity
        premium += sign * order.quantity * _price(order, market)
    notional = sum((-net * market.index(key) for key, net in ends.items() if net < 0), Decimal())
    return _short_margin(notional).plus(Margin(premium=premium))


def _short_margin(notional: Decimal) -> Margin:
    rate = short_margin()
    return Margin(span=notional * rate.span, exposure=notional * rate.exposure)


def _price(order: PlannedOrder, market: Market) -> Decimal:
    return Decimal(str(order.price)) if order.price else market.price(order.key)


def _order_row(order: PlannedOrder, market: Market) -> dict[str, Any]:
    charges = charges_of(order.exchange, order.transaction_type, order.quantity, _price(order, market))
    return _row(margin_of(order, market), order) | {"leverage": 1, "charges": charges_row(charges)}


def _row(margin: Margin, order: PlannedOrder | None = None) -> dict[str, Any]:
    return {
        "type": "equity" if order else "",
        "tradingsymbol": order.tradingsymbol if order else "",
        "exchange": order.exchange if order else "",
        "span": float(margin.span),
        "exposure": float(margin.exposure),
        "option_premium": float(margin.premium),
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": 0,
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 0,
        "charges": charges_row(FREE, ""),
        "total": float(margin.total),
    }


def _note_row(order: PlannedOrder) -> dict[str, Any]:
    if order.average_price <= 0:
        raise invalid("average_price")
    price = Decimal(str(order.average_price))
    charges = charges_of(order.exchange, order.transaction_type, order.quantity, price)
    return {
        "transaction_type": order.transaction_type,
        "tradingsymbol": order.tradingsymbol,
        "exchange": order.exchange,
        "variety": order.variety,
        "product": order.product,
        "order_type": order.order_type,
        "quantity": order.quantity,
        "price": order.average_price,
        "charges": charges_row(charges),
    }
