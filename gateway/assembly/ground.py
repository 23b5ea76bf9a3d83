"""What all parts stand on: settings, database, outbox, calendar, clock, the bells between them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from config.market import calendar
from config.settings import Settings
from gateway.domain.market import Calendar, utc_now
from gateway.venue_line import Foundation
from gateway.wakeups import Wakeups
from storage.engine import Database, database_url
from storage.notices import Outbox

#: Whose phone the embedded page is when no owner is configured.
PHONE_OWNER = 1


@dataclass(frozen=True, kw_only=True)
class Ground(Foundation):
    """Built first. `parts` are what `start` supervises, each with its name."""

    settings: Settings
    owner_ids: frozenset[int]
    wakeups: Wakeups = field(default_factory=Wakeups)
    parts: list[tuple[str, Callable[[], Awaitable[None]]]] = field(default_factory=list)

    async def tell(self, text: str) -> None:
        """A notice of the gateway's own."""
        now = self.clock()

        def add(connection: Connection) -> None:
            self.outbox.tell(connection, text, at=now)

        await self.database.write(add)
        self.wakeups.outbox.ring()


def ground_of(settings: Settings) -> Ground:
    """Nothing is opened yet."""
    owner_ids = frozenset(settings.telegram.owner_ids or (PHONE_OWNER,))
    chat_id = settings.telegram.chat_id
    return Ground(
        settings=settings,
        owner_ids=owner_ids,
        database=Database(database_url(settings.database_url, settings.data_dir)),
        outbox=Outbox(
            chat_ids=(chat_id,) if chat_id is not None else tuple(sorted(owner_ids)),
            level=settings.notice_level,
        ),
        calendar=Calendar(data=calendar(), always=settings.market.hours == "always"),
        clock=utc_now,
    )
