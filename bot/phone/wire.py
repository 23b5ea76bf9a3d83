"""The phone's objects in the Bot API's JSON shapes."""

from typing import Any, Protocol

from bot.phone.callbacks import Press
from bot.phone.history import History
from bot.phone.identity import Identity
from bot.phone.message import Attachment, Message

Json = dict[str, Any]


class Knowing(Protocol):
    """What the shapes need to know: the names, and the messages replied to."""

    @property
    def identity(self) -> Identity: ...

    @property
    def history(self) -> History: ...


def bot(phone: Knowing) -> Json:
    """The bot as a User, as getMe gives it."""
    return {
        "id": phone.identity.bot_id,
        "is_bot": True,
        "first_name": phone.identity.bot_name,
        "username": f"{phone.identity.bot_name.lower()}_bot",
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def user(phone: Knowing, user_id: int) -> Json:
    """A human as a User."""
    return {
        "id": user_id,
        "is_bot": False,
        "first_name": phone.identity.name_of(user_id),
        "language_code": "en",
    }


def chat(phone: Knowing, chat_id: int) -> Json:
    """A private chat for a positive id, a supergroup for a negative one."""
    if chat_id < 0:
        return {"id": chat_id, "type": "supergroup", "title": f"Group {chat_id}"}
    return {"id": chat_id, "type": "private", "first_name": phone.identity.name_of(chat_id)}


def message(phone: Knowing, message: Message, *, with_reply: bool = True) -> Json:
    """A Message; dates in whole seconds, media text as caption."""
    sender = bot(phone) if message.from_bot else user(phone, message.sender_id)
    shape: Json = {
        "message_id": message.message_id,
        "from": sender,
        "chat": chat(phone, message.chat_id),
        "date": int(message.date),
        **_content(message),
    }
    if message.edited is not None:
        shape["edit_date"] = int(message.edited)
    if message.content.markup and "inline_keyboard" in message.content.markup:
        shape["reply_markup"] = message.content.markup
    if message.forwarded:
        origin = {"type": "hidden_user", "date": int(message.date), "sender_user_name": "Somebody"}
        shape["forward_origin"] = origin
    replied = phone.history.find(message.reply_to) if with_reply else None
    if replied is not None:
        shape["reply_to_message"] = _replied(phone, replied)
    return shape


def callback_query(phone: Knowing, press: Press, pressed: Message) -> Json:
    """A CallbackQuery."""
    return {
        "id": press.query_id,
        "from": user(phone, press.user_id),
        "message": message(phone, pressed),
        "chat_instance": str(pressed.chat_id),
        "data": press.data,
    }


def file(attachment: Attachment) -> Json:
    """A File with the path under which it can be fetched."""
    return {**_file_id(attachment), "file_path": f"{attachment.kind}s/{attachment.file_id}"}


def _replied(phone: Knowing, replied: Message) -> Json:
    return message(phone, replied, with_reply=False)


def _content(message: Message) -> Json:
    content, attachment = message.content, message.content.attachment
    key, entities_key = ("text", "entities") if attachment is None else ("caption", "caption_entities")
    shape: Json = {} if attachment is None else _attachment(attachment)
    if content.text:
        shape[key] = content.text
    if content.entities:
        shape[entities_key] = list(content.entities)
    return shape


def _attachment(attachment: Attachment) -> Json:
    if attachment.kind == "photo":
        size = {"width": attachment.width, "height": attachment.height}
        return {"photo": [{**_file_id(attachment), **size}]}
    described = {"file_name": attachment.name, "mime_type": attachment.mime_type}
    return {"document": {**_file_id(attachment), **described}}


def _file_id(attachment: Attachment) -> Json:
    return {
        "file_id": attachment.file_id,
        "file_unique_id": attachment.file_id[-16:],
        "file_size": attachment.size,
    }
