"""Kite's JSON envelopes."""

from typing import Any

import msgspec
from aiohttp import web

from gateway.paper.refusals import Refusal


def success(data: Any) -> web.Response:
    """`{"status": "success", "data": ...}`."""
    return _json({"status": "success", "data": data}, 200)


def failure(message: str, error_type: str, code: int) -> web.Response:
    """`{"status": "error", ...}` with the HTTP code that belongs to it (facts/kite.md 5)."""
    body = {"status": "error", "message": message, "data": None, "error_type": error_type}
    return _json(body, code)


def refused(refusal: Refusal) -> web.Response:
    return failure(refusal.message, refusal.error_type, refusal.code)


def plain(data: Any, code: int = 200) -> web.Response:
    """JSON without an envelope, for the test controls."""
    return _json(data, code)


def _json(body: Any, code: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=code, content_type="application/json")
