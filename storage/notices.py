"""The outbox: what the owner is owed, written in the transaction of the fact itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from config.notices import NoticeEvent, NoticeLevel
from storage.tables import messages, notices


class Priority(IntEnum):
    """Which notice goes first."""

    QUESTION = 0
    FACT = 5
    CHATTER = 9


DUE, SENT, FAILED = "due", "sent", "failed"
# Built once: building a statement costs more than SQLite takes to run it.
_INSERT = insert(notices)
_DUE = (
    select(notices)
    .where((notices.c.state == DUE) & (notices.c.chat_id == bindparam("of_chat")))
    .order_by(notices.c.priority, notices.c.seq)
    .limit(bindparam("most"))
)
_QUESTION = (
    select(notices.c.seq)
    .where(
        (notices.c.state == DUE)
        & (notices.c.chat_id == bindparam("of_chat"))
        & (notices.c.priority <= Priority.QUESTION)
    )
    .limit(1)
)


def _nothing_said(_event: NoticeEvent, _strategy: str | None) -> NoticeLevel | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """Writes notices for every chat that is to hear them, each event as its owner wishes it told."""

    chat_ids: tuple[int, ...]
    #: How an event, of a strategy or of none, is to be told; None: as it comes.
    level: Callable[[NoticeEvent, str | None], NoticeLevel | None] = _nothing_said

    def tell(
        self,
        connection: Connection,
        text: str,
        *,
        at: datetime,
        subject: str | None = None,
        loud: bool = True,
        priority: Priority = Priority.FACT,
        event: NoticeEvent | None = None,
        strategy: str | None = None,
    ) -> None:
        """A message of its own in Telegram HTML, escaped. With a subject: an answer to its card.

        What `event` it tells, and of which strategy, says whether its owner wants it, and with sound.
        """
        level = self._level(event, strategy)
        if level is NoticeLevel.OFF:
            return
        loud = loud if level is None else level is NoticeLevel.ON
        # Half a character from outside must not cost the fact its transaction.
        text = text.encode("utf-8", "replace").decode("utf-8")
        self._add(connection, at, card=False, text=text, subject=subject, loud=loud, priority=priority)

    def show(
        self,
        connection: Connection,
        subject: str,
        *,
        at: datetime,
        loud: bool = False,
        priority: Priority = Priority.FACT,
        event: NoticeEvent | None = None,
        strategy: str | None = None,
    ) -> None:
        """The subject's card is to be sent, or edited where it was sent before; drawn when it goes out.

        An `event` that is not wanted makes no sound; a card that is there says what is all the same.
        """
        level = self._level(event, strategy)
        loud = loud if level is None else level is NoticeLevel.ON
        self._add(connection, at, card=True, text=None, subject=subject, loud=loud, priority=priority)

    def _level(self, event: NoticeEvent | None, strategy: str | None) -> NoticeLevel | None:
        return self.level(event, strategy) if event is not None else None

    def _add(self, connection: Connection, at: datetime, **values: Any) -> None:
        rows = [
            {"created_at": at, "due_at": at, "chat_id": chat, "state": DUE, "attempts": 0, **values}
            for chat in self.chat_ids
        ]
        if rows:
            connection.execute(_INSERT, rows)


def due(connection: Connection, chat_id: int, limit: int) -> list[Row[Any]]:
    """What a chat is owed: questions first, then in the order it was written."""
    return list(connection.execute(_DUE, {"of_chat": chat_id, "most": limit}))


def owes_question(connection: Connection, chat_id: int) -> bool:
    """Whether what waits for a chat is a question, or as weighty as one."""
    return connection.scalar(_QUESTION, {"of_chat": chat_id}) is not None


def closed_until(connection: Connection, chat_id: int) -> datetime | None:
    """Until when a chat was to be left alone when this was written down last; None when not."""
    tried = (notices.c.state == DUE) & (notices.c.chat_id == chat_id) & (notices.c.attempts > 0)
    until: datetime | None = connection.scalar(select(func.max(notices.c.due_at)).where(tried))
    return until


def waiting(connection: Connection) -> int:
    """How many notices Telegram has not yet taken."""
    return connection.scalar(select(func.count()).select_from(notices).where(notices.c.state == DUE)) or 0


def was_written(connection: Connection, subject: str) -> bool:
    """Whether a notice about this subject was ever written, and is still kept."""
    found = select(notices.c.seq).where(notices.c.subject == subject).limit(1)
    return connection.scalar(found) is not None


def mark_sent(connection: Connection, seqs: Iterable[int], at: datetime) -> None:
    """Telegram has taken them."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(state=SENT, sent_at=at, attempts=notices.c.attempts + 1))


def postpone(connection: Connection, seqs: Iterable[int], until: datetime, failure: str) -> None:
    """Telegram has not taken them; they become due again."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(due_at=until, failure=failure, attempts=notices.c.attempts + 1))


def give_up(connection: Connection, seqs: Iterable[int], failure: str) -> None:
    """Telegram will never take them (a blocked bot, a message it calls malformed)."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(state=FAILED, failure=failure, attempts=notices.c.attempts + 1))


def give_up_foreign(connection: Connection, chat_ids: Iterable[int]) -> int:
    """What waits for chats that are not to hear anything any more; how many that were."""
    statement = update(notices).where((notices.c.state == DUE) & notices.c.chat_id.not_in(list(chat_ids)))
    return connection.execute(statement.values(state=FAILED, failure="this chat is not served")).rowcount


def places_of(connection: Connection, chat_id: int, subjects: Iterable[str]) -> dict[str, int]:
    """The messages that are the cards of these subjects in a chat, where there are such."""
    found = (messages.c.chat_id == chat_id) & messages.c.subject.in_(list(subjects))
    rows = connection.execute(select(messages.c.subject, messages.c.message_id).where(found))
    return {row.subject: row.message_id for row in rows}


def message_of(connection: Connection, chat_id: int, subject: str) -> int | None:
    """The message that is a subject's card in a chat."""
    return places_of(connection, chat_id, [subject]).get(subject)


def subjects_in(connection: Connection, chat_id: int, message_id: int) -> list[str]:
    """The subjects whose card a message is: several where many came at once."""
    found = (messages.c.chat_id == chat_id) & (messages.c.message_id == message_id)
    statement = select(messages.c.subject).where(found).order_by(messages.c.subject)
    return list(connection.scalars(statement))


def subjects(connection: Connection, head: str) -> list[str]:
    """The subjects that begin so and have a message in some chat."""
    statement = select(messages.c.subject).where(messages.c.subject.startswith(head, autoescape=True))
    return list(connection.scalars(statement.distinct().order_by(messages.c.subject)))


def remember_message(connection: Connection, chat_id: int, subject: str, message_id: int) -> None:
    """From now on this message is the subject's card in that chat."""
    connection.execute(
        delete(messages).where((messages.c.chat_id == chat_id) & (messages.c.subject == subject))
    )
    connection.execute(insert(messages).values(chat_id=chat_id, subject=subject, message_id=message_id))
