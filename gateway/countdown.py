"""Open cards are drawn anew while they wait: time left, the market now, limits used. Few edits each."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from gateway.domain.figures import Figures
from gateway.domain.quote import Quote
from gateway.domain.risk import Usage
from gateway.limits import Limits, in_words
from gateway.questions import Question, question_of
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage import intents
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: An open card is drawn anew when a third of the time left has gone, but not sooner than this; and with many
#: of them not sooner than this for each: Telegram takes about a message a second (facts/telegram.md 1.1).
SHORTEST_SECONDS, SECONDS_A_CARD = 15.0, 3.0
#: Below this much of the time left nothing is drawn any more: the end is.
LAST_SECONDS = 5.0
#: How long the quotes are waited for; a card is drawn without them.
QUOTE_PATIENCE_SECONDS = 4.0


class Countdown:
    """Runs beside the approvals: a slow quote must not hold up a deadline."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        limits: Limits,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._limits = limits
        self._wakeups = wakeups
        self._clock = clock
        #: The version of each open card that was drawn last, and when it is due again.
        self._drawn: dict[str, tuple[int, datetime]] = {}

    async def run(self) -> None:
        """Draws for as long as it is not cancelled."""
        while True:
            await self.draw_due()
            await self._wakeups.questions.wait(self._pause())

    async def draw_due(self) -> None:
        """The cards that are due, and those that ask something new."""
        pending = await self._database.write(_open)
        self._drawn = {
            each.approval.id: self._drawn[each.approval.id]
            for each in pending
            if each.approval.id in self._drawn
        }
        now = self._clock()
        due = [each for each in pending if each.approval.deadline > now and self._is_due(each, now)]
        if not due:
            return
        quotes = await self._quotes(due)
        now = self._clock()
        await self._database.write(lambda connection: self._draw(connection, due, quotes, now))
        for each in due:
            again = now + timedelta(seconds=interval(each.approval.deadline - now, len(pending)))
            self._drawn[each.approval.id] = (each.approval.version, again)
        self._wakeups.outbox.ring()

    def _is_due(self, question: Question, now: datetime) -> bool:
        version, at = self._drawn.get(question.approval.id, (0, now))
        return bool(version != question.approval.version or at <= now)

    def _pause(self) -> float | None:
        if not self._drawn:
            return None
        earliest = min(at for _, at in self._drawn.values())
        return max((earliest - self._clock()).total_seconds(), 0.05)

    async def _quotes(self, questions: list[Question]) -> dict[tuple[str, str], Quote]:
        """By venue and key; what cannot be had soon is missing."""
        keys: dict[str, set[str]] = {}
        for each in questions:
            keys.setdefault(each.first.venue, set()).add(each.key)
        found = await asyncio.gather(*(self._quotes_at(venue, wanted) for venue, wanted in keys.items()))
        return {key: quote for some in found for key, quote in some.items()}

    async def _quotes_at(self, venue: str, keys: set[str]) -> dict[tuple[str, str], Quote]:
        try:
            async with asyncio.timeout(QUOTE_PATIENCE_SECONDS):
                found = await self._venues[venue].prices.quotes(keys)
        except TimeoutError:
            log.warning("card_without_quotes", venue=venue)
            return {}
        return {(venue, key): quote for key, quote in found.items()}

    def _draw(
        self,
        connection: Connection,
        questions: list[Question],
        quotes: Mapping[tuple[str, str], Quote],
        now: datetime,
    ) -> None:
        for each in questions:
            quote = quotes.get((each.first.venue, each.key))
            figures = Figures(
                at=now,
                premium=quote.last_price or None if quote else None,
                bid=quote.bid if quote else None,
                ask=quote.ask if quote else None,
                limits=tuple(map(_words, self._limits.used_by(connection, each.approval.alert_id))),
            )
            intents.note_figures(connection, each.approval.id, figures)
            subject = f"alert:{each.approval.alert_id}"
            self._outbox.show(connection, subject, at=now, priority=Priority.CHATTER)


def interval(left: timedelta, count: int) -> float:
    """Seconds until a card with so much time left is drawn anew, one of `count` open ones."""
    seconds = left.total_seconds()
    wanted = max(seconds / 3, SHORTEST_SECONDS, SECONDS_A_CARD * count)
    return wanted if wanted < seconds - LAST_SECONDS else seconds + LAST_SECONDS


def _open(connection: Connection) -> list[Question]:
    found = [question_of(connection, row.id) for row in intents.pending_approvals(connection)]
    return [each for each in found if each is not None]


def _words(usage: Usage) -> str:
    """With the order counted in, a limit may be met to the last."""
    words = in_words(usage)
    return words if usage.used > usage.limit else words.removeprefix("⛔ ")
