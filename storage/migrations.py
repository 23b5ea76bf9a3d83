"""Brings the database's schema to the version this code was written for; a newer one is refused."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gateway.domain.errors import ManjhaError
from storage.engine import Database

_ROOT = Path(__file__).resolve().parent.parent

#: The newest revision under `alembic/versions` (a test holds the two together): knowing it here
#: spares a start on a current schema the import of Alembic.
HEAD = "0004"


class ForeignSchema(ManjhaError):
    """The database was written by another version of Manjha."""


def migrate(database: Database) -> None:
    """Upgrades to HEAD in one transaction. Raises ForeignSchema on a revision this code does not know."""
    database.write_now(_migrate)


def _migrate(connection: Connection) -> None:
    current = _revision(connection)
    if current == HEAD:
        return
    # Only a start that has something to migrate pays for Alembic's import.
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    from alembic import command  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_ROOT / "alembic"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise ForeignSchema(
            f"the database has schema {current}, which this version (schema {HEAD}) does not know"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
