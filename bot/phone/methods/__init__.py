"""The Bot API methods the phone knows, by lower-case name (Telegram ignores case)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.phone.call import Call
from bot.phone.methods import edits, media, messages, profile, updates
from bot.phone.phone import Phone

Method = Callable[[Phone, Call], Awaitable[Any] | Any]

METHODS: Mapping[str, Method] = {
    "getme": profile.get_me,
    "getupdates": updates.get_updates,
    "setwebhook": updates.set_webhook,
    "deletewebhook": updates.delete_webhook,
    "getwebhookinfo": updates.get_webhook_info,
    "setmycommands": profile.set_my_commands,
    "getmycommands": profile.get_my_commands,
    "deletemycommands": profile.delete_my_commands,
    "setchatmenubutton": profile.set_chat_menu_button,
    "getchatmenubutton": profile.get_chat_menu_button,
    "getchat": profile.get_chat,
    "sendmessage": messages.send_message,
    "sendchataction": messages.send_chat_action,
    "answercallbackquery": messages.answer_callback_query,
    "deletemessage": messages.delete_message,
    "pinchatmessage": messages.pin_chat_message,
    "unpinchatmessage": messages.unpin_chat_message,
    "setmessagereaction": messages.set_message_reaction,
    "sendphoto": media.send_photo,
    "senddocument": media.send_document,
    "getfile": media.get_file,
    "editmessagetext": edits.edit_message_text,
    "editmessagecaption": edits.edit_message_caption,
    "editmessagereplymarkup": edits.edit_message_reply_markup,
    "editmessagemedia": edits.edit_message_media,
}
