"""The test controls: faults, prices and the truth about the book. Not part of Kite."""

from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.paper.answers import plain
from gateway.paper.desk import Desk, desk_of
from gateway.paper.faults import read_faults
from gateway.paper.gtt import gtt_row
from gateway.paper.orders import trade_row
from gateway.paper.wire import paise


async def add_faults(request: web.Request) -> web.Response:
    """POST /_paper/faults: a JSON list of faults, armed in this order."""
    try:
        faults = read_faults(await request.read())
    except msgspec.MsgspecError as error:
        return plain({"error": str(error)}, 400)
    desk_of(request).faults.add(*faults)
    return plain({"armed": len(faults)})


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /_paper/faults."""
    desk_of(request).faults.clear()
    return plain({})


async def list_faults(request: web.Request) -> web.Response:
    """GET /_paper/faults: each with how often it has struck."""
    return plain(desk_of(request).faults.report())


async def book(request: web.Request) -> web.Response:
    """GET /_paper/book: the truth, hidden orders included."""
    return plain(truth(desk_of(request)))


async def set_spot(request: web.Request) -> web.Response:
    """POST /_paper/spot {"NIFTY": 24100}: index points."""
    desk = desk_of(request)
    wanted: dict[str, Any] = msgspec.json.decode(await request.read())
    for name, points in wanted.items():
        desk.broker.set_spot(name, paise(points))
    desk.ticker.tick()
    return plain({})


async def request_token(request: web.Request) -> web.Response:
    """POST /_paper/request_token: as if the owner had logged in in the browser."""
    return plain({"request_token": desk_of(request).broker.sessions.issue_request_token()})


async def kill_token(request: web.Request) -> web.Response:
    """DELETE /_paper/token: ends the session."""
    desk_of(request).end_session()
    return plain({})


async def drop_stream(request: web.Request) -> web.Response:
    """DELETE /_paper/stream: breaks every WebSocket connection."""
    desk_of(request).ticker.drop()
    return plain({})


def truth(desk: Desk) -> dict[str, Any]:
    """Every attempt at POST /orders, every order accepted from one, and all orders, trades and triggers."""
    all_orders = list(desk.broker.book.orders())
    return {
        "attempts": list(desk.attempts),
        "accepted": [
            {"order_id": order.order_id, "tag": order.tag, "at": order.arrived}
            for order in all_orders
            if order.gtt_id is None
        ],
        "orders": [desk.row(order) for order in all_orders],
        "trades": [trade_row(trade) for trade in desk.broker.book.trades],
        "gtts": [gtt_row(gtt, desk.user_id) for gtt in desk.broker.triggers.all()],
    }


ROUTES: Final = [
    web.post("/_paper/faults", add_faults),
    web.get("/_paper/faults", list_faults),
    web.delete("/_paper/faults", clear_faults),
    web.get("/_paper/book", book),
    web.post("/_paper/spot", set_spot),
    web.post("/_paper/request_token", request_token),
    web.delete("/_paper/token", kill_token),
    web.delete("/_paper/stream", drop_stream),
]
