"""Backups: a copy made online, checked before it is called good. Never `cp` of a living database."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import make_url

from gateway.domain.errors import ManjhaError


class BackupFailed(ManjhaError):
    """There is no good copy; what was begun is removed."""


def back_up(url: str, destination: Path) -> int:
    """Copies the SQLite database at `url` to `destination` (0600) while it is in use; its size in bytes.

    Raises BackupFailed: no SQLite database, a destination that exists, or a copy that does not verify.
    """
    source = make_url(url).database
    if not url.startswith("sqlite") or not source:
        raise BackupFailed("only the SQLite database is copied here; use the server's own tools for another")
    if not Path(source).exists():
        raise BackupFailed(f"there is no database at {source}")
    try:
        os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupFailed(f"{destination} cannot be written: {error.strerror}") from error
    try:
        _copy(source, destination)
    except (sqlite3.Error, BackupFailed) as error:
        destination.unlink(missing_ok=True)
        raise BackupFailed(f"no good copy could be made: {error}") from error
    return destination.stat().st_size


def _copy(source: str, destination: Path) -> None:
    living, copy = sqlite3.connect(source), sqlite3.connect(destination)
    try:
        living.backup(copy, pages=1000)
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        copy.close()
        living.close()
    if verdict != "ok":
        raise BackupFailed(f"the copy does not verify: {verdict}")
