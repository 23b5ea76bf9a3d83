"""The small pages of the login: HTML that nobody keeps, frames or learns an address from. Pure."""

import base64
import hashlib
import html
from http import HTTPStatus
from typing import Final

from aiohttp import web

_STYLE: Final = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;"
    "background:#f4f6f8;color:#1c2733}"
    "main{background:#fff;border-radius:.8rem;padding:2rem 2.4rem;margin:1rem;max-width:32rem;"
    "box-shadow:0 .2rem 1.2rem #1c273322}"
    "h1{font-size:1.35rem;margin:0 0 .6rem}p{margin:.4rem 0;overflow-wrap:anywhere}"
    ".good h1{color:#12733c}.bad h1{color:#a3231f}"
    "@media(prefers-color-scheme:dark){body{background:#12181f;color:#dde5ec}main{background:#1c2733}"
    ".good h1{color:#6fd39a}.bad h1{color:#ff8f87}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
HEADERS: Final = {
    "Server": "Manjha",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


def page(title: str, *sentences: str, status: int = HTTPStatus.OK) -> web.Response:
    """A title and a few sentences, all escaped here."""
    mood = "good" if status == HTTPStatus.OK else "bad"
    body = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Manjha</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><main class="{mood}"><h1>{html.escape(title)}</h1>{body}'
        "</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)
