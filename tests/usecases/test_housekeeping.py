"""Once a day: the copy, the old cleared away; the audit trail verified at each start and every night."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

import config.sections
from config.market import calendar
from gateway.audit_trail import VERIFIED, AuditTrail
from gateway.domain.market import IST, Calendar
from gateway.housekeeping import Housekeeping
from gateway.schedule import Job, Schedule, table_of_jobs
from storage import alerts, audit, backup, flags, job_runs, notices, tables
from storage.engine import Database
from tests.storage.rows import arrival

SUNDAY = datetime(2026, 11, 29, 16, 31, tzinfo=IST).astimezone(UTC)


class House:
    def __init__(self, path):
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        self.told = []
        self.now = SUNDAY
        self.trail = AuditTrail(self.database, lambda: self.now, self.tell)
        self.keeping = Housekeeping(self.database, path.parent / "b", 3, lambda: self.now, self.tell)

    async def tell(self, text):
        self.told.append(text)

    async def rows(self, table):
        return await self.database.read(lambda c: c.scalar(select(func.count()).select_from(table)))

    async def fill(self, count):
        def work(connection):
            for number in range(count):
                audit.append(connection, self.now, "thing.happened", number=number)

        await self.database.write(work)

    def tamper(self, statement):
        with closing(sqlite3.connect(self.path)) as other:
            other.execute(statement)
            other.commit()


@pytest.fixture
async def house(tmp_path, template):
    found = House(template.copy(tmp_path))
    yield found
    await found.database.close()


async def test_a_trail_found_whole_is_noted_and_only_what_is_new_is_read_at_the_next_start(house, logged):
    await house.fill(600)
    await house.trail.verify_new()
    noted = await house.database.read(lambda connection: flags.value(connection, VERIFIED))
    assert noted.startswith("600:")
    await house.fill(5)
    house.tamper("UPDATE audit SET detail = '{}' WHERE seq = 100")  # before the mark: for the night
    await house.trail.verify_new()
    assert (house.told, house.trail.broken_at) == ([], None)
    await house.trail.verify_all()
    assert house.trail.broken_at == 100
    assert "broken</b> at row 100" in house.told[0]


async def test_what_was_changed_since_the_last_start_is_told_at_this_one(house):
    await house.fill(3)
    await house.trail.verify_new()
    await house.fill(3)
    house.tamper("UPDATE audit SET event = 'thing.else' WHERE seq = 6")
    await house.trail.verify_new()
    assert "row 6" in house.told[0]
    await house.trail.verify_new()  # and at each further one: the mark has not moved
    assert len(house.told) == 2


async def test_a_trail_whose_end_was_cut_off_is_told(house):
    await house.fill(6)
    await house.trail.verify_new()
    house.tamper("DELETE FROM audit WHERE seq >= 5")
    await house.trail.verify_new()
    assert "row 6" in house.told[0]


async def test_a_chain_rewritten_as_a_whole_is_told(house):
    """Its seals fit one another, and not what was noted."""
    await house.fill(6)
    await house.trail.verify_new()
    house.tamper("DELETE FROM audit")
    house.now += timedelta(seconds=1)
    await house.fill(12)
    assert await house.database.read(audit.first_broken) is None
    await house.trail.verify_all()
    assert house.trail.broken_at is not None


async def test_the_days_backup_is_made_once_and_so_many_are_kept(house):
    days = [date(2026, 11, day) for day in range(25, 30)]
    for day in days:
        await house.keeping.back_up(day)
    await house.keeping.back_up(days[-1])
    left = sorted(path.name for path in (house.path.parent / "b").iterdir())
    assert left == [f"manjha-{day}.db" for day in days[-3:]]
    assert backup.verdict(house.path.parent / "b" / left[-1]) == "ok"
    assert (house.told, house.keeping.last_backup) == ([], SUNDAY)


async def test_a_backup_that_cannot_be_made_is_told_once_and_is_no_crash_loop(house):
    (house.path.parent / "b").write_text("no folder")
    await house.keeping.back_up(date(2026, 11, 29))
    assert "No backup today" in house.told[0]
    assert house.keeping.last_backup is None


async def test_what_has_served_is_cleared_away_and_the_trail_stays(house):
    old, young = SUNDAY - timedelta(days=61), SUNDAY - timedelta(days=59)
    first, second = arrival(received_at=old), arrival(received_at=young)

    def work(connection):
        alerts.store(connection, [first])
        alerts.store(connection, [second])
        for at, chat in ((old, 1), (young, 2)):
            for text in ("sent", "waits"):
                notices.Outbox(chat_ids=(chat,)).tell(connection, text, at=at)
            job_runs.begin(connection, "square-off", at.date(), at)
            flags.put(connection, f"paused:{chat}", "1", by="Asha", at=at)
            connection.execute(
                insert(tables.login_states).values(state=f"s{chat}", venue="live", created_at=at)
            )
        sent = select(tables.notices.c.seq).where(tables.notices.c.text == "sent")
        notices.mark_sent(connection, connection.scalars(sent).all(), SUNDAY)
        for made in (first, second):
            notices.remember_message(connection, 1, f"alert:{made.alert_id}", 77)
        notices.remember_message(connection, 1, "square-off", 78)

    await house.database.write(work)
    trail = await house.rows(tables.audit)
    await house.keeping.clear_away(date(2026, 11, 29))

    def left(connection):
        told = connection.execute(select(tables.notices.c.chat_id, tables.notices.c.text)).all()
        names = set(flags.all_values(connection))
        runs = set(connection.scalars(select(tables.job_runs.c.day)))
        cards = set(connection.scalars(select(tables.messages.c.subject)))
        logins = set(connection.scalars(select(tables.login_states.c.state)))
        return set(told), names, runs, cards, logins

    told, names, runs, cards, logins = await house.database.read(left)
    assert told == {(1, "waits"), (2, "sent"), (2, "waits")}
    assert names == {"paused:1", "paused:2"}
    assert runs == {young.date()}
    assert cards == {f"alert:{second.alert_id}", "square-off"}
    assert logins == {"s2"}
    assert (await house.rows(tables.audit), await house.rows(tables.alerts)) == (trail, 2)


async def test_jobs_of_every_day_run_on_a_sunday_once_and_the_others_do_not(house):
    ran = []

    def job(name, **more):
        async def run(day):
            ran.append((name, day))

        return Job(name=name, at=lambda _: SUNDAY.astimezone(IST).time(), until=_late, run=run, **more)

    schedule = Schedule(
        (job("trading"), job("nightly", every_day=True)),
        house.database,
        Calendar(data=calendar()),
        lambda: house.now,
        house.tell,
    )
    for _ in range(3):
        await schedule.look()
        for task in list(schedule._tasks):
            await task
    assert ran == [("nightly", date(2026, 11, 29))]


def test_the_nightly_jobs_stand_in_the_one_table():
    async def nothing(_day):
        return

    class Others:
        def __getattr__(self, name):
            return lambda *_: None

    times = config.sections.Schedule()
    jobs = table_of_jobs(times, Others(), Others(), Others(), {"backup": nothing})
    (nightly,) = (job for job in jobs if job.every_day)
    assert (nightly.name, nightly.at(SUNDAY.date())) == ("backup", times.housekeeping)


def _late(_day):
    return datetime.max.time()
