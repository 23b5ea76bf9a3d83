"""The bot about itself: who it is, its commands, its menu button, the chats it knows."""

from typing import Any

from bot.phone import wire
from bot.phone.call import Call
from bot.phone.phone import Phone

_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


def get_me(phone: Phone, _call: Call) -> Any:
    """getMe."""
    return wire.bot(phone)


def set_my_commands(phone: Phone, call: Call) -> Any:
    """setMyCommands."""
    phone.profile.set_commands(
        call.structure("commands"), call.structure("scope"), call.text("language_code")
    )
    phone.bus.publish("profile", None)
    return True


def get_my_commands(phone: Phone, call: Call) -> Any:
    """getMyCommands."""
    return list(phone.profile.commands(call.structure("scope"), call.text("language_code")))


def delete_my_commands(phone: Phone, call: Call) -> Any:
    """deleteMyCommands."""
    phone.profile.delete_commands(call.structure("scope"), call.text("language_code"))
    phone.bus.publish("profile", None)
    return True


def set_chat_menu_button(phone: Phone, call: Call) -> Any:
    """setChatMenuButton."""
    phone.profile.set_menu_button(_optional_chat(call), call.structure("menu_button"))
    phone.bus.publish("profile", None)
    return True


def get_chat_menu_button(phone: Phone, call: Call) -> Any:
    """getChatMenuButton."""
    return phone.profile.menu_button(_optional_chat(call))


def get_chat(phone: Phone, call: Call) -> Any:
    """getChat."""
    chat_id = call.chat_id()
    full = {
        **wire.chat(phone, chat_id),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(_GIFTS, False),
    }
    pinned = [message for message in phone.history.all(chat_id) if message.pinned]
    return {**full, "pinned_message": wire.message(phone, pinned[-1])} if pinned else full


def _optional_chat(call: Call) -> int | None:
    return call.chat_id() if call.text("chat_id") else None
