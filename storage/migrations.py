"""Brings the database's schema to the version this code was written for; a newer one is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from gateway.domain.errors import ManjhaError
from storage.backup import FOLDER, before_change, database_file
from storage.engine import Database

_ROOT = Path(__file__).resolve().parent.parent

#: The newest revision under `alembic/versions` (a test holds the two together): knowing it here
#: spares a start on a current schema the import of Alembic.
HEAD = "0054"


class ForeignSchema(ManjhaError):
    """The database was written by another version of Manjha."""


class NoSuchSchema(ManjhaError):
    """There is no earlier schema of that number."""


def migrate(database: Database, copies: Path | None = None) -> Path | None:
    """Upgrades to HEAD in one transaction; a database with anything in it is copied before.

    `copies`: the folder for that copy (None: `backups` beside the database). Returns the copy. Raises
    ForeignSchema on a revision this code does not know, BackupFailed when there is no room for the copy.
    """
    current = database.write_now(_revision)
    if current == HEAD:
        return None
    copy = None
    if current is not None:
        _refuse_unknown(current)
        copy = _copied(database, copies, f"schema-{HEAD}")
    database.reshape_now(_migrate)
    return copy


def downgrade(database: Database, revision: str, copies: Path | None = None) -> Path | None:
    """Takes the schema back to an earlier revision, for an older Manjha; the database is copied before.

    Returns the copy. Raises NoSuchSchema, ForeignSchema, BackupFailed.
    """
    current = database.write_now(_revision)
    known = _known()
    if current is not None:
        _refuse_unknown(current)
    if current is None or revision not in known[known.index(current) + 1 :]:
        raise NoSuchSchema(f"the database has schema {current}; {revision!r} is no earlier one")
    copy = _copied(database, copies, f"schema-{revision}")
    database.reshape_now(lambda connection: _run(connection, "downgrade", revision))
    return copy


def _migrate(connection: Connection) -> None:
    if _revision(connection) != HEAD:
        _run(connection, "upgrade", HEAD)


def _refuse_unknown(current: str) -> None:
    if current not in _known():
        raise ForeignSchema(
            f"the database has schema {current}, which this version (schema {HEAD}) does not know"
        )


def _copied(database: Database, copies: Path | None, why: str) -> Path | None:
    file = database_file(database.url)
    if file is None:
        return None
    return before_change(database.url, copies or file.parent / FOLDER, why, datetime.now(UTC))


def _run(connection: Connection, direction: str, revision: str) -> None:
    # Only a start that has something to migrate pays for Alembic's import.
    from alembic import command  # noqa: PLC0415

    config = _config()
    config.attributes["connection"] = connection
    (command.upgrade if direction == "upgrade" else command.downgrade)(config, revision)


def _known() -> list[str]:
    """Every revision, the newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Any:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_ROOT / "alembic"))
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
