"""What a command is, and how it answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, LinkPreviewOptions, Update

from bot.ports import Ports


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; `run` gets the words behind it."""

    name: str
    summary: str
    run: Callable[[Ports, Update, Sequence[str]], Awaitable[None]]


async def reply(update: Update, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Answers in the chat of the command, as Telegram HTML."""
    if update.effective_chat is not None:
        await update.effective_chat.send_message(
            text,
            parse_mode="HTML",
            reply_markup=keyboard,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
