"""Backups: a copy made online, checked before it has its name. Never `cp` of a living database."""

import os
import re
import sqlite3
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import make_url

from gateway.domain.errors import ManjhaError
from gateway.domain.market import ist

#: Beside the database, where no other folder is configured.
FOLDER = "backups"
_DAILY = re.compile(r"manjha-\d{4}-\d\d-\d\d\.db")


class BackupFailed(ManjhaError):
    """There is no good copy; what was begun is removed."""


def database_file(url: str) -> Path | None:
    """The SQLite file behind `url`; None: another database, or none on disk."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def back_up(url: str, destination: Path) -> int:
    """Copies the SQLite database at `url` to `destination` (0600) while it is in use; its size in bytes.

    The copy has another name until it is verified: what has this name is good, whenever the power fails.
    Raises BackupFailed: no SQLite database, a destination that exists, or a copy that does not verify.
    """
    source = database_file(url)
    if source is None:
        raise BackupFailed("only the SQLite database is copied here; use the server's own tools for another")
    if not source.exists():
        raise BackupFailed(f"there is no database at {source}")
    if destination.exists():
        raise BackupFailed(f"{destination} is there already, and no backup is overwritten")
    part = destination.with_name(destination.name + ".part")
    try:
        _begin(part)
        _copy(source, part)
        part.replace(destination)
    except (sqlite3.Error, OSError, BackupFailed) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        why = error.strerror or str(error) if isinstance(error, OSError) else error
        raise BackupFailed(f"no good copy could be made at {destination}: {why}") from error
    return destination.stat().st_size


def daily(folder: Path, day: date) -> Path:
    """Where the backup of a day stands."""
    return folder / f"manjha-{day}.db"


def last_daily(folder: Path) -> date | None:
    """The day of the newest daily backup."""
    names = sorted(path.name for path in folder.iterdir() if _DAILY.fullmatch(path.name))
    return date.fromisoformat(names[-1][len("manjha-") : -len(".db")]) if names else None


def prune(folder: Path, keep: int) -> list[Path]:
    """Removes all but the newest `keep` daily backups, and what a crash left of one; which ones went."""
    dailies = sorted(path for path in folder.iterdir() if _DAILY.fullmatch(path.name))
    torn = [path for path in folder.glob("*.db.part") if _DAILY.fullmatch(path.stem)]
    old = dailies[:-keep] + torn
    for path in old:
        path.unlink()
    return old


def before_change(url: str, folder: Path, why: str, now: datetime) -> Path | None:
    """A copy made before the database is changed as a whole; None when there is nothing to copy here.

    Raises BackupFailed.
    """
    source = database_file(url)
    if source is None or not source.exists():
        return None
    destination = folder / f"manjha-{ist(now):%Y%m%dT%H%M%S}-before-{why}.db"
    back_up(url, destination)
    return destination


def verdict(path: Path) -> str:
    """What SQLite says of the file's integrity: `ok`, or what is wrong with it."""
    try:
        opened = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return str(opened.execute("PRAGMA integrity_check").fetchone()[0])
        finally:
            opened.close()
    except sqlite3.Error as error:
        return str(error)


def _begin(part: Path) -> None:
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy(source: Path, part: Path) -> None:
    living, copy = sqlite3.connect(source), sqlite3.connect(part)
    try:
        # In one step: between two, another's commit would have it begin anew. No writer waits for it.
        living.backup(copy, pages=-1)
        # A copy that is one file alone, whatever it is opened with.
        copy.execute("PRAGMA journal_mode=DELETE")
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        copy.close()
        living.close()
    if found != "ok":
        raise BackupFailed(f"the copy does not verify: {found}")
