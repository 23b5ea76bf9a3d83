"""Every timed job in one table: its name, when it runs, until when a late run makes sense, what it does.

The scheduler only wakes this up. Whether a job ran today stands in the database: a run that was missed (a
restart, a suspended machine, a blocked loop) is made up for at the next look, if it is not too late by then;
if it is, the watchdog says so.
"""

import asyncio
import html
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

import config.sections
from gateway.daily import Daily
from gateway.domain.checkpoints import checkpoint
from gateway.domain.market import IST, Calendar, ist
from gateway.login_reminder import LoginReminder
from gateway.square_off import SquareOff
from gateway.trading_days import CalendarKeeper
from storage import job_runs
from storage.engine import Database

log = structlog.get_logger()

#: It is looked this often for jobs that are due; that also finds those whose hour moves by day.
LOOK_SECONDS = 20
#: When the owner hears that a year has no calendar.
CALENDAR_WORD = time(8, 5)
#: The morning's message makes sense until the market is open, or for half an hour.
LAST_MORNING, LAST_MORNING_SPAN = time(9, 15), timedelta(minutes=30)
HEART_BEGINS, HEART_ENDS = time(9, 15), time(15, 40)


@dataclass(frozen=True, kw_only=True)
class Job:
    """`at` and `until` are IST, by the day; `run` gets the date. `told`: whether the owner hears of a run
    that was missed, since it cannot be made up for. `every_day`: also when nothing trades."""

    name: str
    at: Callable[[date], time]
    until: Callable[[date], time]
    run: Callable[[date], Awaitable[None]]
    told: bool = True
    every_day: bool = False

    def runs_on(self, day: date, calendar: Calendar) -> bool:
        """Whether it has a run on that day."""
        return self.every_day or calendar.is_trading_day(day)


def table_of_jobs(
    times: config.sections.Schedule,
    square_off: SquareOff,
    reminder: LoginReminder,
    calendar: CalendarKeeper,
    nightly: Mapping[str, Callable[[date], Awaitable[None]]],
    daily: Daily | None = None,
) -> tuple[Job, ...]:
    """The one table of timed jobs; `nightly` run at the hour of the housekeeping, by their names."""
    return (
        Job(
            name="calendar",
            at=lambda _: CALENDAR_WORD,
            until=square_off.at,
            run=calendar.warn,
            told=False,
        ),
        Job(
            name="login reminder",
            at=reminder.at,
            until=reminder.until,
            run=reminder.remind,
            told=False,
        ),
        Job(
            name="square-off notice",
            at=square_off.notice_at,
            until=square_off.at,
            run=square_off.give_notice,
            told=False,
        ),
        Job(
            name="square-off",
            at=square_off.at,
            until=lambda day: square_off.ends_at(day).time(),
            run=square_off.run,
        ),
        *(
            Job(
                name=name,
                at=lambda _: times.housekeeping,
                until=lambda _: time.max,
                run=run,
                told=False,
                every_day=True,
            )
            for name, run in nightly.items()
        ),
        *(_daily_jobs(times, daily) if daily is not None else ()),
    )


def _daily_jobs(times: config.sections.Schedule, daily: Daily) -> Iterator[Job]:
    """The day's own messages; a beat of the heart is a row of its own."""
    yield Job(
        name="morning message",
        at=lambda _: times.morning,
        until=lambda _: max(LAST_MORNING, _later(times.morning, LAST_MORNING_SPAN)),
        run=daily.morning,
        told=False,
    )
    yield Job(name="summary", at=lambda _: times.summary, until=lambda _: time.max, run=daily.summary)
    for at, until in heartbeats(times.heartbeat_minutes):
        yield Job(
            name=f"heartbeat {at:%H:%M}",
            at=lambda _, at=at: at,  # type: ignore[misc]
            until=lambda _, until=until: until,  # type: ignore[misc]
            run=daily.heartbeat,
            told=False,
        )


def heartbeats(minutes: int | None) -> list[tuple[time, time]]:
    """When each beat comes and until when it makes sense: through the usual session."""
    if minutes is None:
        return []
    found, at = [], HEART_BEGINS
    while at <= HEART_ENDS:
        until = _later(at, timedelta(minutes=minutes))
        found.append((at, until))
        if until <= at:
            break
        at = until
    return found


def _later(at: time, span: timedelta) -> time:
    """So much later the same day, at most its end."""
    moment = datetime.combine(date.min, at) + span
    return moment.time() if moment.date() == date.min else time.max


class Schedule:
    """Runs each job once on each of its days."""

    def __init__(
        self,
        jobs: tuple[Job, ...],
        database: Database,
        calendar: Calendar,
        clock: Callable[[], datetime],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self.jobs = jobs
        self._tell = tell
        self._database = database
        self._calendar = calendar
        self._clock = clock
        self._running: set[tuple[str, date]] = set()
        self._failed: set[tuple[str, date]] = set()
        self._settled: set[tuple[str, date]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> AsyncIOScheduler:
        """Starts the scheduler inside the running loop; the caller shuts it down.

        Memory jobs, the zone given, no misfire limit (APScheduler's one second would lose the
        square-off, facts/scheduling-and-sqlite.md 1).
        """
        scheduler = AsyncIOScheduler(timezone=IST)
        settings = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        scheduler.add_job(self.look, "interval", seconds=LOOK_SECONDS, id="look", **settings)
        today = ist(self._clock()).date()
        for job in self.jobs:
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
        for job in self.jobs:
            due = job.runs_on(day, self._calendar) and job.at(day) <= local.time() < job.until(day)
            if due and not self.is_running(job, day) and (job.name, day) not in self._settled:
                self._running.add((job.name, day))
                # A task of our own: the scheduler's end cancels what runs inside it.
                task = asyncio.create_task(self._run(job, day), name=f"job {job.name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def is_running(self, job: Job, day: date) -> bool:
        """Whether that day's run is under way in this process."""
        return (job.name, day) in self._running

    async def _run(self, job: Job, day: date) -> None:
        """Not done when it fails: the next look then begins it again."""
        try:
            begun_at = self._clock()
            if not await self._database.write(
                lambda connection: job_runs.begin(connection, job.name, day, begun_at)
            ):
                self._settled.add((job.name, day))
                return
            checkpoint("job.begun")
            await job.run(day)
            checkpoint("job.ended")
            ended_at = self._clock()
            await self._database.write(
                lambda connection: job_runs.finish(connection, job.name, day, ended_at)
            )
            self._settled.add((job.name, day))
            log.info("job_done", job=job.name, day=str(day))
            await self._tell_end(job, day)
        except Exception as error:  # a supervisor's border: one job's fault must not end the others
            log.exception("job_failed", job=job.name)
            await self._tell_failure(job, day, error)
        finally:
            self._running.discard((job.name, day))

    async def _tell_failure(self, job: Job, day: date, error: Exception) -> None:
        """Once a day for each job; every further failure is in the log."""
        if (job.name, day) not in self._failed:
            self._failed.add((job.name, day))
            await self._tell(
                f"⚠️ <b>{html.escape(job.name)}</b> failed and is begun again "
                f"until {job.until(day):%H:%M} IST: {html.escape(repr(error))}"
            )

    async def _tell_end(self, job: Job, day: date) -> None:
        if (job.name, day) in self._failed:
            await self._tell(f"✅ <b>{html.escape(job.name)}</b> is done after all.")

    async def stop(self) -> None:
        """Ends the jobs under way; they begin again at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
