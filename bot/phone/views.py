"""The phone's objects as JSON for the page and for tests."""

from collections.abc import Mapping
from typing import Any

from bot.phone.keyboards import inline_rows
from bot.phone.message import Attachment, Content, Message
from bot.phone.phone import Phone

Json = dict[str, Any]


def message(phone: Phone, message: Message) -> Json:
    """All about a message: `html` as written, plain `text`, `keyboard` (inline rows), former `edits`."""
    return {
        "message_id": message.message_id,
        "chat_id": message.chat_id,
        "from_bot": message.from_bot,
        "sender_id": message.sender_id,
        "date": message.date,
        "edited": message.edited,
        "silent": message.silent,
        "pinned": message.pinned,
        "reaction": message.reaction,
        "reply_to": _quote(phone, message.reply_to),
        **_content(message.content),
        "edits": [
            {"replaced_at": version.replaced_at, **_content(version.content)} for version in message.history
        ],
    }


def profile(phone: Phone) -> Json:
    """Who the page shows: the bot, its owner, the commands and the menu button of the owner's chat."""
    identity = phone.identity
    return {
        "bot_name": identity.bot_name,
        "owner_id": identity.owner_id,
        "owner_name": identity.owner_name,
        "commands": list(phone.profile.commands_in_chat(identity.owner_id)),
        "menu_button": phone.profile.menu_button(identity.owner_id),
    }


def _content(content: Content) -> Json:
    return {
        "text": content.text,
        "html": content.html,
        "entities": list(content.entities),
        "attachment": _attachment(content.attachment),
        "keyboard": [list(row) for row in inline_rows(content.markup)],
        "markup": content.markup,
    }


def _attachment(attachment: Attachment | None) -> Mapping[str, Any] | None:
    if attachment is None:
        return None
    return {
        "kind": attachment.kind,
        "name": attachment.name,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "url": f"/_phone/files/{attachment.file_id}",
    }


def _quote(phone: Phone, message_id: int | None) -> Json | None:
    quoted = phone.history.find(message_id)
    if quoted is None:
        return None
    text = quoted.content.text or (quoted.content.attachment.name if quoted.content.attachment else "")
    return {"message_id": quoted.message_id, "from_bot": quoted.from_bot, "text": text}
