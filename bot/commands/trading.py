"""/buy, /sell, /squareoff in words; /pause, /unpause, /mode. Orders by hand walk the path of alerts."""

import html
from collections.abc import Sequence

from telegram import Update

from bot.access import name_of
from bot.commands.command import Command, reply
from bot.keyboard import Button, inline
from bot.ports import Ports
from gateway.domain.errors import InvalidAlert, StorageFailed
from storage import holdings, modes

_MODES = ("auto", "confirm")


def _by_hand(action: str) -> Command:
    async def run(ports: Ports, update: Update, words: Sequence[str]) -> None:
        if not words:
            example = "NIFTY ATM CE 1 lot" if action == "buy" else "NIFTY CE"
            await reply(update, f"Say what, such as <code>/{action} {example}</code>.")
            return
        try:
            alert_id = await ports.submit_words(f"{action} {' '.join(words)}", name_of(update))
        except InvalidAlert as error:
            await reply(update, f"⚠️ <b>{html.escape(error.field)}</b>: {html.escape(error.sentence)}")
        except StorageFailed:
            await reply(update, "⚠️ It could not be stored; nothing is ordered. Try again.")
        else:
            await reply(update, f"Taken as alert <code>{alert_id}</code>.")

    return Command(name=action, summary=f"{action} in words, by the same rules as an alert", run=run)


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


async def _pause(ports: Ports, update: Update, words: Sequence[str]) -> None:
    strategy, now, by = " ".join(words) or None, ports.clock(), name_of(update)
    await ports.database.write(lambda connection: modes.pause(connection, strategy, by=by, at=now))
    await reply(update, f"⏸ {_whom(strategy)} opens nothing new; exits go on. /unpause ends it.")


async def _unpause(ports: Ports, update: Update, words: Sequence[str]) -> None:
    strategy, now, by = " ".join(words) or None, ports.clock(), name_of(update)
    was = await ports.database.write(lambda connection: modes.unpause(connection, strategy, by=by, at=now))
    await reply(update, f"▶️ {_whom(strategy)} trades again." if was else f"{_whom(strategy)} was not paused.")


async def _mode(ports: Ports, update: Update, words: Sequence[str]) -> None:
    if not words or words[-1].lower() not in _MODES:
        await reply(update, "Say <code>/mode auto</code>, or <code>/mode My Strategy confirm</code>.")
        return
    strategy, mode = " ".join(words[:-1]) or None, words[-1].lower()
    now, by = ports.clock(), name_of(update)
    await ports.database.write(
        lambda connection: modes.set_approval_mode(connection, strategy, mode, by=by, at=now)
    )
    words_of = "is asked first" if mode == "confirm" else "goes straight on"
    await reply(update, f"{_whom(strategy)}: each entry {words_of}.")


def _whom(strategy: str | None) -> str:
    return "Everything" if strategy is None else html.escape(strategy)


BUY, SELL = _by_hand("buy"), _by_hand("sell")
SQUAREOFF = Command(name="squareoff", summary="close holdings, after a confirmation", run=_squareoff)
PAUSE = Command(name="pause", summary="no new entries, of all or of one strategy", run=_pause)
UNPAUSE = Command(name="unpause", summary="entries again", run=_unpause)
MODE = Command(name="mode", summary="approval on (confirm) or off (auto)", run=_mode)
