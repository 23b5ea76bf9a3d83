"""The schema: the migration makes the tables, and no foreign schema is touched."""

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.domain.errors import StorageFailed
from storage import migrations
from storage.backup import BackupFailed
from storage.engine import Database
from storage.migrations import HEAD, ForeignSchema, migrate
from storage.tables import metadata
from tests.storage.rows import bought


async def test_the_migration_and_the_tables_say_the_same(database):
    """Types, lengths, nullability, indexes, unique and foreign keys: no difference at all."""

    def difference(connection):
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, metadata)

    assert await database.write(difference) == []


def test_head_is_the_newest_script():
    config = Config()
    config.set_main_option("script_location", str(migrations._ROOT / "alembic"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_migrating_twice_changes_nothing(database, path):
    with closing(sqlite3.connect(path)) as other:
        before = other.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        migrate(database)
        assert other.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before


async def test_a_database_of_another_version_is_refused_and_left_alone(database, path):
    await database.write(
        lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    )
    with pytest.raises(ForeignSchema, match="schema 9999"):
        migrate(database)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


async def test_a_migration_that_fails_leaves_no_half_of_a_schema(tmp_path, monkeypatch):
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    monkeypatch.setattr(migrations, "HEAD", "9999")  # which no script is
    with pytest.raises(Exception, match="9999"):
        migrate(database)
    with closing(sqlite3.connect(tmp_path / "new.db")) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    await database.close()


async def test_a_step_that_breaks_halfway_is_taken_back(tmp_path, monkeypatch):
    """SQLite's DDL is transactional once the driver's autocommit is out of the way."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    real = migrations._migrate

    def breaks(connection):
        real(connection)
        raise RuntimeError("power")

    monkeypatch.setattr(migrations, "_migrate", breaks)
    with pytest.raises(RuntimeError, match="power"):
        migrate(database)
    with closing(sqlite3.connect(tmp_path / "new.db")) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    await database.close()


def copies_in(folder):
    return sorted((folder / "backups").glob("*.db"))


def rows_of(path, table):
    with closing(sqlite3.connect(path)) as other:
        return other.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


async def test_back_to_each_earlier_schema_and_up_again_loses_no_alert_order_or_fill(database, path):
    """The rows that the first schema knew are the same; and each step made a copy first."""
    await database.write(bought)
    tables = ("alerts", "orders", "fills", "holdings", "approvals", "audit")
    before = {table: rows_of(path, table) for table in tables}
    assert all(before[table] for table in ("alerts", "orders", "fills", "holdings"))
    copy = migrations.downgrade(database, "0001", path.parent / "kept")
    assert copy is not None
    assert copy.parent == path.parent / "kept"
    assert rows_of(copy, "alerts") == before["alerts"]
    assert rows_of(path, "alembic_version") == [("0001",)]
    assert migrate(database) == copies_in(path.parent)[-1]
    assert {table: rows_of(path, table) for table in tables} == before


async def test_an_upgrade_without_room_for_its_copy_changes_nothing(database, path):
    migrations.downgrade(database, "0001")
    (path.parent / "no-folder").write_text("")
    with pytest.raises(BackupFailed):
        migrate(database, path.parent / "no-folder")
    assert rows_of(path, "alembic_version") == [("0001",)]


@pytest.mark.parametrize("revision", [HEAD, "0000", "base", "9999"])
async def test_a_downgrade_goes_to_an_earlier_schema_or_nowhere(database, path, revision):
    with pytest.raises(migrations.NoSuchSchema):
        migrations.downgrade(database, revision)
    assert rows_of(path, "alembic_version") == [(HEAD,)]


async def test_a_row_that_refers_to_nothing_stops_a_change_of_the_schema(database, path):
    def orphan(connection):
        connection.exec_driver_sql("UPDATE fills SET intent_id = 'nobody'")

    await database.write(bought)
    with pytest.raises(StorageFailed, match="fills"):
        database.reshape_now(orphan)
    assert rows_of(path, "fills")[0][4] != "nobody"
    with pytest.raises(StorageFailed):
        await database.write(orphan)
