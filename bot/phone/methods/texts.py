"""Text parameters shared by sending and editing: parse mode, limits, entities."""

import html

from bot.phone.call import Call
from bot.phone.errors import bad_request
from bot.phone.markup import Formatted, parse_html, plain, utf16_length, with_automatic_entities
from bot.phone.message import Content

MAX_TEXT = 4096
MAX_CAPTION = 1024


def text_content(call: Call) -> Content:
    """The `text` of a message; raises ApiError 400 when it is empty, too long or badly marked up."""
    formatted = _formatted(call, "text", "entities")
    if not formatted.text:
        raise bad_request("message text is empty")
    if utf16_length(formatted.text) > MAX_TEXT:
        raise bad_request("message is too long")
    return _content(call, "text", formatted)


def caption_content(call: Call) -> Content:
    """The `caption` of a file, perhaps empty; raises ApiError 400."""
    formatted = _formatted(call, "caption", "caption_entities")
    if utf16_length(formatted.text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return _content(call, "caption", formatted)


def _formatted(call: Call, name: str, entities_name: str) -> Formatted:
    mode = call.text("parse_mode").lower()
    if mode == "html":
        return parse_html(call.text(name))
    if mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    return Formatted(text=plain(call.text(name)).text, entities=tuple(call.structure(entities_name) or ()))


def _content(call: Call, name: str, formatted: Formatted) -> Content:
    marked_up = bool(call.text("parse_mode"))
    full = with_automatic_entities(formatted)
    source = call.text(name) if marked_up else html.escape(formatted.text)
    return Content(text=full.text, html=source, entities=full.entities)
