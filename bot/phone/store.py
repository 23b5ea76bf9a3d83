"""What Telegram's servers would remember: a small SQLite file of JSON records and uploaded bytes."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (key TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Store:
    """Records by kind and key. Each write is committed at once, so it outlives a killed process.

    Without `data_dir` everything is kept in memory only.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._database = sqlite3.connect(
            _private_file(data_dir), isolation_level=None, check_same_thread=False
        )
        # WAL with synchronous=NORMAL: a commit survives kill -9 (not a power cut), which is all a phone owes.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def put(self, kind: str, key: str | int, value: Any) -> None:
        """Writes or overwrites one record."""
        self._database.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
            (kind, str(key), json.dumps(value)),
        )

    def get(self, kind: str, key: str | int, default: Any = None) -> Any:
        """One record, or `default`."""
        row = self._database.execute(
            "SELECT value FROM records WHERE kind = ? AND key = ?", (kind, str(key))
        ).fetchone()
        return default if row is None else json.loads(row[0])

    def drop(self, kind: str, key: str | int) -> None:
        """Forgets one record."""
        self._database.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, str(key)))

    def all(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Every record of a kind, as (key, value)."""
        rows = self._database.execute("SELECT key, value FROM records WHERE kind = ?", (kind,)).fetchall()
        return ((key, json.loads(value)) for key, value in rows)

    def put_blob(self, key: str, content: bytes) -> None:
        """Keeps uploaded bytes."""
        self._database.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (key, content))

    def get_blob(self, key: str) -> bytes | None:
        """Uploaded bytes, or None."""
        row = self._database.execute("SELECT content FROM blobs WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def drop_blob(self, key: str) -> None:
        """Forgets uploaded bytes."""
        self._database.execute("DELETE FROM blobs WHERE key = ?", (key,))

    def close(self) -> None:
        """Closes the file; the store cannot be used afterwards."""
        self._database.close()


def _private_file(data_dir: Path | None) -> str:
    if data_dir is None:
        return ":memory:"
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "phone.db"
    path.touch(mode=0o600)
    return str(path)
