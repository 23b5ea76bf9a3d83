"""Going back: a backup put in the database's place, or the schema of an older Manjha. The gateway is down."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from gateway.domain.errors import ManjhaError
from gateway.domain.market import ist
from storage import flags
from storage.backup import back_up, database_file, verdict
from storage.engine import Database
from storage.migrations import downgrade, migrate

_BY = "manjha restore"
_STOPPED = f"SELECT 1 FROM flags WHERE name = '{flags.KILL_SWITCH}'"  # noqa: S608  a name of ours
_AFTERWARDS = (
    "The gateway knows nothing of what came after that copy. It reads Kite's order book before it sends "
    "anything, and sends nothing that was approved earlier. Compare /positions with Kite's own app."
)


class NotRestored(ManjhaError):
    """Nothing was changed; the text says why."""


def restore(url: str, copy: Path, folder: Path, now: datetime) -> str:
    """Puts a backup in the place of the SQLite database at `url`; what was there is kept in `folder`.

    A kill switch that is on stays on. Returns what was done. Raises NotRestored, BackupFailed, ForeignSchema.
    """
    target = database_file(url)
    if target is None:
        raise NotRestored("only the SQLite database is restored here; use the server's own tools for another")
    if not copy.is_file():
        raise NotRestored(f"there is no file {copy}")
    if (found := verdict(copy)) != "ok":
        raise NotRestored(f"{copy} is damaged: {found}")
    if not _is_there(copy, "SELECT version_num FROM alembic_version"):
        raise NotRestored(f"{copy} is no database of Manjha")
    fresh = target.with_name(f"{target.name}.restored")
    fresh.unlink(missing_ok=True)
    back_up(f"sqlite:///{copy.absolute()}", fresh)
    stopped = target.exists() and _is_there(target, _STOPPED)
    _prepare(fresh, stopped, folder, now)
    kept = _set_aside(target, folder, now)
    fresh.replace(target)
    said = [f"{target} is {copy} now."]
    if kept:
        said.append(f"What was there is kept in {kept}.")
    if stopped:
        said.append("The kill switch is still on.")
    return "\n".join([*said, _AFTERWARDS])


def go_back(url: str, revision: str, folder: Path) -> str:
    """Takes the schema back to an older Manjha's. Raises NoSuchSchema, ForeignSchema, BackupFailed."""
    database = Database(url)
    try:
        copy = downgrade(database, revision, folder)
    finally:
        asyncio.run(database.close())
    kept = f" As it was before: {copy}." if copy else ""
    return f"The database has schema {revision} now; start a Manjha of that schema.{kept}"


def _prepare(fresh: Path, stopped: bool, folder: Path, now: datetime) -> None:
    """The copy of the backup gets today's schema, and the kill switch; then it is one file again."""
    database = Database(f"sqlite:///{fresh.absolute()}")
    try:
        migrate(database, folder)
        if stopped:
            database.write_now(
                lambda connection: flags.put(connection, flags.KILL_SWITCH, "on", by=_BY, at=now)
            )
    finally:
        asyncio.run(database.close())
    with closing(sqlite3.connect(fresh)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE")


def _is_there(file: Path, question: str) -> bool:
    """Whether a database has an answer; a damaged or foreign one has none."""
    try:
        with closing(sqlite3.connect(file)) as opened:
            return opened.execute(question).fetchone() is not None
    except sqlite3.Error:
        return False


def _set_aside(target: Path, folder: Path, now: datetime) -> Path | None:
    """The database with its -wal and -shm, as they are: even a damaged one may still be wanted.

    Copied first; then the old one is made one file, so that a crash leaves the old database or the new.
    """
    files = [path for end in ("", "-wal", "-shm") if (path := Path(f"{target}{end}")).exists()]
    if not files:
        return None
    kept = folder / f"replaced-{ist(now):%Y%m%dT%H%M%S}"
    kept.mkdir(mode=0o700, parents=True)
    for path in files:
        shutil.copy2(path, kept / path.name)
        (kept / path.name).chmod(0o600)
    os.sync()
    with suppress(sqlite3.Error), closing(sqlite3.connect(target)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for end in ("-wal", "-shm"):  # of a damaged one
        Path(f"{target}{end}").unlink(missing_ok=True)
    return kept
