"""The schema: the migration makes the tables, and no foreign schema is touched."""

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import migrations
from storage.engine import Database
from storage.migrations import HEAD, ForeignSchema, migrate
from storage.tables import metadata


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
