"""/pause, /unpause and /mode: at once where it is said for whom, and with a button for each strategy."""

import difflib
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection
from telegram import CallbackQuery, LinkPreviewOptions, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot.access import name_of
from bot.cards import Button
from bot.commands.command import Command, reply
from bot.keyboard import inline
from bot.ports import Ports
from bot.words import ask_for_the_word
from config.settings import Settings
from gateway.columns import clipped
from storage import modes, strategies

#: The first letters of a button that turns a switch.
SWITCH = "w:"
PATTERN = f"^{SWITCH}"
BUTTONS_SHOWN = 20
Board = Literal["entries", "approval"]
_MODES = ("auto", "confirm")
#: What a button says: the strategy by its digest (a name is too long for a button), or all.
_ALL = "*"


@dataclass(frozen=True, kw_only=True)
class Switch:
    """How one strategy, or (None) everything, stands."""

    strategy: str | None
    paused: bool
    mode: str

    @property
    def key(self) -> str:
        """What stands for it in a button."""
        if self.strategy is None:
            return _ALL
        return hashlib.sha256(self.strategy.encode()).hexdigest()[:16]


async def _pause(ports: Ports, update: Update, words: Sequence[str]) -> None:
    strategy, doubt = await _meant(ports, words)
    await _turn(ports, "p", strategy, name_of(update))
    said = f"⏸ {_whom(strategy)} opens nothing new; exits go on. /unpause ends it.{doubt}"
    await _answer(ports, update, "entries", said)


async def _unpause(ports: Ports, update: Update, words: Sequence[str]) -> None:
    strategy, doubt = await _meant(ports, words)
    was = await _turn(ports, "u", strategy, name_of(update))
    said = f"▶️ {_whom(strategy)} trades again." if was else f"{_whom(strategy)} was not paused."
    await _answer(ports, update, "entries", said + doubt)


async def _mode(ports: Ports, update: Update, words: Sequence[str]) -> None:
    if not words or words[-1].lower() not in _MODES:
        named, doubt = await _meant(ports, words)
        of = f" for {html.escape(named)}" if named else ""
        said = f"Which way{of}? Press it, or say <code>/mode My Strategy confirm</code>.{doubt}"
        await _answer(ports, update, "approval", said, named)
        return
    strategy, doubt = await _meant(ports, words[:-1])
    mode = words[-1].lower()
    if mode == "auto" and ports.factor.guards_orders:
        await ask_for_the_word(ports, update, lambda: _unasked(ports, strategy, name_of(update)))
        return
    await _turn(ports, mode[0], strategy, name_of(update))
    words_of = "is asked first" if mode == "confirm" else "goes straight on"
    await _answer(ports, update, "approval", f"{_whom(strategy)}: each entry {words_of}.{doubt}")


async def _meant(ports: Ports, words: Sequence[str]) -> tuple[str | None, str]:
    """The strategy by the words, in its own spelling; and what to say when nobody knows it."""
    said = " ".join(words)
    if not said:
        return None, ""
    known = await ports.database.read(
        lambda connection: strategies.known(connection, ports.settings.strategies)
    )
    if said in known:
        return said, ""
    same = [name for name in known if name.casefold() == said.casefold()]
    if len(same) == 1:
        return same[0], ""
    near = difflib.get_close_matches(said, known, 1)
    hint = f" Did you mean <b>{html.escape(near[0])}</b>?" if near else ""
    return said, f"\n⚠️ No strategy of this name has been heard of yet.{hint}"


async def _turn(ports: Ports, verb: str, strategy: str | None, by: str) -> bool:
    """Pause, unpause, auto or confirm by its first letter; False when that changes nothing."""
    now = ports.clock()

    def turn(connection: Connection) -> bool:
        if verb == "u":
            return modes.unpause(connection, strategy, by=by, at=now)
        if verb == "p":
            modes.pause(connection, strategy, by=by, at=now)
        else:
            mode = "auto" if verb == "a" else "confirm"
            modes.set_approval_mode(connection, strategy, mode, by=by, at=now)
        return True

    return await ports.database.write(turn)


async def _unasked(ports: Ports, strategy: str | None, by: str) -> str:
    """Approval off, once the second word was right: without that a large order would need no word at all."""
    await _turn(ports, "a", strategy, by)
    return _done("a", strategy)


async def asks_everywhere(ports: Ports) -> bool:
    """Whether every strategy's entries are asked about first."""
    return all(each.mode == "confirm" for each in await _switches(ports))


async def _answer(ports: Ports, update: Update, board: Board, said: str, only: str | None = None) -> None:
    """What was done, then the board: of all, or `only` of the one that is known by this name."""
    everybody = await _switches(ports)
    switches = [each for each in everybody if only and each.strategy == only] or everybody
    await reply(update, f"{said}\n\n{_text(board, switches)}", inline(_buttons(board, switches)))


async def _switches(ports: Ports) -> list[Switch]:
    settings = ports.settings
    return await ports.database.read(lambda connection: _read(connection, settings))


def _read(connection: Connection, settings: Settings) -> list[Switch]:
    general = modes.approval_mode_of_all(connection)
    everything = Switch(
        strategy=None,
        paused=modes.is_paused(connection, None),
        mode=general or settings.defaults.approval,
    )
    return [everything] + [
        Switch(
            strategy=name,
            paused=modes.is_paused(connection, name),
            mode=modes.approval_mode(connection, name) or settings.strategy(name).approval,
        )
        for name in _names(connection, settings)
    ]


def _names(connection: Connection, settings: Settings) -> list[str]:
    """Who is known, and who is paused although nobody knows it yet."""
    known = strategies.known(connection, settings.strategies)
    return known + sorted(modes.paused_names(connection) - set(known))


def _text(board: Board, switches: Sequence[Switch]) -> str:
    if board == "approval":
        lines = [f"{_name(each)}: {'asks first' if each.mode == 'confirm' else 'auto'}" for each in switches]
    elif switches[0].paused:
        lines = ["⏸ No strategy opens anything new."]
    else:
        paused = [each for each in switches if each.paused]
        lines = [f"⏸ {_name(each)}" for each in paused] or ["▶️ Every strategy trades."]
    shown = lines[: BUTTONS_SHOWN + 1]
    return "\n".join(shown) + (f"\nand {len(lines) - len(shown)} more" if len(shown) < len(lines) else "")


def _buttons(board: Board, switches: Sequence[Switch]) -> tuple[tuple[Button, ...], ...]:
    return tuple((_button(board, each),) for each in switches[: BUTTONS_SHOWN + 1])


def _button(board: Board, each: Switch) -> Button:
    name = clipped(each.strategy or "Everything", 30)
    if board == "entries":
        verb, label = ("u", f"▶️ Unpause: {name}") if each.paused else ("p", f"⏸ Pause: {name}")
    else:
        verb, label = ("a", f"⚡ Auto: {name}") if each.mode == "confirm" else ("c", f"✋ Ask first: {name}")
    return Button(label=label, data=f"{SWITCH}{verb}:{each.key}")


def _name(each: Switch) -> str:
    return "Unless said otherwise" if each.strategy is None else html.escape(each.strategy)


def _whom(strategy: str | None) -> str:
    return "Everything" if strategy is None else html.escape(strategy)


class Switches:
    """Answers the presses on the boards of /pause and /mode."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One press by an owner (the guard has let it through)."""
        query = update.callback_query
        if query is None:
            return
        verb, _, key = (query.data or "").removeprefix(SWITCH).partition(":")
        found = [each for each in await _switches(self._ports) if each.key == key]
        sentence = "This strategy is not known any more."
        if found and verb == "a" and self._ports.factor.guards_orders:
            strategy, by = found[0].strategy, name_of(update)
            sentence = await ask_for_the_word(
                self._ports, update, lambda: _unasked(self._ports, strategy, by)
            )
        elif found and verb in {"p", "u", "a", "c"}:
            await _turn(self._ports, verb, found[0].strategy, name_of(update))
            sentence = _done(verb, found[0].strategy)
            await self._redraw(query, "entries" if verb in {"p", "u"} else "approval", sentence)
        try:
            await query.answer(clipped(sentence, 200))
        except BadRequest:
            # Too old to be answered; the switch is turned all the same (facts/telegram.md 1.2).
            return

    async def _redraw(self, query: CallbackQuery, board: Board, sentence: str) -> None:
        switches = await _switches(self._ports)
        text = f"{html.escape(sentence)}\n\n{_text(board, switches)}"
        try:
            await query.edit_message_text(
                text,
                parse_mode="HTML",
                reply_markup=inline(_buttons(board, switches)),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except BadRequest:
            # Pressed twice, or the message is gone: the answer to the press says what is so.
            return


def _done(verb: str, strategy: str | None) -> str:
    whom = strategy or "Everything"
    return {
        "p": f"⏸ {whom} opens nothing new; exits go on.",
        "u": f"▶️ {whom} trades again.",
        "a": f"{whom}: each entry goes straight on.",
        "c": f"{whom}: each entry is asked first.",
    }[verb]


PAUSE = Command(name="pause", summary="no new entries, of all or of one strategy", run=_pause)
UNPAUSE = Command(name="unpause", summary="entries again", run=_unpause, perishable=True)
MODE = Command(name="mode", summary="approval on (confirm) or off (auto)", run=_mode, perishable=True)
