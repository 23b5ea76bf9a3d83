"""Going back to a backup: the very rows of that moment, nothing of the old lost, a stop that stays a stop."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from gateway.recovery import NotRestored, go_back, restore
from storage import backup, flags
from storage.engine import Database
from storage.migrations import HEAD, downgrade
from tests.storage.rows import NOW, bought


def rows(path, table="alerts"):
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def prepared(path, work=None, *, copy=None):
    """One more trade (or `work`) in the database, then a backup."""

    async def run():
        database = Database(f"sqlite:///{path}")
        await database.write(work or bought)
        if copy:
            backup.back_up(database.url, copy)
        await database.close()

    asyncio.run(run())


@pytest.fixture
def copy(path, tmp_path):
    found = tmp_path / "copy.db"
    prepared(path, copy=found)
    prepared(path)
    return found


def put_back(path, copy):
    return restore(f"sqlite:///{path}", copy, path.parent / "backups", NOW)


def test_a_backup_takes_the_databases_place_and_what_was_there_is_kept(path, copy):
    said = put_back(path, copy)
    assert rows(path) == 1
    (kept,) = path.parent.glob("backups/replaced-*/manjha.db")
    assert (rows(kept), str(kept.parent) in said) == (2, True)
    assert sorted(found.name for found in path.parent.glob("manjha.db*")) == ["manjha.db"]
    prepared(path)  # and is worked with
    assert (rows(path), backup.verdict(path)) == (2, "ok")


def test_a_wal_of_the_old_database_is_not_played_into_the_restored_one(path, copy):
    """kill -9 leaves one behind; beside another file it would be corruption."""
    living = sqlite3.connect(path)
    living.execute("DELETE FROM notices")
    living.commit()
    wal = path.with_name("manjha.db-wal").read_bytes()
    living.close()
    path.with_name("manjha.db-wal").write_bytes(wal)
    put_back(path, copy)
    assert (rows(path), rows(path, "notices") > 0) == (1, rows(copy, "notices") > 0)
    assert backup.verdict(path) == "ok"


def test_a_kill_switch_that_is_on_stays_on(path, copy):
    prepared(path, lambda c: flags.put(c, flags.KILL_SWITCH, "on", by="Asha", at=NOW))
    assert "still on" in put_back(path, copy)
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("SELECT value FROM flags WHERE name = 'kill_switch'").fetchone() == ("on",)


def test_a_damaged_database_is_replaced_and_kept(path, copy):
    path.write_bytes(b"not a database at all" * 1000)
    put_back(path, copy)
    assert (rows(path), len(list(path.parent.glob("backups/replaced-*/manjha.db")))) == (1, 1)


def test_an_older_schema_is_brought_up(path, copy):
    database = Database(f"sqlite:///{copy}")
    downgrade(database, "0001")
    database._engine.dispose()
    put_back(path, copy)
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


@pytest.mark.parametrize("damage", ["torn", "gone", "empty"])
def test_what_is_no_good_backup_changes_nothing(path, copy, damage):
    if damage == "gone":
        copy.unlink()
    else:
        copy.write_bytes(copy.read_bytes()[:9000] if damage == "torn" else b"")
    with pytest.raises(NotRestored):
        put_back(path, copy)
    assert rows(path) == 2


def test_the_way_back_to_an_older_manjha(path, copy):
    said = go_back(f"sqlite:///{path}", "0001", path.parent / "backups")
    assert "schema 0001" in said
    (kept,) = path.parent.glob("backups/*before-schema-0001.db")
    assert (rows(kept), rows(path)) == (2, 2)
