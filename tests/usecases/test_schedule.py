"""Timed jobs: each once on each trading day, made up for while it makes sense; what was missed is told."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

import pytest

from config.market import calendar
from gateway.domain.market import IST, Calendar
from gateway.schedule import Job, Schedule
from gateway.watchdog import Watchdog
from storage import job_runs, tables
from storage.engine import Database

THURSDAY = date(2026, 11, 26)


@dataclass
class Day:
    """A schedule with one job, due at 15:15 until 15:40, and a clock that is set by hand."""

    database: Database
    now: datetime = datetime(2026, 11, 26, 15, 0, tzinfo=IST)
    ran: list[date] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    woken: int = 0
    fails: int = 0
    hangs: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    always: bool = False

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another life of the process on the same database."""
        job = Job(name="square-off", at=lambda _: time(15, 15), until=lambda _: time(15, 40), run=self._work)
        calendar_ = Calendar(data=calendar(), always=self.always)
        shared = (self.database, calendar_, self.clock, self._tell)
        self.schedule = Schedule((job,), *shared)
        self.watchdog = Watchdog(self.schedule, *shared, self._wake)

    def clock(self) -> datetime:
        return self.now.astimezone(UTC)

    def at(self, clock: str, day: int = 26) -> "Day":
        self.now = datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=IST)
        return self

    async def look(self) -> None:
        await self.schedule.look()
        await self.settle()

    async def settle(self) -> None:
        if self.hangs:
            await self.entered.wait()
        else:
            await asyncio.gather(*self.schedule._tasks)

    async def ask(self) -> None:
        await self.watchdog.look()
        await self.settle()

    async def rows(self) -> list[tuple[date, str, int]]:
        found = await self.database.read(
            lambda connection: job_runs.between(connection, date(2026, 1, 1), date(2027, 1, 1))
        )
        return [(row.day, row.state, row.attempts) for row in found]

    async def _work(self, day: date) -> None:
        self.entered.set()
        if self.hangs:
            await self.hangs.wait()
        if self.fails:
            self.fails -= 1
            raise RuntimeError("<no>")
        self.ran.append(day)

    async def _tell(self, text: str) -> None:
        self.told.append(text)

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
async def day(template, tmp_path):
    database = Database(f"sqlite:///{template.copy(tmp_path)}")
    yield Day(database)
    await database.close()


async def test_a_job_runs_once_in_its_time_however_often_it_is_looked(day):
    await day.look()
    assert day.ran == []
    for clock in ("15:15", "15:16", "15:39:59"):
        await day.at(clock).look()
    assert day.ran == [THURSDAY]
    assert await day.rows() == [(THURSDAY, "done", 1)]


async def test_a_restart_in_its_time_runs_what_was_not_done_and_nothing_twice(day):
    day.at("15:20").begin()
    await day.look()
    day.at("15:21").begin()
    await day.look()
    assert day.ran == [THURSDAY]


async def test_a_run_cut_off_by_a_crash_is_begun_again(day):
    day.hangs = asyncio.Event()
    await day.at("15:15").look()
    await day.schedule.stop()
    day.hangs = None
    day.at("15:17").begin()
    await day.look()
    assert day.ran == [THURSDAY]
    assert await day.rows() == [(THURSDAY, "done", 2)]


@pytest.mark.parametrize("holiday", [24, 28, 29])
async def test_nothing_runs_on_a_holiday_or_a_weekend(day, holiday):
    await day.at("15:20", holiday).look()
    day.at("16:00", holiday).begin()
    await day.ask()
    assert day.ran == []
    assert day.told == []


async def test_a_failing_job_is_told_once_begun_again_and_its_end_told(day):
    day.fails = 3
    for clock in ("15:15", "15:16", "15:17", "15:18", "15:19"):
        await day.at(clock).look()
    assert day.ran == [THURSDAY]
    failure, end = day.told
    assert "failed and is begun again until 15:40" in failure
    assert "&lt;no&gt;" in failure
    assert "done after all" in end


async def test_the_watchdog_asks_whether_it_ran_and_begins_it(day):
    """A scheduler that has died is found."""
    day.at("15:15:30").begin()
    await day.ask()
    assert day.told == []
    await day.at("15:16:00").ask()
    assert day.ran == [THURSDAY]
    (text,) = day.told
    assert "was due at 15:15 IST and has not begun" in text
    await day.at("15:16:20").ask()
    assert len(day.told) == 1


async def test_what_ran_is_not_asked_for(day):
    await day.at("15:15").look()
    await day.at("15:16:30").ask()
    await day.at("15:42").ask()
    assert [text for text in day.told if "Nothing ran" not in text] == []


async def test_a_machine_that_slept_over_it_is_told_and_the_books_are_read(day):
    await day.at("15:14:50", 25).look()
    await day.at("15:15", 25).look()
    await day.at("15:17", 25).ask()
    day.told.clear()
    await day.at("11:00", 27).ask()
    slept, missed = day.told
    assert "Nothing ran from 25 Nov 15:17 to 27 Nov 11:00 IST" in slept
    assert "square-off, Thu 26 Nov, due 15:15 IST" in missed
    assert day.woken
    assert (THURSDAY, "missed", 0) in await day.rows()
    await day.ask()
    assert len(day.told) == 2, "told once"


async def test_a_machine_that_slept_until_there_was_time_left_makes_up_for_it(day):
    await day.at("15:10").ask()
    await day.at("15:35").ask()
    assert day.ran == [THURSDAY]
    assert all("too late" not in text for text in day.told)


async def test_a_run_that_a_crash_cut_off_for_good_is_told_at_the_next_start(day):
    day.hangs = asyncio.Event()
    await day.at("15:15").look()
    await day.schedule.stop()
    day.hangs = None
    day.at("08:00", 27).begin()
    await day.ask()
    (text,) = day.told
    assert "Did not run to its end" in text
    assert await day.rows() == [(THURSDAY, "missed", 1)]


async def test_a_fresh_installation_has_missed_nothing(day):
    day.at("18:00").begin()
    await day.ask()
    assert day.told == []
    day.at("18:00", 27).begin()
    await day.ask()
    assert len(day.told) == 1, "from then on it has"


async def test_a_job_still_running_past_its_time_was_not_missed(day):
    day.hangs = asyncio.Event()
    await day.at("15:15").look()
    await day.at("15:41:30").ask()
    assert not [text for text in day.told if "too late" in text]
    day.hangs.set()
    await asyncio.gather(*day.schedule._tasks)
    assert await day.rows() == [(THURSDAY, "done", 1)]


async def test_done_and_missed_stand_in_the_audit_trail(day):
    await day.at("15:15").look()
    day.at("08:00", 30).begin()
    await day.ask()
    events = await day.database.read(
        lambda connection: [row.event for row in connection.execute(tables.audit.select())]
    )
    assert events == ["job.done", "job.missed"]
