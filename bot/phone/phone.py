"""The phone itself: the chats, the bot's queue and profile, and what the human in front of it can do."""

import html
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.phone import wire
from bot.phone.bus import Bus
from bot.phone.callbacks import Press, Presses
from bot.phone.files import Files
from bot.phone.history import History
from bot.phone.identity import Identity
from bot.phone.keyboards import inline_rows
from bot.phone.markup import plain, with_automatic_entities
from bot.phone.message import Content, Message
from bot.phone.profile import Profile
from bot.phone.store import Store
from bot.phone.updates import CALLBACK_SECONDS, UpdateQueue


class UnknownButtonError(LookupError):
    """There is no such message, or it has no such button."""


class Phone:
    """All state, none of HTTP. Everything here happens at once, in the caller's event loop."""

    def __init__(
        self,
        identity: Identity,
        *,
        data_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
        local: bool = False,
    ) -> None:
        """`local`: webhooks may have any address, and are delivered."""
        self.local = local
        self.identity = identity
        self.clock = clock
        self.bus = Bus()
        self._store = Store(data_dir)
        self.files = Files(self._store)
        self.history = History(self._store, self.files, self.bus, clock)
        self.updates = UpdateQueue(self._store, clock)
        self.presses = Presses(self._store, clock)
        self.profile = Profile(self._store)

    def say(
        self,
        text: str,
        *,
        from_id: int | None = None,
        chat_id: int | None = None,
        reply_to: int | None = None,
        forwarded: bool = False,
    ) -> Message:
        """A human writes `text`: the owner, unless `from_id` says otherwise, in their private chat."""
        sender = self.identity.owner_id if from_id is None else from_id
        message = self.history.add(
            chat_id=sender if chat_id is None else chat_id,
            sender_id=sender,
            from_bot=False,
            content=_typed(text),
            reply_to=reply_to,
            forwarded=forwarded,
        )
        self.updates.add("message", wire.message(self, message))
        return message

    def correct(self, message_id: int, text: str) -> Message:
        """The human edits a message of theirs."""
        message = self.history.find(message_id)
        if message is None or message.from_bot:
            raise UnknownButtonError(f"message {message_id} is not the user's own")
        edited = self.history.edit(message, _typed(text))
        self.updates.add("edited_message", wire.message(self, edited))
        return edited

    def delete(self, message_id: int) -> None:
        """The human deletes a message for both sides; the bot is not told."""
        message = self.history.find(message_id)
        if message is None:
            raise UnknownButtonError(f"there is no message {message_id}")
        self.history.delete(message)

    def press(
        self,
        message_id: int | None,
        *,
        label: str | None = None,
        data: str | None = None,
        from_id: int | None = None,
    ) -> Press:
        """A human presses the inline button with this callback data, or whose label contains `label`.

        Without `message_id` it is the newest message that has such a button. Raises UnknownButtonError.
        """
        message, button = self._wanted_button(message_id, label, data)
        user_id = self.identity.owner_id if from_id is None else from_id
        press = self.presses.add(
            message_id=message.message_id,
            chat_id=message.chat_id,
            user_id=user_id,
            data=button["callback_data"],
            label=button["text"],
        )
        self.bus.publish("press", press)
        self.updates.add(
            "callback_query", wire.callback_query(self, press, message), lifetime=CALLBACK_SECONDS
        )
        return press

    def _wanted_button(
        self, message_id: int | None, label: str | None, data: str | None
    ) -> tuple[Message, Mapping[str, Any]]:
        named = self.history.find(message_id)
        candidates = reversed(self.history.all()) if message_id is None else [named] if named else []
        for message in candidates:
            button = _button(message, label, data)
            if button is not None:
                return message, button
        raise UnknownButtonError(f"no button {data or label!r} on {message_id or 'any message'}")

    def close(self) -> None:
        """Ends polls and listeners, and closes the file."""
        self.updates.close()
        self.bus.close()
        self._store.close()


def _typed(text: str) -> Content:
    formatted = with_automatic_entities(plain(text))
    return Content(text=formatted.text, html=html.escape(formatted.text), entities=formatted.entities)


def _button(message: Message, label: str | None, data: str | None) -> Mapping[str, Any] | None:
    """The button with this data; else the one labelled so; else the first whose label contains the words."""
    buttons = [
        button for row in inline_rows(message.content.markup) for button in row if "callback_data" in button
    ]
    if data is not None:
        return next((button for button in buttons if button["callback_data"] == data), None)
    words = (label or "").casefold()
    exact = (button for button in buttons if button["text"].casefold() == words)
    partial = (button for button in buttons if words and words in button["text"].casefold())
    return next(exact, None) or next(partial, None)
