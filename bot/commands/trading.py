"""/buy, /sell, /squareoff in words. Orders by hand walk the path of alerts."""

import html
from collections.abc import Sequence

from telegram import Update

from bot.access import name_of
from bot.commands.command import Command, reply
from bot.commands.switches import asks_everywhere
from bot.keyboard import Button, inline
from bot.ports import Ports
from bot.words import ask_for_the_word
from gateway.domain.errors import InvalidAlert, StorageFailed
from storage import holdings


def _by_hand(action: str) -> Command:
    async def run(ports: Ports, update: Update, words: Sequence[str]) -> None:
        if not words:
            example = "NIFTY ATM CE 1 lot" if action == "buy" else "NIFTY CE"
            await reply(update, f"Say what, such as <code>/{action} {example}</code>.")
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
        return f"⚠️ {error.field}: {error.sentence}"
    except StorageFailed:
        return "⚠️ It could not be stored; nothing is ordered. Try again."
    return f"Taken as alert {alert_id}."


async def _squareoff(ports: Ports, update: Update, words: Sequence[str]) -> None:
    """Closes after Confirm; the word is a strategy or a tradingsymbol, none is everything."""
    wanted = " ".join(words)
    rows = [
        row
        for row in await ports.database.read(holdings.open_)
        if not wanted or wanted.lower() in (row.strategy.lower(), row.tradingsymbol.lower())
    ]
    if not rows:
        await reply(update, f"Nothing is held{f' of {html.escape(wanted)}' if wanted else ''}.")
        return
    lines = "\n".join(
        f"• {html.escape(row.tradingsymbol)} {row.quantity} {row.product} · {html.escape(row.strategy)} · "
        f"{row.venue.upper()}"
        for row in rows
    )
    token = ports.confirmations.put(frozenset(row.seq for row in rows))
    buttons = [
        [
            Button(label="Confirm: close", data=f"c:{token}", style="danger"),
            Button(label="Cancel", data=f"x:{token}"),
        ]
    ]
    await reply(update, f"<b>Close these?</b>\n{lines}", inline(buttons))


BUY, SELL = _by_hand("buy"), _by_hand("sell")
SQUAREOFF = Command(name="squareoff", summary="close holdings, after a confirmation", run=_squareoff)
