"""Orders, trades and positions (facts/kite.md 2, 3)."""

from typing import Final

from aiohttp import web

from gateway.paper.answers import success
from gateway.paper.desk import Desk, desk_of
from gateway.paper.faults import script_of
from gateway.paper.guard import ATTEMPT, STRUCK
from gateway.paper.modification import modify
from gateway.paper.order_forms import read_change, read_order
from gateway.paper.orders import Order, trade_row
from gateway.paper.positions import day_row, net_row
from gateway.paper.refusals import Refusal, being_processed, invalid, unknown_order


async def place(request: web.Request) -> web.Response:
    """POST /orders/{variety}: accepted, not yet at the exchange."""
    order = _accept(desk_of(request), request, await _form(request))
    request[ATTEMPT]["order_id"] = order.order_id
    return _order_id(order.order_id)


def _accept(desk: Desk, request: web.Request, form: dict[str, str]) -> Order:
    if form.get("autoslice") == "true":
        raise _no_slicing(desk, form)
    wanted = read_order(request.match_info["variety"], form)
    desk.turnstile.admit_new_order(len(desk.broker.book))
    script = script_of(request[STRUCK])
    order = desk.broker.place(wanted, script)
    if script.hidden_for:
        desk.hide(order.order_id, script.hidden_for)
    return order


async def change(request: web.Request) -> web.Response:
    """PUT /orders/{variety}/{order_id}."""
    desk, order_id = desk_of(request), _addressed(request, "modified")
    return _order_id(modify(desk.broker.exchange, order_id, read_change(await _form(request))).order_id)


async def cancel(request: web.Request) -> web.Response:
    """DELETE /orders/{variety}/{order_id}."""
    order_id = _addressed(request, "cancelled")
    return _order_id(desk_of(request).broker.exchange.cancel(order_id).order_id)


async def orders(request: web.Request) -> web.Response:
    """GET /orders: today's, oldest first."""
    return success(desk_of(request).order_rows())


async def history(request: web.Request) -> web.Response:
    """GET /orders/{order_id}: every state it went through."""
    desk, order_id = desk_of(request), request.match_info["order_id"]
    states = desk.broker.book.history(order_id)
    if not states or order_id in desk.hidden:
        raise unknown_order()
    return success([desk.row(state) for state in states])


async def trades(request: web.Request) -> web.Response:
    """GET /trades."""
    return success(desk_of(request).trade_rows())


async def order_trades(request: web.Request) -> web.Response:
    """GET /orders/{order_id}/trades."""
    desk, order_id = desk_of(request), request.match_info["order_id"]
    return success([trade_row(trade) for trade in desk.visible_trades() if trade.order_id == order_id])


async def positions(request: web.Request) -> web.Response:
    """GET /portfolio/positions."""
    broker = desk_of(request).broker
    held = [(position, broker.last_price(position.token)) for position in broker.account.positions.values()]
    traded = [(position, last) for position, last in held if position.bought or position.sold]
    return success(
        {"net": [net_row(*pair) for pair in held], "day": [day_row(*pair) for pair in traded]},
    )


async def holdings(_request: web.Request) -> web.Response:
    """GET /portfolio/holdings: an options account holds no shares."""
    return success([])


def _no_slicing(desk: Desk, form: dict[str, str]) -> Refusal:
    """Slicing serves no quantity below twice the largest order (facts/kite.md 2.4), and here none at all."""
    wanted = read_order("regular", form)
    smallest = 2 * desk.broker.exchange.contract(wanted.key).largest_order
    if wanted.quantity < smallest:
        return Refusal(f"Quantity should be greater than or equal to {smallest} for order slicing.")
    return Refusal("Order slicing is not available on the paper exchange.")


def _addressed(request: web.Request, verb: str) -> str:
    """The order the path names; its variety must be the order's own (facts/kite.md 2.2)."""
    order = desk_of(request).broker.book.get(request.match_info["order_id"])
    if order is None:
        raise unknown_order()
    if order.variety != request.match_info["variety"]:
        raise invalid("variety")
    if order.ended:
        raise being_processed(verb)
    return order.order_id


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


def _order_id(order_id: str) -> web.Response:
    return success({"order_id": order_id})


ROUTES: Final = [
    web.get("/orders", orders),
    web.get("/orders/{order_id}", history),
    web.get("/orders/{order_id}/trades", order_trades),
    web.post("/orders/{variety}", place),
    web.put("/orders/{variety}/{order_id}", change),
    web.delete("/orders/{variety}/{order_id}", cancel),
    web.get("/trades", trades),
    web.get("/portfolio/positions", positions),
    web.get("/portfolio/holdings", holdings),
]
