"""The outbox: what the owner is owed, written in the transaction of the fact itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.tables import messages, notices


class Priority(IntEnum):
    """Which notice goes first."""

    QUESTION = 0
    FACT = 5
    CHATTER = 9


DUE, SENT, FAILED = "due", "sent", "failed"


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """Writes notices for every chat that is to hear them."""

    chat_ids: tuple[int, ...]

    def tell(
        self,
        connection: Connection,
        text: str,
        *,
        at: datetime,
        subject: str | None = None,
        loud: bool = True,
        priority: Priority = Priority.FACT,
    ) -> None:
        """A message of its own in Telegram HTML, escaped. With a subject: an answer to its card."""
        self._add(connection, at, card=False, text=text, subject=subject, loud=loud, priority=priority)

    def show(
        self,
        connection: Connection,
        subject: str,
        *,
        at: datetime,
        loud: bool = False,
        priority: Priority = Priority.FACT,
    ) -> None:
        """The subject's card is to be sent, or edited where it was sent before; drawn when it goes out."""
        self._add(connection, at, card=True, text=None, subject=subject, loud=loud, priority=priority)

    def _add(self, connection: Connection, at: datetime, **values: Any) -> None:
        rows = [
            {"created_at": at, "due_at": at, "chat_id": chat, "state": DUE, "attempts": 0, **values}
            for chat in self.chat_ids
        ]
        if rows:
            connection.execute(insert(notices), rows)


def due(connection: Connection, now: datetime, limit: int) -> list[Row[Any]]:
    """Notices to be sent now: questions first, then in the order they were written."""
    return list(
        connection.execute(
            select(notices)
            .where((notices.c.state == DUE) & (notices.c.due_at <= now))
            .order_by(notices.c.priority, notices.c.seq)
            .limit(limit)
        )
    )


def next_due(connection: Connection) -> datetime | None:
    """When the earliest waiting notice becomes due."""
    earliest: datetime | None = connection.scalar(
        select(func.min(notices.c.due_at)).where(notices.c.state == DUE)
    )
    return earliest


def waiting(connection: Connection) -> int:
    """How many notices Telegram has not yet taken."""
    return connection.scalar(select(func.count()).select_from(notices).where(notices.c.state == DUE)) or 0


def mark_sent(connection: Connection, seqs: Iterable[int], at: datetime) -> None:
    """Telegram has taken them."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(state=SENT, sent_at=at, attempts=notices.c.attempts + 1))


def postpone(connection: Connection, seqs: Iterable[int], until: datetime, failure: str) -> None:
    """Telegram has not taken them; they become due again."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(due_at=until, failure=failure, attempts=notices.c.attempts + 1))


def hurry(connection: Connection, now: datetime) -> None:
    """What waits for its next try is due now."""
    connection.execute(update(notices).where(notices.c.state == DUE).values(due_at=now))


def give_up(connection: Connection, seqs: Iterable[int], failure: str) -> None:
    """Telegram will never take them (a blocked bot, a message it calls malformed)."""
    statement = update(notices).where(notices.c.seq.in_(list(seqs)) & (notices.c.state == DUE))
    connection.execute(statement.values(state=FAILED, failure=failure, attempts=notices.c.attempts + 1))


def message_of(connection: Connection, chat_id: int, subject: str) -> int | None:
    """The message that is a subject's card in a chat."""
    found = (messages.c.chat_id == chat_id) & (messages.c.subject == subject)
    return connection.scalar(select(messages.c.message_id).where(found))


def remember_message(connection: Connection, chat_id: int, subject: str, message_id: int) -> None:
    """From now on this message is the subject's card in that chat."""
    forget_message(connection, chat_id, subject)
    connection.execute(insert(messages).values(chat_id=chat_id, subject=subject, message_id=message_id))


def forget_message(connection: Connection, chat_id: int, subject: str) -> None:
    """The card is gone (deleted in Telegram): the next one is a new message."""
    found = (messages.c.chat_id == chat_id) & (messages.c.subject == subject)
    connection.execute(delete(messages).where(found))
