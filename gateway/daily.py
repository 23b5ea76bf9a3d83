"""The day's own messages: the morning's, the summary with its picture, the heartbeat. Each is told once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection

from config.notices import NoticeEvent, NoticeLevel
from config.settings import Settings
from gateway import day_words
from gateway.day_ledger import ledger_of
from gateway.day_words import Standing
from gateway.domain.market import Calendar, ist
from gateway.profit import Day, Profits, day_start
from gateway.square_off import SquareOff
from gateway.venues import VenueAccess
from storage import flags, holdings, modes, notices, strategies
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: A start this long after the summary's hour does not tell of a day on which nothing was.
LATE = timedelta(minutes=15)
#: So long the morning's message waits for what a start brings up.
SETTLING_SECONDS = 20.0
#: How far back the morning looks for the last day that traded.
LOOK_BACK = timedelta(days=10)
#: Draws and keeps the picture of a venue's day; False when there is none.
KeepPicture = Callable[[str, date], Awaitable[bool]]


class Daily:
    """Tells how the day begins, goes and went."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        calendar: Calendar,
        square_off: SquareOff,
        profits: Profits,
        clock: Callable[[], datetime],
        *,
        keep_picture: KeepPicture,
        ring: Callable[[], None],
    ) -> None:
        """`ring`: there is something to send."""
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._calendar = calendar
        self._square_off = square_off
        self._profits = profits
        self._clock = clock
        self._keep_picture = keep_picture
        self._ring = ring

    async def morning(self, day: date) -> None:
        """Hours, sessions, instruments, limits, what is armed, what is carried over."""
        await self._settle()
        standing = await self._database.read(self._standing)
        hours = None if self._calendar.always else self._calendar.hours(day)
        at = self._square_off.at(day)
        last = [found for venue in self._venues if (found := await self._last_day(venue, day)) is not None]
        text = day_words.morning(day, hours, at, standing, self._settings.risk, last)
        await self._tell(f"morning:{day}", text, loud=False)

    async def summary(self, day: date) -> None:
        """The day's result by venue and strategy, alerts, slippage, what stays open; then its pictures.

        The figures never wait for a picture that fails, and a picture that failed is said.
        """
        if self._outbox.level(NoticeEvent.DAY, None) is NoticeLevel.OFF:
            return
        ledger = await self._database.read(lambda connection: ledger_of(connection, day_start(day)))
        if ledger.is_empty and self._is_late(day):
            return
        days = [await self._profits.day(venue, day) for venue in self._venues]
        traded = [each for each in days if each.result.orders or each.open]
        text = day_words.summary(day, traded or days[:1], ledger)
        drawn = {each.venue: await self._keep_picture(each.venue, day) for each in days if each.result.orders}
        now = self._clock()

        def tell(connection: Connection) -> None:
            if not self._is_new(connection, f"summary:{day}"):
                return
            self._say(connection, f"summary:{day}", text, now, loud=not ledger.is_empty)
            for venue, is_drawn in drawn.items():
                if is_drawn:
                    subject = f"picture:{venue}:{day}"
                    self._outbox.show(connection, subject, at=now, priority=Priority.CHATTER)
                else:
                    self._say(connection, None, day_words.no_picture(day), now, loud=False)

        await self._database.write(tell)
        self._ring()

    async def heartbeat(self, day: date) -> None:
        """A silent sign of life."""
        standing = await self._database.read(self._standing)
        days = [await self._profits.day(venue, day) for venue in self._venues]
        now = ist(self._clock())
        await self._tell(None, day_words.heartbeat(now.time(), standing, days), loud=False)

    async def _settle(self) -> None:
        """At a start in the morning sessions and lists are on their way: waited for, but not long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLING_SECONDS
        # Several parts become ready by themselves: one event for all of them would serve this wait alone.
        while not self._is_ready() and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.25)

    def _is_ready(self) -> bool:
        return all(self._venue(access)[1] for access in self._venues.values())

    def _is_late(self, day: date) -> bool:
        wanted = datetime.combine(day, self._settings.schedule.summary, ist(self._clock()).tzinfo)
        return self._clock() > wanted + LATE

    async def _last_day(self, venue: str, day: date) -> Day | None:
        """The last day before this one on which something was filled."""
        since = LOOK_BACK.days + 1
        traded = [each.day for each in await self._profits.days(venue, since) if each.day < day]
        return await self._profits.day(venue, traded[-1]) if traded else None

    def _standing(self, connection: Connection) -> Standing:
        settings = self._settings
        names = strategies.known(connection, settings.strategies)
        general = modes.approval_mode_of_all(connection) or settings.defaults.approval
        own = {
            name: modes.approval_mode(connection, name) or settings.strategy(name).approval for name in names
        }
        return Standing(
            killed=flags.value(connection, flags.KILL_SWITCH) is not None,
            everything_paused=modes.is_paused(connection, None),
            paused=tuple(name for name in names if modes.is_paused(connection, name)),
            venues=tuple(self._venue(access) for access in self._venues.values()),
            approval=general,
            otherwise=tuple(name for name in names if own[name] != general),
            held=tuple(holdings.open_(connection)),
        )

    def _venue(self, access: VenueAccess) -> tuple[str, bool, str]:
        session, count = access.session.view(), access.instruments.count
        words = f"{count} contracts" if count else "no instrument list"
        if count and access.instruments.is_stale(self._clock(), self._settings.schedule.instruments):
            words += ", not today's"
        return str(access.venue), session.alive and bool(count), f"{session.detail} · {words}"

    async def _tell(self, subject: str | None, text: str, *, loud: bool) -> None:
        now = self._clock()

        def tell(connection: Connection) -> None:
            if subject is None or self._is_new(connection, subject):
                self._say(connection, subject, text, now, loud=loud)

        await self._database.write(tell)
        self._ring()

    def _say(
        self, connection: Connection, subject: str | None, text: str, now: datetime, *, loud: bool
    ) -> None:
        self._outbox.tell(
            connection,
            text,
            at=now,
            subject=subject,
            loud=loud,
            priority=Priority.CHATTER,
            event=NoticeEvent.DAY,
        )

    def _is_new(self, connection: Connection, subject: str) -> bool:
        """A job that is begun again (the process died before its mark was made) says nothing twice."""
        return not notices.was_written(connection, subject)
