"""/login: the button that leads to Kite's login; or, with words behind it, a login finished by hand."""

import html
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update

from bot.commands.command import Command, reply
from bot.ports import Ports
from gateway.domain.errors import BrokerError
from gateway.domain.order import Venue
from gateway.session import LoginRefused, Session


async def _login(ports: Ports, update: Update, words: Sequence[str]) -> None:
    session = _session(ports)
    if not words:
        address = await session.login_address()
        button = InlineKeyboardButton(f"Log in to Kite ({session.venue})", url=address)
        text = (
            f"{html.escape(session.view().detail)}\nAfter the login you come back here. If that page "
            "cannot be opened, send its address with /login in front of it."
        )
        await reply(update, text, InlineKeyboardMarkup([[button]]))
        return
    try:
        user = await session.login(request_token_in(words[0]))
    except (BrokerError, LoginRefused) as error:
        await reply(update, f"❌ {html.escape(str(error))}")
        return
    await reply(update, f"✅ {html.escape(user)} is logged in ({session.venue}).")


def _session(ports: Ports) -> Session:
    """The live session where there is one: paper logs itself in."""
    access = ports.venues.get(Venue.LIVE) or next(iter(ports.venues.values()))
    return access.session


def request_token_in(text: str) -> str:
    """The request token of a redirected address, or the text itself when it is a bare token."""
    found = parse_qs(urlsplit(text).query).get("request_token")
    return found[0] if found else text


LOGIN = Command(name="login", summary="log in to Kite, or finish a login by hand", run=_login)
