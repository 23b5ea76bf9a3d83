"""Reply markups, accepted or refused as Telegram does (facts/telegram.md 1.1, 1.3)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bot.phone.errors import bad_request

MAX_BUTTONS = 100
MAX_CALLBACK_BYTES = 64
MAX_COPY_TEXT = 256
STYLES = frozenset({"primary", "success", "danger"})
_INLINE_ACTIONS = ("url", "callback_data", "copy_text", "web_app", "login_url", "switch_inline_query")

Markup = Mapping[str, Any]


def checked_markup(markup: Any) -> Markup | None:
    """Any reply markup of a sent message; an empty inline keyboard counts as none. Raises ApiError 400."""
    if markup in (None, "", {}):
        return None
    if not isinstance(markup, Mapping):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        return checked_inline(markup)
    if "keyboard" in markup:
        return {**markup, "keyboard": [_reply_row(row) for row in _rows(markup["keyboard"])]}
    if markup.get("force_reply") or markup.get("remove_keyboard"):
        return dict(markup)
    raise bad_request("object expected as reply markup")


def checked_inline(markup: Any) -> Markup | None:
    """The markup an edit may carry: an inline keyboard or none. Raises ApiError 400."""
    if markup in (None, "", {}):
        return None
    if not isinstance(markup, Mapping) or "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    rows = [[_inline_button(button) for button in row] for row in _rows(markup["inline_keyboard"]) if row]
    if sum(len(row) for row in rows) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": rows} if rows else None


def inline_rows(markup: Markup | None) -> Sequence[Sequence[Mapping[str, Any]]]:
    """The rows of an inline keyboard; none for any other markup."""
    return () if markup is None else markup.get("inline_keyboard", ())


def _rows(rows: Any) -> list[Any]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "keyboard" of the reply markup must be an Array of Arrays')
    return rows


def _inline_button(button: Any) -> Mapping[str, Any]:
    if not isinstance(button, Mapping):
        raise bad_request("can't parse inline keyboard button: inline keyboard button must be an Object")
    if not button.get("text") or not isinstance(button["text"], str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    action = next((name for name in _INLINE_ACTIONS if button.get(name)), None)
    if action is None:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    _check_action(action, button[action])
    _check_style(button)
    return dict(button)


def _check_action(action: str, value: Any) -> None:
    if action == "callback_data" and not 1 <= len(str(value).encode()) <= MAX_CALLBACK_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if action == "url":
        _check_url(str(value))
    if action == "copy_text" and not 1 <= len(str(value.get("text", ""))) <= MAX_COPY_TEXT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _check_url(url: str) -> None:
    """Telegram takes http, https and tg addresses whose host has a dot: never localhost."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https", "tg"):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol")
    if parts.scheme != "tg" and "." not in (parts.hostname or "") and ":" not in (parts.hostname or ""):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _check_style(button: Mapping[str, Any]) -> None:
    if button.get("style") is not None and button["style"] not in STYLES:
        raise bad_request("can't parse inline keyboard button: invalid button style specified")


def _reply_row(row: Sequence[Any]) -> list[Mapping[str, Any]]:
    buttons = [{"text": button} if isinstance(button, str) else button for button in row]
    if not all(isinstance(button, Mapping) and button.get("text") for button in buttons):
        raise bad_request("can't parse keyboard button: Can't find field \"text\"")
    for button in buttons:
        _check_style(button)
    return buttons
