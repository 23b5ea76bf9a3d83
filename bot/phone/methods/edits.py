"""Editing messages in place. As at Telegram, an edit without a keyboard removes the keyboard."""

from dataclasses import replace
from typing import Any

from bot.phone import wire
from bot.phone.call import Call
from bot.phone.errors import bad_request, not_modified
from bot.phone.keyboards import checked_inline
from bot.phone.message import Content, Message
from bot.phone.methods.media import input_media
from bot.phone.methods.messages import find
from bot.phone.methods.texts import caption_content, text_content
from bot.phone.phone import Phone


def edit_message_text(phone: Phone, call: Call) -> Any:
    """editMessageText."""
    message = _editable(phone, call)
    if message.content.attachment is not None:
        raise bad_request("there is no text in the message to edit")
    return _edit(phone, call, message, text_content(call))


def edit_message_caption(phone: Phone, call: Call) -> Any:
    """editMessageCaption."""
    message = _editable(phone, call)
    if message.content.attachment is None:
        raise bad_request("there is no caption in the message to edit")
    return _edit(phone, call, message, replace(caption_content(call), attachment=message.content.attachment))


def edit_message_reply_markup(phone: Phone, call: Call) -> Any:
    """editMessageReplyMarkup."""
    message = _editable(phone, call)
    return _edit(phone, call, message, message.content)


def edit_message_media(phone: Phone, call: Call) -> Any:
    """editMessageMedia: another photo or document, with its own caption."""
    message = _editable(phone, call)
    return _edit(phone, call, message, input_media(phone, call))


def _editable(phone: Phone, call: Call) -> Message:
    message = find(phone, call, "message to edit not found")
    markup = message.content.markup
    if not message.from_bot or (markup is not None and "inline_keyboard" not in markup):
        raise bad_request("message can't be edited")
    return message


def _edit(phone: Phone, call: Call, message: Message, content: Content) -> Any:
    content = replace(content, markup=checked_inline(call.structure("reply_markup")))
    if _seen(content) == _seen(message.content):
        raise not_modified()
    return wire.message(phone, phone.history.edit(message, content))


def _seen(content: Content) -> Any:
    """What a reader can tell apart: two spellings of the same HTML are the same message."""
    entities = sorted((sorted(entity.items()) for entity in content.entities), key=repr)
    return content.text, entities, content.attachment, content.markup
