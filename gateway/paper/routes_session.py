"""Login page, token exchange, profile (facts/kite.md 1)."""

from html import escape
from typing import Any, Final

from aiohttp import web

from gateway.paper.answers import failure, success
from gateway.paper.desk import Desk, desk_of
from gateway.paper.refusals import dead_token
from gateway.paper.wire import stamp

_EXCHANGES: Final = ["NSE", "BSE", "NFO", "BFO"]
_PRODUCTS: Final = ["NRML", "MIS"]
_ORDER_TYPES: Final = ["MARKET", "LIMIT", "SL", "SL-M"]
_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Paper login</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:1.1rem system-ui;display:grid;place-items:center;min-height:90vh}}
button{{font:inherit;padding:.8em 1.6em;border:0;border-radius:.4em;background:#387ed1;color:#fff}}</style>
</head><body><form method="post" action="/connect/login"><p>Paper exchange: no account, no money.</p>
<input type="hidden" name="api_key" value="{api_key}">
<input type="hidden" name="redirect_params" value="{params}">
<button type="submit">Log in as {user_id}</button></form></body></html>"""


async def login_page(request: web.Request) -> web.Response:
    """GET /connect/login?v=3&api_key=..&redirect_params=.."""
    desk = desk_of(request)
    api_key = request.query.get("api_key", "")
    if api_key != desk.broker.sessions.api_key:
        return failure("Invalid `api_key`.", "InputException", 400)
    params = request.query.get("redirect_params", "")
    page = _PAGE.format(api_key=escape(api_key), params=escape(params), user_id=escape(desk.user_id))
    return web.Response(text=page, content_type="text/html")


async def log_in(request: web.Request) -> web.Response:
    """The button: back to the app with a request token and the echoed parameters."""
    desk = desk_of(request)
    form = await request.post()
    if form.get("api_key") != desk.broker.sessions.api_key:
        return failure("Invalid `api_key`.", "InputException", 400)
    token = desk.broker.sessions.issue_request_token()
    query = f"action=login&type=login&status=success&request_token={token}"
    echoed = str(form.get("redirect_params", ""))
    joint = "&" if "?" in desk.redirect_url else "?"
    location = f"{desk.redirect_url}{joint}{query}" + (f"&{echoed}" if echoed else "")
    return web.Response(status=302, headers={"Location": location})


async def open_session(request: web.Request) -> web.Response:
    """POST /session/token."""
    desk, form = desk_of(request), await request.post()
    desk.ticker.drop()
    session = desk.broker.sessions.exchange(
        *(str(form.get(field, "")) for field in ("api_key", "request_token", "checksum"))
    )
    return success(
        _user(desk)
        | {
            "api_key": desk.broker.sessions.api_key,
            "access_token": session.access_token,
            "public_token": session.public_token,
            "enctoken": "",
            "refresh_token": "",
            "silo": "",
            "avatar_url": "",
            "login_time": stamp(session.login_time),
        }
    )


async def close_session(request: web.Request) -> web.Response:
    """DELETE /session/token."""
    sessions = desk_of(request).broker.sessions
    if sessions.current is None or request.query.get("access_token") != sessions.current.access_token:
        raise dead_token()
    desk_of(request).end_session()
    return success(True)


async def profile(request: web.Request) -> web.Response:
    """GET /user/profile."""
    return success(_user(desk_of(request)))


def _user(desk: Desk) -> dict[str, Any]:
    return {
        "user_id": desk.user_id,
        "user_type": "individual",
        "email": "paper@example.com",
        "user_name": "Paper Trader",
        "user_shortname": "Paper",
        "broker": "ZERODHA",
        "exchanges": _EXCHANGES,
        "products": _PRODUCTS,
        "order_types": _ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }


ROUTES: Final = [
    web.get("/connect/login", login_page),
    web.post("/connect/login", log_in),
    web.post("/session/token", open_session),
    web.delete("/session/token", close_session),
    web.get("/user/profile", profile),
]
