"""Keeps other web pages out: DNS rebinding, cross-site requests, framing, foreign scripts."""

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_READING = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_allowed(method: str, host: str, origin: str | None, fetch_site: str | None, bound_host: str) -> bool:
    """Whether a request may pass.

    The Host header must name this machine's loopback or the bound address (a rebound DNS name does not), and
    whatever changes something must come from our own page or from no page at all.
    """
    if _host_name(host) not in {*_LOOPBACK_NAMES, bound_host}:
        return False
    if method in _READING:
        return True  # changes nothing, and the browser shows the answer to no other origin
    if origin is not None and origin != f"http://{host}":
        return False
    return fetch_site in (None, "same-origin", "none")


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def guard(bound_host: str) -> Middleware:
    """A middleware that answers 403 to what `is_allowed` refuses, and adds the protective headers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        if not is_allowed(
            request.method,
            headers.get("Host", ""),
            headers.get("Origin"),
            headers.get("Sec-Fetch-Site"),
            bound_host,
        ):
            return web.json_response({"ok": False, "error": "refused: foreign Host or Origin"}, status=403)
        return await handler(request)

    return middleware


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """A response-prepare signal: every answer carries the protective headers."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
