"""Funds, margins and the virtual contract note (facts/kite.md 2.8)."""

from typing import Final

from aiohttp import web

from gateway.paper.account import funds_row, segment_row
from gateway.paper.answers import success
from gateway.paper.desk import Desk, desk_of
from gateway.paper.refusals import invalid


async def all_margins(request: web.Request) -> web.Response:
    """GET /user/margins."""
    desk = desk_of(request)
    return success({"equity": _equity(desk), "commodity": segment_row(0, 0)})


async def margins(request: web.Request) -> web.Response:
    """GET /user/margins/{segment}."""
    segment = request.match_info["segment"]
    if segment == "equity":
        return success(_equity(desk_of(request)))
    if segment == "commodity":
        return success(segment_row(0, 0))
    raise invalid("segment")


def _equity(desk: Desk) -> dict[str, object]:
    return funds_row(desk.broker.account, desk.broker.blocked())


ROUTES: Final = [
    web.get("/user/margins", all_margins),
    web.get("/user/margins/{segment}", margins),
]
