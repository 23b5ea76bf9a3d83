"""The middleware around Kite's routes: faults outermost, then session and limits, then error answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.paper.answers import failure, refused, success
from gateway.paper.desk import desk_of
from gateway.paper.faults import Fault, FaultKind
from gateway.paper.refusals import Refusal, dead_token

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ATTEMPT: Final = web.RequestKey("attempt", dict[str, Any])
STRUCK: Final = web.RequestKey("struck", list[Fault])
_UNSIGNED: Final = frozenset({("POST", "/session/token"), ("GET", "/ws")})
_OUTSIDE: Final = ("/connect/", "/_paper/")
_SPOILERS: Final = frozenset(
    {
        FaultKind.DROP,
        FaultKind.REFUSE,
        FaultKind.HTML,
        FaultKind.BODY,
        FaultKind.TRUNCATED,
        FaultKind.NO_ORDER_ID,
        FaultKind.AUTOSLICE_LIST,
        FaultKind.EMPTY,
        FaultKind.UNTAGGED,
    }
)
_WITHOUT_ANSWER: Final = frozenset({FaultKind.DROP, FaultKind.REFUSE, FaultKind.HTML, FaultKind.BODY})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every Kite route runs through here; the login page and the test controls do not."""
    if request.path.startswith(_OUTSIDE):
        return await handler(request)
    desk = desk_of(request)
    await request.read()  # a client that gives up later has sent its order all the same
    if request.method == "POST" and request.path.startswith("/orders/"):
        request[ATTEMPT] = desk.attempted(await request.post())
    struck = desk.faults.strike(f"{request.method} {request.path}")
    request[STRUCK] = struck
    desk.broker.turn()
    if any(fault.kind is FaultKind.KILL_TOKEN for fault in struck):
        desk.end_session()
    await _delay(struck, accepted=False)
    spoiler = next((fault for fault in struck if fault.kind in _SPOILERS), None)
    answer = None if spoiler and _unheard(spoiler) else await _answer(request, handler)
    await _delay(struck, accepted=True)
    return _spoil(request, spoiler, answer) if spoiler else answer or web.Response()


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _admit(request)
        return await handler(request)
    except Refusal as refusal:
        return refused(refusal)
    except web.HTTPNotFound:
        return failure("Route not found", "GeneralException", 404)
    except web.HTTPMethodNotAllowed:
        return failure("Method not allowed", "GeneralException", 405)


def _admit(request: web.Request) -> None:
    """Session first, then the rate limits: Kite's order is not known. Raises Refusal."""
    desk = desk_of(request)
    if (request.method, request.path) in _UNSIGNED:
        return
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    api_key, _, access_token = pair.partition(":")
    if scheme != "token":
        raise dead_token()
    desk.broker.sessions.check(api_key, access_token)
    if request.path.startswith("/orders") and request.method != "GET":
        desk.turnstile.admit_order_request()
    else:
        resource = request.match_info.route.resource
        desk.turnstile.admit_read(resource.canonical if resource else request.path)


def _unheard(spoiler: Fault) -> bool:
    return spoiler.kind in _WITHOUT_ANSWER and not spoiler.accepted


async def _delay(struck: list[Fault], *, accepted: bool) -> None:
    for fault in struck:
        if fault.kind is FaultKind.DELAY and fault.accepted is accepted:
            await asyncio.sleep(fault.seconds)


def _spoil(request: web.Request, fault: Fault, answer: web.StreamResponse | None) -> web.StreamResponse:
    """The answer that goes out in place of the true one."""
    if fault.kind is FaultKind.DROP:
        if request.transport is not None:
            request.transport.close()
        return web.Response()
    if fault.kind is FaultKind.REFUSE:
        return failure(fault.message, fault.error_type, fault.code)
    if fault.kind is FaultKind.HTML:
        page = fault.body or "<html><body><h1>Bad Gateway</h1></body></html>"
        return web.Response(text=page, status=fault.code, content_type="text/html")
    if fault.kind is FaultKind.BODY:
        return web.Response(text=fault.body, status=fault.code, content_type=fault.content_type)
    return _mangled(fault, _body_of(answer))


def _mangled(fault: Fault, body: bytes) -> web.Response:
    if fault.kind is FaultKind.TRUNCATED:
        return web.Response(body=body[: len(body) // 2], content_type="application/json")
    data = msgspec.json.decode(body).get("data")
    if fault.kind is FaultKind.AUTOSLICE_LIST:
        return success([data])
    if fault.kind is FaultKind.UNTAGGED:
        return success([{key: row[key] for key in row if key not in ("tag", "tags")} for row in data])
    return success({} if fault.kind is FaultKind.NO_ORDER_ID else _emptied(data))


def _emptied(data: Any) -> Any:
    """Nothing in the same shape: the two lists of positions stay, empty."""
    if isinstance(data, dict):
        return {name: [] for name, value in data.items() if isinstance(value, list)}
    return []


def _body_of(answer: web.StreamResponse | None) -> bytes:
    body = answer.body if isinstance(answer, web.Response) else b""
    return body if isinstance(body, bytes) else b""
