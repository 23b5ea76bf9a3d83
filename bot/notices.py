"""The outbox's sender: takes notices to Telegram until it has taken them, whatever happens."""

import asyncio
import html
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.cards import Card, alert_card, square_off_card
from bot.difference_card import difference_card
from bot.keyboard import inline
from gateway.adoption import view_of as difference_view
from gateway.closing_words import closing_text, closing_view
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.square_off import SquareOff
from gateway.views import alert_view
from gateway.wakeups import Bell
from storage import notices
from storage.engine import Database

log = structlog.get_logger()

BATCH = 50
#: A lost wake-up costs at most this long.
LOOK_SECONDS = 5.0
LONGEST_PAUSE = timedelta(seconds=30)
#: A blocked bot or a revoked token needs a person: asked again this often.
PERSON_NEEDED_PAUSE = timedelta(seconds=60)
#: Telegram's limit on a message (facts/telegram.md 1.1).
LONGEST_TEXT = 4096
#: Bad requests that end when somebody does something: presses Start, adds the bot, gives it rights.
_PERSON_NEEDED = (
    "chat not found",
    "deactivated",
    "not enough rights",
    "peer_id_invalid",
    "kicked",
    "upgraded",
)
_TAGS = re.compile(r"<[^>]*>")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(kw_only=True)
class Delivery:
    """One message to one chat, and the notices it settles."""

    chat_id: int
    subject: str | None
    card: bool
    loud: bool
    text: str | None
    attempts: int
    seqs: list[int] = field(default_factory=list)


def deliveries_of(rows: list[Row[Any]]) -> list[Delivery]:
    """The notices as messages: several cards of one subject are one, since a card shows what is."""
    cards: dict[tuple[int, str], Delivery] = {}
    found: list[Delivery] = []
    for row in rows:
        delivery = cards.get((row.chat_id, row.subject)) if row.card else None
        if delivery is None:
            delivery = Delivery(
                chat_id=row.chat_id,
                subject=row.subject,
                card=row.card,
                loud=row.loud,
                text=row.text,
                attempts=row.attempts,
            )
            found.append(delivery)
            if row.card:
                cards[row.chat_id, row.subject] = delivery
        delivery.loud |= row.loud
        delivery.seqs.append(row.seq)
    return found


class Sender:
    """Sends what is due, in order; remembers which message is whose card."""

    def __init__(
        self,
        token: str,
        api_url: str,
        database: Database,
        bell: Bell,
        clock: Callable[[], datetime],
        square_off: SquareOff,
    ) -> None:
        self._square_off = square_off
        # Its own connections, apart from the polling's: a dead polling must not hold up the outbox.
        self._bot = Bot(token, base_url=f"{api_url.rstrip('/')}/bot")
        self._database = database
        self._bell = bell
        self._clock = clock
        #: What stands in the way at present; None while messages go out.
        self.trouble: str | None = None
        self.last_sent_at: datetime | None = None

    async def run(self) -> None:
        """Sends for as long as it is not cancelled."""
        while True:
            try:
                sent = await self._send_due()
                pause = 0.0 if sent else await self._pause()
            except StorageFailed as error:
                log.error("outbox_waits_for_the_database", error=str(error))
                pause = LOOK_SECONDS
            if pause:
                await self._bell.wait(pause)

    async def _pause(self) -> float:
        following = await self._database.read(notices.next_due)
        if following is None:
            return LOOK_SECONDS
        return min(max((following - self._clock()).total_seconds(), 0.05), LOOK_SECONDS)

    async def _send_due(self) -> bool:
        """One batch; True when there was something and Telegram took it."""
        now = self._clock()
        rows = await self._database.read(lambda connection: notices.due(connection, now, BATCH))
        stopped: set[int] = set()
        for delivery in deliveries_of(rows):
            if delivery.chat_id not in stopped and not await self._send(delivery):
                stopped.add(delivery.chat_id)
        return bool(rows) and not stopped

    async def _send(self, delivery: Delivery) -> bool:
        """False when this chat must wait: the notice is due again later, and those behind it with it."""
        checkpoint("notice.chosen")
        try:
            await self._dispatch(delivery)
        except RetryAfter as error:
            await self._wait(delivery, _span(error.retry_after), error)
        except (Forbidden, InvalidToken) as error:
            await self._wait(delivery, PERSON_NEEDED_PAUSE, error)
        except BadRequest as error:
            return await self._refused(delivery, error)
        except NetworkError as error:
            await self._wait(delivery, min(timedelta(seconds=2**delivery.attempts), LONGEST_PAUSE), error)
        except TelegramError as error:
            await self._wait(delivery, LONGEST_PAUSE, error)
        else:
            checkpoint("notice.recorded")
            self.trouble = None
            self.last_sent_at = self._clock()
            return True
        return False

    async def _refused(self, delivery: Delivery, error: BadRequest) -> bool:
        """A chat that is not there yet needs its person; a text that cannot be shown goes out plain, once."""
        words = error.message.lower()
        if any(fragment in words for fragment in _PERSON_NEEDED):
            await self._wait(delivery, PERSON_NEEDED_PAUSE, error)
            return False
        log.error("notice_refused_by_telegram", error=error.message, seqs=delivery.seqs)
        if "parse" in words and delivery.text is not None:
            plain = html.unescape(_TAGS.sub("", delivery.text))
            with suppress(TelegramError):
                await self._bot.send_message(delivery.chat_id, cut(plain))
                await self._done(delivery)
                return True
        await self._write(partial(notices.give_up, seqs=delivery.seqs, failure=error.message))
        return True

    async def retry_now(self) -> None:
        """Telegram answers again, or an owner was heard: what waited is due at once."""
        if self.trouble is None:
            return
        now = self._clock()
        await self._write(lambda connection: notices.hurry(connection, now))
        self._bell.ring()

    async def _wait(self, delivery: Delivery, pause: timedelta, error: TelegramError) -> None:
        self.trouble = error.message
        until = self._clock() + pause
        log.warning("notice_waits", error=error.message, seconds=pause.total_seconds())
        await self._write(
            lambda connection: notices.postpone(connection, delivery.seqs, until, error.message)
        )

    async def _dispatch(self, delivery: Delivery) -> None:
        if delivery.card and delivery.subject is not None:
            await self._send_card(delivery, delivery.subject)
        else:
            await self._send_text(delivery)

    async def _send_text(self, delivery: Delivery) -> None:
        reply = None
        if delivery.subject is not None:
            message_id = await self._message_of(delivery.chat_id, delivery.subject)
            if message_id is not None:
                reply = ReplyParameters(message_id, allow_sending_without_reply=True)
        await self._bot.send_message(
            delivery.chat_id,
            cut(delivery.text or ""),
            parse_mode="HTML",
            disable_notification=not delivery.loud,
            reply_parameters=reply,
            link_preview_options=_NO_PREVIEW,
        )
        await self._done(delivery)

    async def _send_card(self, delivery: Delivery, subject: str) -> None:
        card = await self._draw(subject)
        if card is None:
            await self._done(delivery)
            return
        message_id = await self._message_of(delivery.chat_id, subject)
        if message_id is None or not await self._edit(delivery.chat_id, message_id, card):
            message = await self._bot.send_message(
                delivery.chat_id,
                card.text,
                parse_mode="HTML",
                disable_notification=not delivery.loud,
                reply_markup=inline(card.buttons),
                link_preview_options=_NO_PREVIEW,
            )
            message_id = message.message_id
        checkpoint("notice.card_taken")
        await self._write(partial(_record_card, delivery, subject, message_id, self._clock()))

    async def _edit(self, chat_id: int, message_id: int, card: Card) -> bool:
        """False when the message is gone and a new one must take its place."""
        try:
            await self._bot.edit_message_text(
                card.text,
                chat_id=chat_id,
                message_id=message_id,
                parse_mode="HTML",
                reply_markup=inline(card.buttons),
                link_preview_options=_NO_PREVIEW,
            )
        except BadRequest as error:
            words = error.message.lower()
            if "not modified" in words:
                return True
            if "not found" in words or "can't be edited" in words:
                return False
            raise
        return True

    async def _draw(self, subject: str) -> Card | None:
        kind, _, key = subject.partition(":")
        if kind == "square_off":
            return await self._draw_square_off(date.fromisoformat(key))
        if kind == "difference":
            found = await self._database.read(lambda connection: difference_view(connection, key))
            return difference_card(found) if found is not None else None
        if kind == "closing":
            closing = await self._database.read(lambda connection: closing_view(connection, key))
            return None if closing is None else Card(text=cut(closing_text(closing)))
        if kind != "alert":
            return None
        view = await self._database.read(lambda connection: alert_view(connection, key))
        return alert_card(view, self._clock()) if view is not None and view.intents else None

    async def _draw_square_off(self, day: date) -> Card:
        rows = await self._database.read(lambda connection: self._square_off.due_rows(connection, day))
        return square_off_card(str(day), rows, f"{self._square_off.at(day):%H:%M}")

    async def _message_of(self, chat_id: int, subject: str) -> int | None:
        return await self._database.read(lambda connection: notices.message_of(connection, chat_id, subject))

    async def _done(self, delivery: Delivery) -> None:
        checkpoint("notice.taken")
        now = self._clock()
        await self._write(lambda connection: notices.mark_sent(connection, delivery.seqs, now))

    async def _write(self, work: Callable[[Connection], object]) -> None:
        """Bookkeeping that must not be cut off between Telegram's answer and our own record of it."""
        await asyncio.shield(self._database.write(work))


def _record_card(
    delivery: Delivery, subject: str, message_id: int, now: datetime, connection: Connection
) -> None:
    notices.remember_message(connection, delivery.chat_id, subject, message_id)
    notices.mark_sent(connection, delivery.seqs, now)


def cut(text: str) -> str:
    """At most what Telegram takes, cut at the end of a line where there is one."""
    if len(text) <= LONGEST_TEXT:
        return text
    head = text[: LONGEST_TEXT - 2]
    return (head[: head.rfind("\n")] if "\n" in head else head) + "\n…"


def _span(retry_after: int | timedelta) -> timedelta:
    """Seconds today, a timedelta in the library's next version (facts/reliability.md 6.5)."""
    return retry_after if isinstance(retry_after, timedelta) else timedelta(seconds=retry_after)
