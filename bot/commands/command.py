"""What a command is, and how it answers: with a message, or with a page that Refresh draws anew in place."""

import html
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from telegram import InlineKeyboardMarkup, LinkPreviewOptions, Update

from bot.cards import Button
from bot.keyboard import inline
from bot.ports import Ports
from gateway.domain.market import ist
from gateway.wording import seconds

#: Telegram's limit on callback data, in bytes (facts/telegram.md 1.1).
LONGEST_DATA = 64
#: The first letters of a button that shows a page.
VIEW = "v:"
#: What was written longer ago than this, while nobody listened, is asked for again before it is done.
LONGEST_AGE = timedelta(seconds=120)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a reading command shows: Telegram HTML, buttons of its own, and perhaps a picture (PNG)."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    picture: bytes | None = None
    #: A file to send below it: its name and its content.
    file: tuple[str, bytes] | None = None
    #: Says how to ask: there is nothing to refresh.
    help: bool = False


Draw = Callable[[Ports, Sequence[str]], Awaitable[Page]]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; `run` gets the words behind it. One that only reads has `draw`, and a Refresh button."""

    name: str
    summary: str
    run: Callable[[Ports, Update, Sequence[str]], Awaitable[None]]
    draw: Draw | None = None
    #: Whether it must not be done when it arrives long after it was written.
    perishable: bool = False
    #: Whether it only says what is, though it draws no page.
    tells: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.tells or self.draw is not None


def reading(name: str, summary: str, draw: Draw) -> Command:
    """A command that shows a page and changes nothing."""

    async def run(ports: Ports, update: Update, words: Sequence[str]) -> None:
        await show(update, refreshable(ports, name, words, await draw(ports, words)))

    return Command(name=name, summary=summary, run=run, draw=draw)


def view_data(name: str, words: Sequence[str] = ()) -> str | None:
    """What a button carries that shows a page in the place of the one it hangs on; None when too long."""
    data = " ".join([f"{VIEW}{name}", *words])
    return data if len(data.encode()) <= LONGEST_DATA else None


def view_button(label: str, name: str, words: Sequence[str] = ()) -> tuple[Button, ...]:
    """The button with that, or none."""
    data = view_data(name, words)
    return (Button(label=label, data=data),) if data is not None else ()


def refreshable(ports: Ports, name: str, words: Sequence[str], page: Page) -> Page:
    """The page with the time it was drawn at, and its Refresh button."""
    if page.help:
        return page
    rows = (*page.buttons, view_button("🔄 Refresh", name, words))
    return Page(
        text=f"{page.text}\n<i>as of {ist(ports.clock()):%H:%M:%S} IST</i>",
        buttons=tuple(row for row in rows if row),
        picture=page.picture,
        file=page.file,
    )


async def show(update: Update, page: Page) -> None:
    """A page as a message of its own; with a picture, the text is its caption; a file comes below it."""
    chat, keyboard = update.effective_chat, inline(page.buttons)
    if chat is None:
        return
    if page.picture is not None:
        await chat.send_photo(page.picture, caption=page.text, parse_mode="HTML", reply_markup=keyboard)
    else:
        await reply(update, page.text, keyboard)
    await send_file(update, page)


async def send_file(update: Update, page: Page) -> None:
    """The page's file, if it has one."""
    if page.file is not None and update.effective_chat is not None:
        name, content = page.file
        await update.effective_chat.send_document(content, filename=name)


async def reply(update: Update, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Answers in the chat of the command, as Telegram HTML."""
    if update.effective_chat is not None:
        await update.effective_chat.send_message(
            text,
            parse_mode="HTML",
            reply_markup=keyboard,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )


def too_old(command: Command, update: Update, ports: Ports) -> str | None:
    """Why a command that was written long ago is not done now; None when it may be."""
    message = update.effective_message
    if not command.perishable or message is None:
        return None
    age = ports.clock() - message.date
    if age <= LONGEST_AGE:
        return None
    said = html.escape((message.text or "")[:200], quote=False)
    return (
        f"⌛ <code>{said}</code> was written {seconds(age)} ago and is not done. Say it again if it stands."
    )
