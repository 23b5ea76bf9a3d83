"""One message of a chat: what was said, how it was edited, and its shape in the store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.phone.keyboards import Markup


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """An uploaded file; `kind` is `photo` or `document`, sizes are bytes and pixels."""

    kind: str
    file_id: str
    name: str
    mime_type: str
    size: int
    width: int = 0
    height: int = 0


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an edit can change. `html` is the text as the bot wrote it; the text of a file is its caption."""

    text: str = ""
    html: str = ""
    entities: tuple[Mapping[str, Any], ...] = ()
    attachment: Attachment | None = None
    markup: Markup | None = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """What a message said until `replaced_at` (seconds since the epoch)."""

    replaced_at: float
    content: Content


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message; `date` and `edited` are seconds since the epoch."""

    message_id: int
    chat_id: int
    sender_id: int
    from_bot: bool
    date: float
    content: Content
    reply_to: int | None = None
    silent: bool = False
    edited: float | None = None
    reaction: str | None = None
    pinned: bool = False
    #: Somebody else's words, passed on.
    forwarded: bool = False
    history: tuple[Version, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """JSON-able, for the store."""
        return asdict(self)


def message_from_record(record: Mapping[str, Any]) -> Message:
    """The inverse of `Message.record`."""
    history = tuple(
        Version(replaced_at=version["replaced_at"], content=_content(version["content"]))
        for version in record["history"]
    )
    return Message(**{**record, "content": _content(record["content"]), "history": history})


def _content(record: Mapping[str, Any]) -> Content:
    attachment = record["attachment"]
    return Content(
        text=record["text"],
        html=record["html"],
        entities=tuple(record["entities"]),
        attachment=None if attachment is None else Attachment(**attachment),
        markup=record["markup"],
    )
