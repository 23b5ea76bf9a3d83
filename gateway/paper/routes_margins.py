"""Funds, margins and the virtual contract note (facts/kite.md 2.8)."""

from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from gateway.paper.account import funds_row, segment_row
from gateway.paper.answers import success
from gateway.paper.broker import Broker
from gateway.paper.desk import Desk, desk_of
from gateway.paper.margins import (
    Market,
    PlannedOrder,
    basket_margins,
    contract_note,
    order_margins,
    read_orders,
)
from gateway.paper.refusals import invalid


async def all_funds(request: web.Request) -> web.Response:
    """GET /user/margins."""
    return success({"equity": _equity(desk_of(request)), "commodity": segment_row(0, 0)})


async def funds(request: web.Request) -> web.Response:
    """GET /user/margins/{segment}."""
    segment = request.match_info["segment"]
    if segment == "equity":
        return success(_equity(desk_of(request)))
    if segment == "commodity":
        return success(segment_row(0, 0))
    raise invalid("segment")


async def margins(request: web.Request) -> web.Response:
    """POST /margins/orders."""
    orders = read_orders(await request.read())
    return success(order_margins(orders, _market(desk_of(request).broker)))


async def basket(request: web.Request) -> web.Response:
    """POST /margins/basket?consider_positions=..&mode=compact."""
    orders = read_orders(await request.read())
    positions = request.query.get("consider_positions", "").lower() == "true"
    market = _market(desk_of(request).broker, positions=positions)
    return success(basket_margins(orders, market, compact=request.query.get("mode") == "compact"))


async def charges(request: web.Request) -> web.Response:
    """POST /charges/orders."""
    return success(contract_note(read_orders(await request.read())))


def _equity(desk: Desk) -> dict[str, Any]:
    return funds_row(desk.broker.account, desk.broker.blocked())


def _market(broker: Broker, *, positions: bool = True) -> Market:
    def held(order: PlannedOrder) -> int:
        return broker.account.net((order.exchange, order.tradingsymbol, order.product)) if positions else 0

    def price(key: str) -> Decimal:
        return _rupees(broker.market.quote(broker.exchange.contract(key)).last)

    def index(key: str) -> Decimal:
        return _rupees(broker.market.indices[broker.exchange.contract(key).name].last)

    return Market(price=price, index=index, held=held)


def _rupees(paise: int) -> Decimal:
    return Decimal(paise) / 100


ROUTES: Final = [
    web.get("/user/margins", all_funds),
    web.get("/user/margins/{segment}", funds),
    web.post("/margins/orders", margins),
    web.post("/margins/basket", basket),
    web.post("/charges/orders", charges),
]
