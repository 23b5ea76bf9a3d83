"""The exchange's memory on disk: one file a day of JSON lines, written before anything is answered."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

KEPT_DAYS = 30


class Journal:
    """Appends `[kind, record]` lines. Each is one write to the file, so killing the process loses nothing
    that was answered. Without a directory it keeps nothing."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._file: int | None = None

    def open(self, day: date) -> None:
        """Writes to that day's file from now on."""
        self.close()
        if self._directory is None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        self._prune(day)
        path = self._path(day)
        _cut_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def append(self, kind: str, record: object) -> None:
        if self._file is not None:
            os.write(self._file, msgspec.json.encode([kind, record]) + b"\n")

    def latest(self, today: date) -> date | None:
        """The last day, up to today, that has a file."""
        if self._directory is None:
            return None
        days = [_day_of(path) for path in self._directory.glob("paper-*.jsonl")]
        return max((day for day in days if day <= today), default=None)

    def replay(self, day: date) -> Iterator[tuple[str, Any]]:
        """That day's records in the order they were written."""
        _cut_torn_line(self._path(day))
        for line in self._path(day).read_bytes().splitlines():
            kind, record = msgspec.json.decode(line)
            yield kind, record

    def _prune(self, today: date) -> None:
        if self._directory is not None:
            for path in self._directory.glob("paper-*.jsonl"):
                if (today - _day_of(path)).days > KEPT_DAYS:
                    path.unlink()

    def _path(self, day: date) -> Path:
        if self._directory is None:
            raise ValueError("this journal has no directory")
        return self._directory / f"paper-{day:%Y-%m-%d}.jsonl"


def _day_of(path: Path) -> date:
    return date.fromisoformat(path.stem.removeprefix("paper-"))


def _cut_torn_line(path: Path) -> None:
    """Drops a last line that was never finished: it was never answered either."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
