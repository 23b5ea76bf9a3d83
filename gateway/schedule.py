"""Every timed job in one table: its name, when it runs, until when a late run makes sense, what it does.

The scheduler only wakes this up. Whether a job ran today stands in the database: a run that was missed (a
restart, a suspended machine, a blocked loop) is made up for at the next look, if it is not too late by then.
"""

import asyncio
import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection

import config.sections
from gateway.domain.market import IST, Calendar, ist
from gateway.keeper import LoginReminder
from gateway.square_off import SquareOff
from storage import flags
from storage.engine import Database

log = structlog.get_logger()

#: The watchdog's question, "did it run?", is asked this often; it also finds jobs whose hour moves by day.
WATCHDOG_SECONDS = 20
#: A reminder to log in makes sense until the market opens; after that `/status` and each refusal say it.
LAST_REMINDER = time(9, 15)
_DONE = "job"


@dataclass(frozen=True, kw_only=True)
class Job:
    """`at` and `until` are IST, by the day; `run` gets the trading date."""

    name: str
    at: Callable[[date], time]
    until: Callable[[date], time]
    run: Callable[[date], Awaitable[None]]


def table_of_jobs(
    times: config.sections.Schedule, square_off: SquareOff, reminder: LoginReminder
) -> tuple[Job, ...]:
    """The one table of timed jobs."""
    return (
        Job(
            name="login reminder",
            at=lambda _: times.login_reminder,
            until=lambda _: LAST_REMINDER,
            run=reminder.run,
        ),
        Job(
            name="square-off notice",
            at=square_off.notice_at,
            until=square_off.at,
            run=square_off.give_notice,
        ),
        Job(
            name="square-off",
            at=square_off.at,
            until=lambda day: square_off.ends_at(day).time(),
            run=square_off.run,
        ),
    )


class Schedule:
    """Runs each job once on each trading day."""

    def __init__(
        self,
        jobs: tuple[Job, ...],
        database: Database,
        calendar: Calendar,
        clock: Callable[[], datetime],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._tell = tell
        self._jobs = jobs
        self._database = database
        self._calendar = calendar
        self._clock = clock
        self._running: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> AsyncIOScheduler:
        """Starts the scheduler inside the running loop; the caller shuts it down.

        Memory jobs, the zone given, no misfire limit (APScheduler's one second would lose the
        square-off, facts/scheduling-and-sqlite.md 1).
        """
        scheduler = AsyncIOScheduler(timezone=IST)
        settings = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        scheduler.add_job(self.look, "interval", seconds=WATCHDOG_SECONDS, id="watchdog", **settings)
        today = ist(self._clock()).date()
        for job in self._jobs:
            at = job.at(today)
            scheduler.add_job(
                self.look, "cron", hour=at.hour, minute=at.minute, second=1, id=job.name, **settings
            )
        scheduler.start()
        return scheduler

    async def look(self) -> None:
        """Runs what is due now and has not run today, and returns without waiting for its end."""
        local = ist(self._clock())
        day = local.date()
        if not self._calendar.is_trading_day(day):
            return
        for job in self._jobs:
            if job.at(day) <= local.time() < job.until(day) and job.name not in self._running:
                self._running.add(job.name)
                # A task of our own: the scheduler's end cancels what runs inside it.
                task = asyncio.create_task(self._run(job, day), name=f"job {job.name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _run(self, job: Job, day: date) -> None:
        """Not marked as done when it fails: the watchdog then begins it again."""
        flag = f"{_DONE}:{job.name}:{day}"
        try:
            if await self._database.read(lambda connection: flags.value(connection, flag)):
                return
            await job.run(day)
            await self._database.write(lambda connection: self._mark(connection, flag))
            log.info("job_done", job=job.name, day=str(day))
        except Exception as error:  # a supervisor's border: one job's fault must not end the others
            log.exception("job_failed", job=job.name)
            await self._tell(f"⚠️ <b>{job.name}</b> failed and is begun again: {html.escape(repr(error))}")
        finally:
            self._running.discard(job.name)

    async def stop(self) -> None:
        """Ends the jobs under way; they begin again at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _mark(self, connection: Connection, flag: str) -> None:
        flags.put(connection, flag, "done", by="the schedule", at=self._clock())
