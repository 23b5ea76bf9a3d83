"""Buttons as Telegram has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup


@dataclass(frozen=True, kw_only=True)
class Button:
    """One inline button; `style` is Telegram's word (success, danger, primary) or None. With `url` it opens
    that address and nothing comes back."""

    label: str
    data: str = ""
    url: str | None = None
    style: str | None = None


def inline(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """The keyboard under a message; None where there is no button."""
    if not rows:
        return None
    return InlineKeyboardMarkup([[_button(button) for button in row] for row in rows])


def _button(button: Button) -> InlineKeyboardButton:
    if button.url is not None:
        return InlineKeyboardButton(button.label, url=button.url)
    return InlineKeyboardButton(button.label, callback_data=button.data, style=button.style)
