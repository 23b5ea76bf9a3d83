"""The engine: durable, private, one writer, and never a transaction that begins too late."""

import asyncio
import os
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.domain.errors import StorageFailed
from storage import engine, flags
from storage.engine import Database, database_url
from storage.migrations import migrate
from tests.storage.conftest import counted
from tests.storage.rows import NOW


def put(name, value="x"):
    return lambda connection: flags.put(connection, name, value, by="test", at=NOW)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def beside(path: Path) -> sqlite3.Connection:
    """Another process's connection, as far as SQLite can tell."""
    return sqlite3.connect(path, isolation_level=None, timeout=0)


async def test_the_file_and_its_companions_are_the_owners_alone(tmp_path):
    old = os.umask(0)
    try:
        database = Database(f"sqlite:///{tmp_path / 'new' / 'manjha.db'}")
        await asyncio.to_thread(migrate, database)
        await database.read(lambda connection: counted(connection, "alerts"))
        folder = tmp_path / "new"
        assert mode(folder) == 0o700
        modes = {each.name: mode(each) for each in folder.iterdir()}
        assert modes == dict.fromkeys(("manjha.db", "manjha.db-wal", "manjha.db-shm"), 0o600)
    finally:
        os.umask(old)
    await database.close()


async def test_a_restored_file_that_others_could_read_is_closed_to_them(path):
    path.chmod(0o644)
    database = Database(f"sqlite:///{path}")
    assert mode(path) == 0o600
    await database.close()


async def test_every_connection_speaks_the_same_sqlite(database):
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")

    def ask(connection):
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    expected = ["wal", 2, 1, engine.BUSY_TIMEOUT_MS]
    assert await database.write(ask) == expected
    assert await database.read(ask) == expected


def test_the_wait_for_a_lock_ends_before_tradingview_gives_up():
    assert engine.BUSY_TIMEOUT_MS < 2_500


async def test_a_write_holds_the_lock_from_its_first_moment(database, path):
    """BEGIN IMMEDIATE: another process cannot come between its look and its change."""
    began, go = threading.Event(), threading.Event()

    def work(connection):
        connection.execute(text("SELECT count(*) FROM alerts"))  # it has only looked so far
        began.set()
        go.wait(5)

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(began.wait, 5)
    with closing(beside(path)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        go.set()
        await writing
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


async def test_a_short_lock_of_another_process_is_waited_for(database, path):
    with closing(beside(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(put("a")))
        await asyncio.sleep(0.02)
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    assert await database.read(lambda connection: flags.value(connection, "a")) == "x"


async def test_a_long_lock_of_another_process_is_storage_failed(path, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)
    database = Database(f"sqlite:///{path}")
    with closing(beside(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StorageFailed, match="locked"):
            await database.write(put("a"))
        assert time.monotonic() - began < 1
        other.execute("COMMIT")
    await database.write(put("a"))
    await database.close()


async def test_a_reader_sees_the_last_commit_while_a_write_is_under_way(database):
    await database.write(put("a", "old"))
    began, go = threading.Event(), threading.Event()

    def work(connection):
        put("a", "new")(connection)
        began.set()
        go.wait(5)

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(began.wait, 5)
    assert await database.read(lambda connection: flags.value(connection, "a")) == "old"
    go.set()
    await writing
    assert await database.read(lambda connection: flags.value(connection, "a")) == "new"


async def test_an_exception_takes_everything_back(database):
    def work(connection):
        put("a")(connection)
        raise RuntimeError("after the write")

    with pytest.raises(RuntimeError, match="after the write"):
        await database.write(work)
    assert await database.read(flags.all_values) == {}
    assert await database.read(lambda connection: counted(connection, "audit")) == 0


async def test_writes_of_many_tasks_run_one_after_another(database):
    def add_one(connection):
        seen = int(flags.value(connection, "n") or 0)
        flags.put(connection, "n", str(seen + 1), by="test", at=NOW)

    await asyncio.gather(*(database.write(add_one) for _ in range(50)))
    assert await database.read(lambda connection: flags.value(connection, "n")) == "50"


async def test_a_cancelled_write_is_done_all_the_same(database):
    began, go = threading.Event(), threading.Event()

    def work(connection):
        began.set()
        go.wait(5)
        put("a")(connection)

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(began.wait, 5)
    writing.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await database.write(lambda connection: None)
    assert await database.read(lambda connection: flags.value(connection, "a")) == "x"


def test_a_loop_that_ended_does_not_end_the_writer(path):
    database = Database(f"sqlite:///{path}")
    began, go = threading.Event(), threading.Event()

    def work(connection):
        began.set()
        go.wait(5)
        put("a")(connection)

    async def leave():
        writing = asyncio.create_task(database.write(work))
        await asyncio.to_thread(began.wait, 5)
        writing.cancel()

    async def come_back():
        await database.write(put("b"))
        found = await database.read(flags.all_values)
        await database.close()
        return found

    asyncio.run(leave())
    go.set()
    assert asyncio.run(come_back()).keys() == {"a", "b"}


async def test_a_closed_database_says_so_and_has_written_what_was_asked_before(path):
    database = Database(f"sqlite:///{path}")
    writing = [asyncio.create_task(database.write(put(f"{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writing)
    with pytest.raises(StorageFailed, match="closed"):
        await database.write(put("late"))


async def test_two_gateways_on_one_file_lose_no_update(path):
    """Two engines, like two processes: BEGIN IMMEDIATE makes look-then-change safe."""
    first, second = (Database(f"sqlite:///{path}") for _ in range(2))

    def add_one(connection):
        seen = int(flags.value(connection, "n") or 0)
        flags.put(connection, "n", str(seen + 1), by="test", at=NOW)

    await asyncio.gather(*(each.write(add_one) for _ in range(20) for each in (first, second)))
    assert await first.read(lambda connection: flags.value(connection, "n")) == "40"
    for each in (first, second):
        await each.close()


async def test_a_violated_constraint_is_storage_failed(database):
    with pytest.raises(StorageFailed, match="UNIQUE"):
        await database.write(
            lambda connection: [
                connection.exec_driver_sql(
                    "INSERT INTO flags (name, value, set_at, set_by) VALUES ('a', 'x', 0, 'b')"
                )
                for _ in range(2)
            ]
        )


async def test_a_row_that_refers_to_nothing_is_refused(database):
    with pytest.raises(StorageFailed, match="FOREIGN KEY"):
        await database.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO approvals (id, alert_id, asked_at, deadline, decision)"
                " VALUES ('a', 'nobody', 0, 0, 'pending')"
            )
        )


def test_the_database_lives_in_the_data_directory_unless_said_otherwise(tmp_path):
    assert database_url(None, tmp_path) == f"sqlite:///{tmp_path}/manjha.db"
    assert database_url("postgresql+psycopg://x/y", tmp_path) == "postgresql+psycopg://x/y"
