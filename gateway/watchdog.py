"""The watchdog: asks of each timed job "did it run?", and notices when nothing ran for a while.

It runs beside the scheduler, not inside it: a scheduler that has died is found, too.
"""

import asyncio
import html
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from gateway.domain.errors import StorageFailed
from gateway.domain.market import IST, Calendar, ist
from gateway.schedule import Job, Schedule
from storage import holdings, job_runs
from storage.engine import Database

log = structlog.get_logger()

LOOK_SECONDS = 15.0
#: A job that has not begun so long after its hour is late, and one that has not ended so long after its last
#: moment did not run.
GRACE = timedelta(seconds=60)
#: A look that comes so much too late: the machine slept, or the loop was blocked.
LAPSE = timedelta(seconds=60)
#: Days looked back for what was missed.
LOOK_BACK = timedelta(days=7)


class Watchdog:
    """Looks after the schedule's own table; it never runs a job itself."""

    def __init__(
        self,
        schedule: Schedule,
        database: Database,
        calendar: Calendar,
        clock: Callable[[], datetime],
        tell: Callable[[str], Awaitable[None]],
        on_wake: Callable[[], None],
    ) -> None:
        """`on_wake`: called after a lapse, when the world may have gone on without us."""
        self._schedule = schedule
        self._database = database
        self._calendar = calendar
        self._clock = clock
        self._tell = tell
        self._on_wake = on_wake
        self._looked_at = clock()
        self._late: set[tuple[str, date]] = set()
        self._knows_before = False

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("watchdog_waits_for_the_database", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """One look; what is due and was not begun is begun at once."""
        await self._note_lapse()
        await self._ask_for_late()
        await self._ask_for_missed()

    async def _note_lapse(self) -> None:
        before, now = self._looked_at, self._clock()
        self._looked_at = now
        if now - before <= LAPSE + timedelta(seconds=LOOK_SECONDS):
            return
        log.warning("time_passed_unseen", since=str(before), until=str(now))
        self._on_wake()
        await self._schedule.look()
        await self._tell(
            f"💤 <b>Nothing ran from {ist(before):%d %b %H:%M} to {ist(now):%d %b %H:%M} IST</b>: "
            "the machine slept, or the gateway was blocked. What was due meanwhile is looked at now."
        )

    async def _ask_for_late(self) -> None:
        """'Did the 15:15 job run?'"""
        local = ist(self._clock())
        day = local.date()
        for job in self._schedule.jobs:
            if not job.runs_on(day, self._calendar):
                continue
            due = _moment(day, job.at(day)) + GRACE
            known = self._schedule.is_running(job, day) or (job.name, day) in self._late
            if known or not due <= local < _moment(day, job.until(day)):
                continue
            if not await self._has_begun(job.name, day):
                self._late.add((job.name, day))
                log.error("job_late", job=job.name, day=str(day))
                await self._tell(
                    f"⚠️ <b>{html.escape(job.name)}</b> was due at {job.at(day):%H:%M} IST and has not begun. "
                    "It is begun now."
                )
                await self._schedule.look()

    async def _has_begun(self, name: str, day: date) -> bool:
        return await self._database.read(lambda connection: job_runs.get(connection, name, day) is not None)

    async def _ask_for_missed(self) -> None:
        now = self._clock()
        missed = await self._database.read(lambda connection: self._missed(connection, now))
        if not missed:
            return
        await self._database.write(lambda connection: self._mark(connection, missed, now))
        told = [(job, day) for job, day in missed if job.told and self._knows_before]
        if told:
            await self._tell(await self._database.read(lambda connection: _words(connection, told)))

    def _missed(self, connection: Connection, now: datetime) -> list[tuple[Job, date]]:
        """Jobs whose time has passed without a good end, oldest first."""
        local = ist(now)
        first = job_runs.first_day(connection)
        # A fresh installation has missed nothing: its first day's passed hours are noted, and not told.
        self._knows_before = first is not None
        earliest = local.date() if self._calendar.always else local.date() - LOOK_BACK
        day = max(first or local.date(), earliest)
        ended = {
            (row.name, row.day)
            for row in job_runs.between(connection, day, local.date())
            if row.state != job_runs.BEGUN
        }
        found = []
        while day <= local.date():
            found += [(job, day) for job in self._over(day, local) if (job.name, day) not in ended]
            day += timedelta(days=1)
        return found

    def _over(self, day: date, local: datetime) -> list[Job]:
        """The jobs of that day whose time has passed, and that do not run any more."""
        return [
            job
            for job in self._schedule.jobs
            if job.runs_on(day, self._calendar)
            and local >= _moment(day, job.until(day)) + GRACE
            and not self._schedule.is_running(job, day)
        ]

    def _mark(self, connection: Connection, missed: list[tuple[Job, date]], now: datetime) -> None:
        for job, day in missed:
            log.error("job_missed", job=job.name, day=str(day))
            job_runs.miss(connection, job.name, [day], now)


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, IST)


def _words(connection: Connection, missed: list[tuple[Job, date]]) -> str:
    lines = [f"• {html.escape(job.name)}, {day:%a %d %b}, due {job.at(day):%H:%M} IST" for job, day in missed]
    held = len(holdings.open_(connection))
    open_now = f" {held} holding{'s are' if held != 1 else ' is'} open: /positions." if held else ""
    return (
        "❗ <b>Did not run to its end</b>, and it is too late now:\n"
        + "\n".join(lines)
        + f"\nThe gateway was down, or the machine asleep.{open_now}"
    )
