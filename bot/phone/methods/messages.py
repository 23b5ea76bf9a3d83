"""Sending text, answering presses, and what can be done to a message besides editing it."""

from dataclasses import replace
from typing import Any

from bot.phone import wire
from bot.phone.call import Call
from bot.phone.errors import bad_request
from bot.phone.keyboards import checked_markup
from bot.phone.message import Content, Message
from bot.phone.methods.texts import text_content
from bot.phone.phone import Phone

MAX_ANSWER_TEXT = 200
DELETABLE_SECONDS = 48 * 3600


def send_message(phone: Phone, call: Call) -> Any:
    """sendMessage."""
    return post(phone, call, text_content(call))


def post(phone: Phone, call: Call, content: Content) -> Any:
    """Puts a message of the bot's into a chat, with the call's keyboard, reply and silence."""
    message = phone.history.add(
        chat_id=call.chat_id(),
        sender_id=phone.identity.bot_id,
        from_bot=True,
        content=replace(content, markup=checked_markup(call.structure("reply_markup"))),
        reply_to=_reply_to(phone, call),
        silent=call.flag("disable_notification"),
    )
    return wire.message(phone, message)


def send_chat_action(phone: Phone, call: Call) -> Any:
    """sendChatAction: the page shows "typing..."."""
    if not call.text("action"):
        raise bad_request("wrong parameter action in request")
    phone.bus.publish("action", {"chat_id": call.chat_id(), "action": call.text("action")})
    return True


def answer_callback_query(phone: Phone, call: Call) -> Any:
    """answerCallbackQuery: a toast or an alert on the page."""
    text = call.text("text")
    if len(text) > MAX_ANSWER_TEXT:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text or None, "show_alert": call.flag("show_alert"), "url": call.text("url") or None}
    press = phone.presses.answer(call.text("callback_query_id"), answer)
    phone.bus.publish("answer", press)
    return True


def delete_message(phone: Phone, call: Call) -> Any:
    """deleteMessage: the bot's own up to 48 hours, and any in a private chat."""
    message = find(phone, call, "message to delete not found")
    if phone.clock() - message.date > DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    phone.history.delete(message)
    return True


def pin_chat_message(phone: Phone, call: Call) -> Any:
    """pinChatMessage."""
    phone.history.mark(find(phone, call, "message to pin not found"), pinned=True)
    return True


def unpin_chat_message(phone: Phone, call: Call) -> Any:
    """unpinChatMessage: without a message id, the newest pinned one."""
    if call.text("message_id"):
        phone.history.mark(find(phone, call, "message to unpin not found"), pinned=False)
        return True
    pinned = [message for message in phone.history.all(call.chat_id()) if message.pinned]
    if not pinned:
        raise bad_request("message to unpin not found")
    phone.history.mark(pinned[-1], pinned=False)
    return True


def set_message_reaction(phone: Phone, call: Call) -> Any:
    """setMessageReaction: at most one emoji from a bot."""
    message = find(phone, call, "message to react not found")
    reactions = call.structure("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    phone.history.mark(message, reaction=str(reactions[0].get("emoji", "")) if reactions else "")
    return True


def find(phone: Phone, call: Call, otherwise: str) -> Message:
    """The message the call means; raises ApiError 400 with the words of `otherwise`."""
    message = phone.history.find(call.number("message_id", 0), call.chat_id())
    if message is None:
        raise bad_request(otherwise)
    return message


def _reply_to(phone: Phone, call: Call) -> int | None:
    parameters = call.structure("reply_parameters") or {}
    wanted = int(parameters.get("message_id") or call.number("reply_to_message_id", 0))
    if not wanted or phone.history.find(wanted, call.chat_id()):
        return wanted or None
    if parameters.get("allow_sending_without_reply") or call.flag("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")
