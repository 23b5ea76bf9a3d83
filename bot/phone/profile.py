"""What a bot says about itself: its commands by scope, its menu button, its webhook."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.phone.errors import bad_request
from bot.phone.store import Store

MAX_COMMANDS = 100
_COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")

Command = Mapping[str, Any]


class Profile:
    """The bot's settings at Telegram."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set_commands(self, commands: Any, scope: Any, language: str) -> None:
        """Replaces the commands of a scope; raises ApiError 400 for a bad name or description."""
        if not isinstance(commands, list) or len(commands) > MAX_COMMANDS:
            raise bad_request("expected an Array of BotCommand")
        self._store.put("commands", _key(scope, language), [_checked(command) for command in commands])

    def delete_commands(self, scope: Any, language: str) -> None:
        """Forgets the commands of a scope."""
        self._store.drop("commands", _key(scope, language))

    def commands(self, scope: Any, language: str) -> Sequence[Command]:
        """The commands set for exactly this scope and language."""
        found: Sequence[Command] = self._store.get("commands", _key(scope, language), [])
        return found

    def commands_in_chat(self, chat_id: int) -> Sequence[Command]:
        """What a private chat shows: the narrowest scope that has commands wins."""
        scopes = ({"type": "chat", "chat_id": chat_id}, {"type": "all_private_chats"}, None)
        return next((found for scope in scopes if (found := self.commands(scope, ""))), ())

    def set_menu_button(self, chat_id: int | None, button: Any) -> None:
        """Sets the button beside the typing box; None for the chat id means every private chat."""
        self._store.put("menu_button", chat_id or "default", button or {"type": "default"})

    def menu_button(self, chat_id: int | None) -> Mapping[str, Any]:
        """The button of a chat."""
        default = self._store.get("menu_button", "default", {"type": "commands"})
        found: Mapping[str, Any] = self._store.get("menu_button", chat_id or "default", default)
        return found

    @property
    def webhook(self) -> Mapping[str, Any]:
        """The webhook's settings; `url` is empty when there is none."""
        found: Mapping[str, Any] = self._store.get("webhook", "settings", {"url": ""})
        return found

    def set_webhook(self, settings: Mapping[str, Any], *, local: bool) -> None:
        """Keeps a webhook's settings; raises ApiError 400 unless the address is HTTPS (or we are `local`)."""
        url = str(settings.get("url", ""))
        if url and not url.startswith("https://") and not local:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self._store.put("webhook", "settings", {**settings, "url": url})

    def note_failure(self, words: str, at: float) -> None:
        """A delivery to the webhook has failed; getWebhookInfo tells it."""
        failure = {"last_error_date": int(at), "last_error_message": words}
        self._store.put("webhook", "settings", {**self.webhook, **failure})


def _key(scope: Any, language: str) -> str:
    scope = scope or {"type": "default"}
    if scope.get("chat_id") is not None:
        scope = {**scope, "chat_id": str(scope["chat_id"])}
    return json.dumps([scope, language], sort_keys=True)


def _checked(command: Any) -> Command:
    name, description = str(command.get("command", "")), str(command.get("description", ""))
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name.removeprefix("/"), "description": description}
