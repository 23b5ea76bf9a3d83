"""Draws a subject's card from what is known at this moment."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import structlog

from bot.album import Album
from bot.batches import QUESTIONS_SHOWN, batch_card
from bot.cards import Card, alert_card, square_off_card
from bot.difference_card import difference_card
from bot.kept_card import kept_card
from bot.login_card import login_card
from gateway.adoption import view_of as difference_view
from gateway.closing_words import closing_text, closing_view
from gateway.day_words import no_picture
from gateway.kept_exits import view_of as kept_view
from gateway.login_reminder import LoginReminder
from gateway.square_off import SquareOff
from gateway.views import alert_view
from gateway.wording import VENUE_BADGES
from storage import intents
from storage.engine import Database

log = structlog.get_logger()

#: Of many alerts in one message, how many cards that do not ask can find room.
_OTHERS_DRAWN = 40


class Drawings:
    """Cards by their subjects: `alert:<id>`, `square_off:<day>`, `closing:<key>`, `exit:<id>` and so on."""

    def __init__(
        self,
        database: Database,
        square_off: SquareOff,
        clock: Callable[[], datetime],
        reminder: LoginReminder,
        album: Album | None = None,
    ) -> None:
        self._album = album
        self._reminder = reminder
        self._database = database
        self._square_off = square_off
        self._clock = clock

    async def draw(self, subjects: Sequence[str]) -> Card | None:
        """The card of these subjects, several as one; None where there is nothing to be seen."""
        if len(subjects) == 1:
            return await self._one(subjects[0])
        open_ = {f"alert:{row.alert_id}" for row in await self._database.read(intents.pending_approvals)}
        asked = [subject for subject in subjects if subject in open_]
        others = [subject for subject in subjects if subject not in open_]
        shown = [*asked[:QUESTIONS_SHOWN], *others[:_OTHERS_DRAWN]]
        cards = [card for subject in shown if (card := await self._one(subject)) is not None]
        return batch_card(cards, alerts=len(subjects), questions=len(asked)) if cards else None

    async def _one(self, subject: str) -> Card | None:
        kind, _, key = subject.partition(":")
        try:
            match kind:
                case "alert":
                    return await self._alert_card(key)
                case "square_off":
                    return await self._square_off_card(date.fromisoformat(key))
                case "closing":
                    closing = await self._database.read(lambda connection: closing_view(connection, key))
                    return Card(text=closing_text(closing)) if closing is not None else None
                case "exit":
                    kept = await self._database.read(lambda connection: kept_view(connection, key))
                    return kept_card(kept) if kept is not None else None
                case "login":
                    login = await self._reminder.view(key)
                    return login_card(login) if login is not None else None
                case "picture":
                    return await self._picture_card(key)
                case "difference":
                    found = await self._database.read(lambda connection: difference_view(connection, key))
                    return difference_card(found) if found is not None else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # A border: one card that cannot be drawn must not hold up all that wait behind it.
            log.error("card_not_drawn", subject=subject, error=repr(error), exc_info=error)
            return Card(text=f"⚠️ <code>{key}</code>: this card cannot be drawn; the log says why.")
        return None

    async def _alert_card(self, alert_id: str) -> Card | None:
        view = await self._database.read(lambda connection: alert_view(connection, alert_id))
        return alert_card(view, self._clock()) if view is not None and view.intents else None

    async def _picture_card(self, key: str) -> Card:
        """`paper:2026-11-25`; a picture that is not there is said."""
        venue, _, said = key.partition(":")
        day = date.fromisoformat(said)
        picture = await self._album.find(venue, day) if self._album is not None else None
        if picture is None:
            return Card(text=no_picture(day))
        return Card(text=f"📈 {VENUE_BADGES[venue]} · {day:%a %d %b}", picture=picture)

    async def _square_off_card(self, day: date) -> Card:
        rows = await self._database.read(lambda connection: self._square_off.due_rows(connection, day))
        return square_off_card(str(day), rows, f"{self._square_off.at(day):%H:%M}")
