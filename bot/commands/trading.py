"""/buy, /sell, /squareoff in words. Orders by hand walk the path of alerts."""

import html
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row
from telegram import Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot.access import name_of
from bot.commands.command import Command, reply
from bot.commands.switches import asks_everywhere
from bot.keyboard import Button, inline
from bot.ports import Ports
from bot.words import ask_for_the_word
from gateway.columns import clipped
from gateway.domain.errors import InvalidAlert, StorageFailed
from storage import alerts, holdings, sells

#: So many lines fit a message with room to spare.
MOST_LINES = 40
#: What is right, shown with every mistake.
_EXAMPLES = {
    "buy": ("/buy NIFTY ATM CE 1 lot", "/buy BANKNIFTY 52000 PE 2 lots sl -20% target +30%"),
    "sell": ("/sell NIFTY CE", '/sell NIFTY CE 1 lot strategy="My Strategy"'),
}

#: The first letters of a button that says which holding is meant; so many are offered.
ONLY = "q:"
PATTERN = f"^{ONLY}"
SINGLES_SHOWN = 10


def _by_hand(action: str) -> Command:
    async def run(ports: Ports, update: Update, words: Sequence[str]) -> None:
        if not words:
            await reply(update, html.escape(f"Say what.{_right(action)}", quote=False))
            return
        if action == "buy" and ports.factor.guards_orders and not await asks_everywhere(ports):
            # Its size is known when it is planned, and nothing may ask after that.
            await ask_for_the_word(ports, update, lambda: _submitted(ports, update, action, words))
            return
        await reply(update, html.escape(await _submitted(ports, update, action, words), quote=False))

    return Command(
        name=action, summary=f"{action} in words, by the same rules as an alert", run=run, perishable=True
    )


async def _submitted(ports: Ports, update: Update, action: str, words: Sequence[str]) -> str:
    """Hands the order in; what became of that, as plain text."""
    try:
        alert_id = await ports.submit_words(f"{action} {' '.join(words)}", name_of(update))
    except InvalidAlert as error:
        return f"⚠️ {error.field}: {error.sentence}\nNothing is ordered.{_right(action)}"
    except StorageFailed:
        return "⚠️ It could not be stored; nothing is ordered. Try again."
    note = await _held_elsewhere(ports, alert_id) if action == "sell" else ""
    return f"Taken as alert {alert_id}.{note}"


def _right(action: str) -> str:
    first, second = _EXAMPLES[action]
    return f"\nRight is, for example, {first} or {second}"


async def _held_elsewhere(ports: Ports, alert_id: str) -> str:
    """A sale is of one strategy's holdings: where that one holds nothing, who does."""

    def read(connection: Connection) -> tuple[str, list[Row[Any]]]:
        alert = alerts.get(connection, alert_id)
        return alert.strategy if alert is not None else "", holdings.open_(connection)

    strategy, rows = await ports.database.read(read)
    if not rows or any(row.strategy == strategy for row in rows):
        return ""
    held = "\n".join(_lines(rows))
    return (
        f"\n⚠️ {strategy} holds nothing. Held is:\n{held}\n"
        'Say whose: /sell NIFTY CE strategy="...", or /squareoff with the strategy.'
    )


async def _squareoff(ports: Ports, update: Update, words: Sequence[str]) -> None:
    """Closes after Confirm; the word is a strategy or a tradingsymbol, none is everything."""
    wanted = " ".join(words)
    held = await ports.database.read(holdings.open_)
    rows = [
        row
        for row in held
        if not wanted or wanted.lower() in (row.strategy.lower(), row.tradingsymbol.lower())
    ]
    if not rows:
        text = f"Nothing is held{f' of {html.escape(wanted)}' if wanted else ''}."
        if held:
            lines = html.escape("\n".join(_lines(held)), quote=False)
            text += f" Held is:\n{lines}\nSay the strategy or the tradingsymbol as it stands there."
        await reply(update, text)
        return
    text, buttons = _question(ports, rows)
    await reply(update, text, inline([*([] if wanted else _single(rows)), *buttons]))


def _question(ports: Ports, rows: Sequence[Row[Any]]) -> tuple[str, list[list[Button]]]:
    """What would be closed, and the buttons that decide it."""
    token = ports.confirmations.put(frozenset(row.seq for row in rows))
    buttons = [
        Button(label="Confirm: close", data=f"c:{token}", style="danger"),
        Button(label="Cancel", data=f"x:{token}"),
    ]
    lines = html.escape("\n".join(_lines(rows)), quote=False)
    return f"<b>Close these?</b>\n{lines}", [buttons]


def _single(rows: Sequence[Row[Any]]) -> list[list[Button]]:
    """A button for each contract of a strategy, where there are several."""
    first = {sells.key_of(row): row for row in reversed(rows)}
    if len(first) < 2:
        return []
    shown = list(first.values())[::-1][:SINGLES_SHOWN]
    return [
        [Button(label=clipped(f"Only {row.tradingsymbol} · {row.strategy}", 48), data=f"{ONLY}{row.seq}")]
        for row in shown
    ]


class Singles:
    """Answers the presses that say which one of all is meant: the question is then asked about that one."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One press by an owner (the guard has let it through); nothing is closed by it."""
        query = update.callback_query
        if query is None:
            return
        held = await self._ports.database.read(holdings.open_)
        pressed = [row for row in held if f"{ONLY}{row.seq}" == query.data]
        keys = {sells.key_of(row) for row in pressed}
        text, buttons = "It is not held any more.", list[list[Button]]()
        if pressed:
            text, buttons = _question(self._ports, [row for row in held if sells.key_of(row) in keys])
        try:
            await query.edit_message_text(text, parse_mode="HTML", reply_markup=inline(buttons))
            await query.answer()
        except BadRequest:
            # Pressed twice, or too old to be answered: nothing was decided either way.
            return


def _lines(rows: Sequence[Row[Any]]) -> list[str]:
    """One line for each strategy's contract, as plain text."""
    units: dict[sells.Key, int] = {}
    for row in rows:
        units[sells.key_of(row)] = units.get(sells.key_of(row), 0) + row.quantity
    lines = [
        f"• {tradingsymbol} {quantity} {product} · {strategy} · {venue.upper()}"
        for (venue, strategy, tradingsymbol, product), quantity in units.items()
    ]
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"… and {more} more"]


BUY, SELL = _by_hand("buy"), _by_hand("sell")
SQUAREOFF = Command(name="squareoff", summary="close holdings, after a confirmation", run=_squareoff)
