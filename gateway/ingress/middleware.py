"""Around every request: the envelope of refusals, a line in the log, no loose exception; bodies in time."""

import asyncio
import time
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.ingress.answers import Turned, refusal
from gateway.ingress.quiet import Quiet
from gateway.metrics import Metrics

log = structlog.get_logger()

#: A body must be complete within this time, in seconds.
BODY_SECONDS: Final = 5.0
#: Lines of the log a minute for one route and status; the others are counted. What an alert came to is in the
#: database, whatever the log says.
LOGGED_A_MINUTE: Final = 60
_SENTENCES = {
    HTTPStatus.NOT_FOUND: "there is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "this method is not allowed here",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
}
#: Of aiohttp's own answers, what is handed through.
_KEPT_HEADERS = (hdrs.ALLOW, hdrs.RETRY_AFTER)


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises Turned: 413 when too large, 408 when too slow, 400 when broken."""
    if (request.content_length or 0) > request.client_max_size:
        raise _too_large()
    try:
        if request.content.is_eof():  # all there already, as nearly always: no clock is needed
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Turned(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large() from None
    except (web.RequestPayloadError, ConnectionError):
        # Where the next request begins is not known: without a word, the next alert would be cut off.
        closing: dict[str, str] = {hdrs.CONNECTION: "close"}
        error = "the body is broken off, or not encoded as it says"
        raise Turned(HTTPStatus.BAD_REQUEST, error, closing) from None


def _too_large() -> Turned:
    return Turned(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")


async def expect(request: web.Request) -> web.Response | None:
    """`Expect: 100-continue` before a body that is not too large; other expectations are passed over."""
    if (request.content_length or 0) > request.client_max_size:
        return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    return None


def surround(metrics: Metrics) -> Middleware:
    """The outermost middleware."""
    quiet = Quiet(lines=LOGGED_A_MINUTE)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await _answered(request, handler)
        route = _template(request)
        metrics.answered(route, response.status).inc()
        _log(quiet, request, route, response.status, time.perf_counter() - started)
        return response

    return middleware


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Turned as turned:
        return _turned(turned)
    except web.HTTPException as answer:
        headers: dict[str, str] = {
            name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers
        }
        sentence = _SENTENCES.get(HTTPStatus(answer.status), answer.reason)
        return refusal(answer.status, sentence, headers)
    except Exception:  # the border: a fault of one request is logged, and the door stays open
        log.exception("request_failed", route=_template(request))
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; it is in the log")


def _turned(turned: Turned) -> web.Response:
    response = refusal(turned.status, turned.error, turned.headers)
    if turned.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        response.force_close()
    return response


def _template(request: web.Request) -> str:
    """The route's pattern: path and query may hold secrets."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "-"


def _log(quiet: Quiet, request: web.Request, route: str, status: int, seconds: float) -> None:
    muted = quiet.speak((route, status))
    if muted is not None:
        more = {"muted": muted} if muted else {}
        log.info(
            "request",
            method=request.method[:16],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            **more,
        )
