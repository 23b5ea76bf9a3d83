"""The chats: every message by its id, with its edits."""

from collections.abc import Callable
from dataclasses import replace

from bot.phone.bus import Bus
from bot.phone.files import Files
from bot.phone.message import Content, Message, Version, message_from_record
from bot.phone.store import Store

MAX_MESSAGES = 3000
MAX_VERSIONS = 50


class History:
    """Messages of all chats, numbered in one sequence; the oldest beyond `MAX_MESSAGES` are forgotten."""

    def __init__(self, store: Store, files: Files, bus: Bus, clock: Callable[[], float]) -> None:
        self._store = store
        self._files = files
        self._bus = bus
        self._clock = clock
        records = sorted(store.all("message"), key=lambda row: int(row[0]))
        self._messages = {int(key): message_from_record(record) for key, record in records}
        self._next = int(store.get("counter", "message", 1))

    def add(
        self,
        *,
        chat_id: int,
        sender_id: int,
        from_bot: bool,
        content: Content,
        reply_to: int | None = None,
        silent: bool = False,
        forwarded: bool = False,
    ) -> Message:
        """Appends a message and tells the listeners."""
        message = Message(
            message_id=self._next,
            chat_id=chat_id,
            sender_id=sender_id,
            from_bot=from_bot,
            date=self._clock(),
            content=content,
            reply_to=reply_to,
            silent=silent,
            forwarded=forwarded,
        )
        self._next += 1
        self._store.put("counter", "message", self._next)
        self._keep(message)
        if len(self._messages) > MAX_MESSAGES:
            self.delete(next(iter(self._messages.values())))
        return message

    def find(self, message_id: int | None, chat_id: int | None = None) -> Message | None:
        """The message with this id; None if there is none, or not in `chat_id`."""
        message = self._messages.get(message_id) if message_id is not None else None
        if message is None or (chat_id is not None and message.chat_id != chat_id):
            return None
        return message

    def all(self, chat_id: int | None = None) -> list[Message]:
        """Messages of one chat, or of all, oldest first."""
        return [message for message in self._messages.values() if chat_id in (None, message.chat_id)]

    def edit(self, message: Message, content: Content) -> Message:
        """Replaces the content and keeps the former one in the message's history."""
        version = Version(replaced_at=self._clock(), content=message.content)
        edited = replace(
            message,
            content=content,
            edited=self._clock(),
            history=(*message.history, version)[-MAX_VERSIONS:],
        )
        self._keep(edited)
        return edited

    def mark(self, message: Message, *, pinned: bool | None = None, reaction: str | None = None) -> None:
        """Pins or unpins a message, or sets its reaction (an empty string removes it)."""
        marked = message if pinned is None else replace(message, pinned=pinned)
        self._keep(marked if reaction is None else replace(marked, reaction=reaction or None))

    def delete(self, message: Message) -> None:
        """Removes a message and the files only it carried."""
        del self._messages[message.message_id]
        self._store.drop("message", message.message_id)
        for content in (message.content, *(version.content for version in message.history)):
            if content.attachment is not None and not self._carried(content.attachment.file_id):
                self._files.drop(content.attachment.file_id)
        self._bus.publish("deleted", message)

    def _carried(self, file_id: str) -> bool:
        attachments = (message.content.attachment for message in self._messages.values())
        return any(attachment is not None and attachment.file_id == file_id for attachment in attachments)

    def _keep(self, message: Message) -> None:
        self._messages[message.message_id] = message
        self._store.put("message", message.message_id, message.record())
        self._bus.publish("message", message)
