"""Good-till-triggered orders (facts/kite.md 2.6)."""

from typing import Final

from aiohttp import web

from gateway.paper.answers import success
from gateway.paper.desk import desk_of
from gateway.paper.gtt import gtt_row, read_gtt
from gateway.paper.refusals import unknown_trigger


async def create(request: web.Request) -> web.Response:
    """POST /gtt/triggers."""
    gtt = desk_of(request).broker.triggers.create(read_gtt(await _form(request)))
    return success({"trigger_id": gtt.id})


async def listed(request: web.Request) -> web.Response:
    """GET /gtt/triggers, newest first."""
    desk = desk_of(request)
    return success([gtt_row(gtt, desk.user_id) for gtt in desk.broker.triggers.all()])


async def one(request: web.Request) -> web.Response:
    """GET /gtt/triggers/{trigger_id}."""
    desk = desk_of(request)
    return success(gtt_row(desk.broker.triggers.get(_number(request)), desk.user_id))


async def change(request: web.Request) -> web.Response:
    """PUT /gtt/triggers/{trigger_id}."""
    triggers, number = desk_of(request).broker.triggers, _number(request)
    return success({"trigger_id": triggers.modify(number, read_gtt(await _form(request))).id})


async def delete(request: web.Request) -> web.Response:
    """DELETE /gtt/triggers/{trigger_id}."""
    return success({"trigger_id": desk_of(request).broker.triggers.delete(_number(request)).id})


def _number(request: web.Request) -> int:
    text = request.match_info["trigger_id"]
    if not (text.isascii() and text.isdigit()):
        raise unknown_trigger()
    return int(text)


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


ROUTES: Final = [
    web.get("/gtt/triggers", listed),
    web.post("/gtt/triggers", create),
    web.get("/gtt/triggers/{trigger_id}", one),
    web.put("/gtt/triggers/{trigger_id}", change),
    web.delete("/gtt/triggers/{trigger_id}", delete),
]
