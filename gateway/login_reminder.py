"""Asks for the day's Kite login: in the morning, again until it is done, louder before the opening."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from gateway.domain.errors import StorageFailed
from gateway.domain.market import IST, Calendar, ist
from gateway.domain.order import Venue
from gateway.session import Session
from storage import notices
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

LOOK_SECONDS = 1.0
#: Between two reminders; the shorter one in the last quarter of an hour before the opening.
INTERVAL, LAST_INTERVAL = timedelta(minutes=15), timedelta(minutes=5)
LOUDER = timedelta(minutes=15)
#: A session that opens late in the day (Muhurat) is not asked for from the morning on.
LEAD = timedelta(hours=2)
#: Without an opening of its own a day is taken to open then.
USUAL_OPENING = time(9, 15)


@dataclass(frozen=True, kw_only=True)
class LoginView:
    """What the card says: of a venue that is logged in, or of one that is not and where to do it."""

    venue: str
    alive: bool
    detail: str
    address: str | None = None
    #: Minutes to the opening, in the last quarter of an hour; 0 or less once it is open; None before.
    minutes_left: int | None = None


class LoginReminder:
    """One card a reminder, with a button; all of a day's cards say so when the login is done."""

    def __init__(
        self,
        sessions: Mapping[str, Session],
        database: Database,
        outbox: Outbox,
        calendar: Calendar,
        clock: Callable[[], datetime],
        *,
        wanted: time,
        public_url: str | None,
        ring: Callable[[], None],
    ) -> None:
        """`wanted`: when the first reminder comes, IST; `ring`: there is something to send."""
        # Paper logs itself in.
        self._sessions = {venue: each for venue, each in sessions.items() if venue != Venue.PAPER}
        self._database = database
        self._outbox = outbox
        self._calendar = calendar
        self._clock = clock
        self._wanted = wanted
        self._public_url = public_url
        self._ring = ring
        self._reminded_at: dict[str, datetime] = {}
        self._unsettled = set(self._sessions)

    def at(self, day: date) -> time:
        """When the first reminder of that day comes, IST."""
        opening = datetime.combine(day, self._opening(day), IST)
        return max(self._wanted, (opening - LEAD).time()) if opening.time() > self._wanted else self._wanted

    def until(self, day: date) -> time:
        """Until when the first reminder makes sense: the close."""
        hours = self._calendar.hours(day) or self._calendar.regular(day)
        return max(hours.close if hours else time.max, self.at(day))

    async def run(self) -> None:
        """Reminds for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("reminder_waits_for_the_database", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def remind(self, _day: date) -> None:
        """The morning's job: the first reminder, if nobody has logged in."""
        await self.look()

    async def look(self) -> None:
        """Reminds where it is time to; takes the buttons off the cards of a login that is done."""
        now = self._clock()
        for venue, session in self._sessions.items():
            if session.alive:
                if venue in self._unsettled:
                    await self._settle(venue, now)
            elif self._is_time(venue, now):
                await self._remind(venue, now)

    def _is_time(self, venue: str, now: datetime) -> bool:
        local = ist(now)
        day = local.date()
        if not self._calendar.is_trading_day(day) or not self.at(day) <= local.time() < self.until(day):
            return False
        last = self._reminded_at.get(venue)
        minutes = self._minutes_left(now)
        soon = minutes is not None and minutes > 0
        return last is None or now - last >= (LAST_INTERVAL if soon else INTERVAL)

    async def _remind(self, venue: str, now: datetime) -> None:
        subject = f"{_head(venue, now)}{ist(now):%H%M%S}"
        loud = self._reminded_at.get(venue) is None or self._minutes_left(now) is not None

        def show(connection: Connection) -> None:
            self._outbox.show(connection, subject, at=now, loud=loud, priority=Priority.QUESTION)

        await self._database.write(show)
        self._reminded_at[venue] = now
        self._unsettled.add(venue)
        log.info("login_reminded", venue=venue)
        self._ring()

    async def _settle(self, venue: str, now: datetime) -> None:
        self._unsettled.discard(venue)
        self._reminded_at.pop(venue, None)

        def show(connection: Connection) -> None:
            for subject in notices.subjects(connection, _head(venue, now)):
                self._outbox.show(connection, subject, at=now)

        await self._database.write(show)
        self._ring()

    async def view(self, key: str) -> LoginView | None:
        """What the card of a reminder shows now; `key` is its subject's, without `login:`."""
        venue = key.partition(":")[0]
        session = self._sessions.get(venue)
        if session is None:
            return None
        said = session.view()
        if said.alive:
            return LoginView(venue=venue, alive=True, detail=said.detail)
        if self._public_url:
            # Our own door hands out the one-time state when it is pressed, however late that is.
            address = f"{self._public_url}/kite/login?venue={venue}"
        else:
            address = await session.login_address()
        left = self._minutes_left(self._clock())
        return LoginView(venue=venue, alive=False, detail=said.detail, address=address, minutes_left=left)

    def _minutes_left(self, now: datetime) -> int | None:
        local = ist(now)
        opening = datetime.combine(local.date(), self._opening(local.date()), IST)
        left = opening - local
        return None if left > LOUDER else round(left.total_seconds() / 60)

    def _opening(self, day: date) -> time:
        hours = self._calendar.hours(day) or self._calendar.regular(day)
        return hours.open if hours else USUAL_OPENING


def _head(venue: str, now: datetime) -> str:
    return f"login:{venue}:{ist(now):%Y%m%d}:"
