"""The card that asks for the day's Kite login. Pure."""

import html

from bot.cards import Card
from bot.keyboard import Button
from gateway.login_reminder import LoginView


def login_card(view: LoginView) -> Card:
    """Asks, with a button to Kite's login page, louder towards the opening; or says that it is done."""
    if view.alive:
        return Card(text=f"✅ <b>Logged in to Kite</b> ({view.venue}): {html.escape(view.detail)}.")
    left = view.minutes_left
    if left is None:
        head = f"🔑 <b>Log in to Kite</b> ({view.venue})"
    elif left > 0:
        head = f"🚨 <b>Log in to Kite NOW</b> ({view.venue}): the market opens in {left} min"
    else:
        head = f"🚨 <b>Nobody is logged in to Kite</b> ({view.venue}), and the market is open"
    detail = view.detail[:1].upper() + view.detail[1:]
    text = (
        f"{head}\n{html.escape(detail)}. Until then entries are refused and exits are kept. If the page you "
        "come back to cannot be opened, send its address with /login in front of it."
    )
    return Card(text=text, buttons=((Button(label=f"Log in to Kite ({view.venue})", url=view.address),),))
