"""Instruments, quotes and the WebSocket (facts/kite.md 4, 7)."""

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from gateway.paper.answers import success
from gateway.paper.desk import desk_of
from gateway.paper.instruments import Contract
from gateway.paper.market import Quote
from gateway.paper.quotes import ltp_row, ohlc_row, quote_row
from gateway.paper.refusals import Refusal, invalid

_LARGEST: Final = {"/quote": 500, "/quote/ohlc": 1000, "/quote/ltp": 1000}
_EXCHANGES: Final = ("NSE", "BSE", "NFO", "BFO")


async def instruments(request: web.Request) -> web.Response:
    """GET /instruments and /instruments/{exchange}: gzipped CSV."""
    exchange = request.match_info.get("exchange")
    if exchange is not None and exchange not in _EXCHANGES:
        raise invalid("exchange")
    response = web.Response(text=desk_of(request).broker.listing.csv(exchange), content_type="text/csv")
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def quote(request: web.Request) -> web.Response:
    """GET /quote?i=..&i=..; keys that are not listed are silently missing."""
    at = desk_of(request).broker.market.as_of
    return _rows(request, lambda contract, found: quote_row(contract, found, at))


async def ohlc(request: web.Request) -> web.Response:
    return _rows(request, ohlc_row)


async def ltp(request: web.Request) -> web.Response:
    return _rows(request, ltp_row)


async def stream(request: web.Request) -> web.StreamResponse:
    """The WebSocket."""
    return await desk_of(request).ticker.serve(request)


def _rows(request: web.Request, row: Callable[[Contract, Quote], dict[str, Any]]) -> web.Response:
    keys = request.query.getall("i", [])
    if len(keys) > _LARGEST[request.path]:
        raise Refusal("Too many instruments.")
    broker = desk_of(request).broker
    known = ((key, broker.listing.by_key[key]) for key in keys if key in broker.listing.by_key)
    return success({key: row(contract, broker.market.quote(contract)) for key, contract in known})


ROUTES: Final = [
    web.get("/instruments", instruments),
    web.get("/instruments/{exchange}", instruments),
    web.get("/quote", quote),
    web.get("/quote/ohlc", ohlc),
    web.get("/quote/ltp", ltp),
    web.get("/ws", stream),
]
