"""One chat's courier: takes what the chat is owed to Telegram, in order, at its pace, until it is taken."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.cards import Card
from bot.drawing import Drawings
from bot.keyboard import inline
from bot.pace import Pace, span
from bot.sorting import Delivery, next_delivery
from bot.texts import clean, plain, shortened, split
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.wakeups import Bell
from storage import notices
from storage.engine import Database
from storage.notices import Priority

log = structlog.get_logger()

#: A lost wake-up costs at most this long.
LOOK_SECONDS = 5.0
LONGEST_PAUSE = timedelta(seconds=30)
#: A blocked bot or a revoked token needs a person: tried again this often.
PERSON_NEEDED_PAUSE = timedelta(seconds=60)
#: No `retry_after` that was written down before a restart is believed for longer.
LONGEST_CLOSED_SECONDS = 3600.0
#: Of what waits, how much is looked at for one message.
LOOKED_AT = 500
#: Messages whose last state is remembered, so that an edit that changes nothing is not sent.
_REMEMBERED = 200
#: Bad requests that end when somebody does something: presses Start, adds the bot, gives it rights.
_PERSON_NEEDED = ("chat not found", "deactivated", "not enough rights", "peer_id_invalid", "kicked")
#: Edits of a message that is not there any more.
_GONE = ("not found", "can't be edited", "message_id_invalid")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Obstacle(Enum):
    """What a chat waits for: Telegram's `retry_after`, an answer, or somebody who does something."""

    FLOOD = auto()
    SILENCE = auto()
    PERSON = auto()


@dataclass(frozen=True, kw_only=True)
class Post:
    """What the couriers share. `on_change(chat)` is awaited when a chat is cut off for want of a person, and
    when it hears again."""

    bot: Bot
    database: Database
    drawings: Drawings
    pace: Pace
    clock: Callable[[], datetime]
    on_change: Callable[["Courier"], Awaitable[None]]


class Courier:
    """Serves one chat, one message at a time: no edit overtakes another."""

    def __init__(self, chat_id: int, post: Post) -> None:
        self.chat_id = chat_id
        self.bell = Bell()
        #: What stands in the way at present; None while messages go out.
        self.trouble: str | None = None
        self.obstacle: Obstacle | None = None
        self.last_sent_at: datetime | None = None
        self._post = post
        self._target = chat_id
        self._again_at = 0.0
        #: Until then the pace lets nothing go but questions.
        self._questions_until = 0.0
        self._failures = 0
        self._parts: dict[int, int] = {}
        self._seen: dict[int, Card] = {}

    async def run(self) -> None:
        """Sends for as long as it is not cancelled."""
        until = await self._read(partial(notices.closed_until, chat_id=self.chat_id))
        if until is not None:
            seconds = (until - self._post.clock()).total_seconds()
            self._post.pace.close(self.chat_id, min(max(seconds, 0.0), LONGEST_CLOSED_SECONDS))
        while True:
            try:
                pause = await self._next()
            except StorageFailed as error:
                log.error("outbox_waits_for_the_database", error=str(error))
                pause = LOOK_SECONDS
            if pause > 0:
                await self.bell.wait(pause)

    def hurry(self) -> None:
        """Telegram answers again, or its owner was heard: what waits for that is tried now."""
        if self.obstacle in (Obstacle.SILENCE, Obstacle.PERSON):
            self._again_at = 0.0
            self.bell.ring()

    async def _next(self) -> float:
        """One message, if one may go now; else how many seconds to wait for news."""
        waiting = self._again_at - self._post.pace.monotonic()
        if waiting > 0:
            return waiting
        # It is rung for with each commit: whatever the pace forbids anyway is not looked for.
        left = await self._seconds_shut()
        if left > 0:
            return min(left, LOOK_SECONDS)
        delivery = await self._choose()
        if delivery is None:
            return LOOK_SECONDS
        left = self._post.pace.seconds_left(self.chat_id, delivery.priority)
        if left > 0:
            # What waits may be chatter; a fact that comes meanwhile may go earlier.
            for_a_fact = self._post.pace.seconds_left(self.chat_id, Priority.FACT)
            self._questions_until = self._post.pace.monotonic() + for_a_fact
            return min(left, LOOK_SECONDS)
        await self._send(delivery)
        return 0.0

    async def _seconds_shut(self) -> float:
        """How long nothing that waits may go."""
        left = self._post.pace.seconds_left(self.chat_id, Priority.QUESTION)
        if left > 0:
            return left
        left = self._questions_until - self._post.pace.monotonic()
        if left > 0 and not await self._read(partial(notices.owes_question, chat_id=self.chat_id)):
            return left
        return 0.0

    async def _choose(self) -> Delivery | None:
        def choose(connection: Connection) -> Delivery | None:
            rows = notices.due(connection, self.chat_id, LOOKED_AT)
            subjects = {row.subject for row in rows if row.card}
            places = notices.places_of(connection, self.chat_id, subjects) if subjects else {}
            apart = self._post.pace.limits.of(self.chat_id).kept_for_questions
            return next_delivery(rows, places, apart=apart)

        found: Delivery | None = await self._read(choose)
        return found

    async def _send(self, delivery: Delivery) -> None:
        """Whatever comes of it: settled, or due again later, and those behind it with it."""
        checkpoint("notice.chosen")
        try:
            if self._failures:
                # The last attempt may have been delivered though nothing was heard of it: no second copy
                # before Telegram is heard again, hence at most one too many (facts/telegram.md 1.3).
                await self._post.bot.get_me()
                self._failures = 0
            await (self._send_card(delivery) if delivery.text is None else self._send_text(delivery))
        except RetryAfter as error:
            seconds = span(error.retry_after)
            self._post.pace.close(self.chat_id, seconds.total_seconds())
            await self._wait(delivery, seconds, Obstacle.FLOOD, error)
        except ChatMigrated as error:
            self._target = error.new_chat_id
            self.trouble = f"the group is a supergroup now: set telegram.chat_id to {error.new_chat_id}"
            log.error("chat_has_moved", chat_id=self.chat_id, new_chat_id=error.new_chat_id)
        except (Forbidden, InvalidToken) as error:
            await self._wait(delivery, PERSON_NEEDED_PAUSE, Obstacle.PERSON, error)
        except BadRequest as error:
            await self._refused(delivery, error)
        except NetworkError as error:
            self._failures += 1
            pause = min(timedelta(seconds=2 ** min(delivery.attempts, 8)), LONGEST_PAUSE)
            await self._wait(delivery, pause, Obstacle.SILENCE, error)
        except TelegramError as error:
            await self._wait(delivery, LONGEST_PAUSE, Obstacle.SILENCE, error)
        else:
            checkpoint("notice.recorded")
            await self._got_through()

    async def _got_through(self) -> None:
        was, self.obstacle, self.last_sent_at = self.obstacle, None, self._post.clock()
        if self._target == self.chat_id:
            self.trouble = None
        if was is Obstacle.PERSON:
            await self._post.on_change(self)

    async def _refused(self, delivery: Delivery, error: BadRequest) -> None:
        """A chat that is not there yet needs its person; what Telegram calls malformed goes out plain."""
        words = error.message.lower()
        if any(fragment in words for fragment in _PERSON_NEEDED):
            await self._wait(delivery, PERSON_NEEDED_PAUSE, Obstacle.PERSON, error)
            return
        log.error("notice_refused_by_telegram", error=error.message, seqs=delivery.seqs)
        text = delivery.text if delivery.text is not None else await self._text_of(delivery)
        try:
            if text is None:
                raise error
            await self._post.bot.send_message(self._target, shortened(clean(plain(text))))
        except BadRequest as again:
            await self._write(
                partial(notices.give_up, seqs=delivery.seqs, failure=f"{error.message}; {again.message}")
            )
        except TelegramError as again:
            await self._wait(delivery, LONGEST_PAUSE, Obstacle.SILENCE, again)
        else:
            await self._done(delivery)

    async def _text_of(self, delivery: Delivery) -> str | None:
        card = await self._post.drawings.draw(delivery.subjects)
        return card.text if card is not None else None

    async def _wait(
        self, delivery: Delivery, pause: timedelta, obstacle: Obstacle, error: TelegramError
    ) -> None:
        news = obstacle is Obstacle.PERSON and self.obstacle is not Obstacle.PERSON
        self.trouble, self.obstacle = error.message, obstacle
        self._again_at = self._post.pace.monotonic() + pause.total_seconds()
        log.warning("notice_waits", chat_id=self.chat_id, error=error.message, seconds=pause.total_seconds())
        until = self._post.clock() + pause
        await self._write(partial(notices.postpone, seqs=delivery.seqs, until=until, failure=error.message))
        if news:
            await self._post.on_change(self)

    async def _send_text(self, delivery: Delivery) -> None:
        """A long text goes in parts, one at a time; only the last one settles it."""
        parts = split(clean(delivery.text or ""))
        number = min(self._parts.get(delivery.seqs[0], 0), len(parts) - 1)
        self._post.pace.spend(self.chat_id)
        await self._post.bot.send_message(
            self._target,
            parts[number],
            parse_mode="HTML",
            disable_notification=not delivery.loud,
            reply_parameters=await self._answered(delivery),
            link_preview_options=_NO_PREVIEW,
        )
        if number + 1 < len(parts):
            self._parts[delivery.seqs[0]] = number + 1
            return
        self._parts.pop(delivery.seqs[0], None)
        await self._done(delivery)

    async def _answered(self, delivery: Delivery) -> ReplyParameters | None:
        """The card that a text is about."""
        if not delivery.subjects:
            return None
        places = await self._read(
            partial(notices.places_of, chat_id=self.chat_id, subjects=delivery.subjects)
        )
        place = next(iter(places.values()), None)
        return ReplyParameters(place, allow_sending_without_reply=True) if place is not None else None

    async def _send_card(self, delivery: Delivery) -> None:
        subjects, message_id = delivery.subjects, delivery.message_id
        if message_id is not None:
            subjects = tuple(
                await self._read(partial(notices.subjects_in, chat_id=self.chat_id, message_id=message_id))
            )
        drawn = await self._post.drawings.draw(subjects)
        if drawn is None or (message_id is not None and self._seen.get(message_id) == drawn):
            await self._done(delivery)
            return
        card = Card(text=shortened(clean(drawn.text)), buttons=drawn.buttons, picture=drawn.picture)
        self._post.pace.spend(self.chat_id)
        if message_id is None or not await self._edit(message_id, card):
            message_id = await self._send_new(delivery, card)
        self._remember(message_id, drawn)
        checkpoint("notice.card_taken")
        await self._write(
            partial(_record_card, self.chat_id, delivery.seqs, subjects, message_id, self._post.clock())
        )

    async def _send_new(self, delivery: Delivery, card: Card) -> int:
        if card.picture is not None:
            photo = await self._post.bot.send_photo(
                self._target,
                card.picture,
                caption=card.text,
                parse_mode="HTML",
                disable_notification=not delivery.loud,
                reply_markup=inline(card.buttons),
            )
            return photo.message_id
        message = await self._post.bot.send_message(
            self._target,
            card.text,
            parse_mode="HTML",
            disable_notification=not delivery.loud,
            reply_markup=inline(card.buttons),
            link_preview_options=_NO_PREVIEW,
        )
        return message.message_id

    async def _edit(self, message_id: int, card: Card) -> bool:
        """False when the message is gone and a new one must take its place."""
        try:
            await self._post.bot.edit_message_text(
                card.text,
                chat_id=self._target,
                message_id=message_id,
                parse_mode="HTML",
                reply_markup=inline(card.buttons),
                link_preview_options=_NO_PREVIEW,
            )
        except BadRequest as error:
            words = error.message.lower()
            if "not modified" in words:
                return True
            if any(fragment in words for fragment in _GONE) and "chat not found" not in words:
                return False
            raise
        return True

    def _remember(self, message_id: int, card: Card) -> None:
        self._seen.pop(message_id, None)
        self._seen[message_id] = card
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def _done(self, delivery: Delivery) -> None:
        checkpoint("notice.taken")
        now = self._post.clock()
        await self._write(lambda connection: notices.mark_sent(connection, delivery.seqs, now))

    async def _read(self, work: Callable[[Connection], Any]) -> Any:
        return await self._post.database.read(work)

    async def _write(self, work: Callable[[Connection], object]) -> None:
        """Bookkeeping that must not be cut off between Telegram's answer and our own record of it."""
        await asyncio.shield(self._post.database.write(work))


def _record_card(
    chat_id: int,
    seqs: tuple[int, ...],
    subjects: tuple[str, ...],
    message_id: int,
    now: datetime,
    connection: Connection,
) -> None:
    for subject in subjects:
        notices.remember_message(connection, chat_id, subject, message_id)
    notices.mark_sent(connection, seqs, now)
