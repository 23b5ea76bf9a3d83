"""/logs and /version: the gateway about itself."""

import asyncio
import html
import json
import os
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import telegram

from bot.commands.command import Page, reading, view_button
from bot.ports import Ports
from config.logs import FILE_NAME, redact
from gateway.columns import clipped, newest_that_fit
from gateway.domain.market import ist
from gateway.wording import seconds
from storage.migrations import HEAD

LINES, MOST_LINES = 15, 100
#: So much of the file's end is read.
_TAIL_BYTES = 256 * 1024
LONGEST_LINE = 300
_GRAVE = frozenset({"warning", "error", "critical"})
_WARNINGS = "warnings"
#: Said otherwise, or nothing for a reader.
_LEFT_OUT = frozenset({"time", "level", "event", "logger", "exception", "stack"})


async def _logs(ports: Ports, words: Sequence[str]) -> Page:
    """Words: how many lines, and `warnings` for these alone."""
    wanted = next((int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 5), LINES)
    grave = any(word.lower().startswith("warn") for word in words)
    path = ports.settings.log_dir / FILE_NAME
    try:
        lines = await asyncio.to_thread(last_lines, path, min(max(wanted, 1), MOST_LINES), grave=grave)
    except OSError as error:
        return Page(text=f"The log cannot be read: {html.escape(str(error.strerror))}.")
    shown = newest_that_fit(lines, 3600)
    other = [str(wanted)] if grave else [_WARNINGS, str(wanted)]
    button = view_button("All lines" if grave else "⚠️ Warnings only", "logs", other)
    title = "warnings and errors" if grave else "the last lines"
    if not shown:
        return Page(text=f"<b>Log</b> · {title}\nNothing.", buttons=(button,))
    # Not in fixed width: a phone would cut each line off, or scroll it.
    text = "\n".join(f"<code>{line[:8]}</code>{html.escape(line[8:], quote=False)}" for line in shown)
    return Page(text=f"<b>Log</b> · {title}, times in IST\n{text}", buttons=(button,))


def last_lines(path: Path, count: int, *, grave: bool) -> list[str]:
    """The newest lines of the log for the eye, oldest first. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        raw = file.read().decode("utf-8", "replace").splitlines()
    # What the tail begins with is the end of a line, unless it is the file's beginning.
    records = _records(raw[1:] if size > _TAIL_BYTES else raw)
    wanted = [record for record in records if not grave or record.get("level") in _GRAVE]
    return [_line(record) for record in wanted[-count:]]


def _records(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            record = {"event": line}
        yield record if isinstance(record, dict) else {"event": line}


def _line(record: dict[str, Any]) -> str:
    """Redacted once more: what the file holds was clean by what was known when it was written."""
    mark = {"warning": "W ", "error": "E ", "critical": "E "}.get(str(record.get("level")), "")
    fields = (f"{key}={value}" for key, value in record.items() if key not in _LEFT_OUT and value is not None)
    words = f"{_time(record)} {mark}{record.get('event', '')} {' '.join(fields)}"
    return clipped(redact(words).strip(), LONGEST_LINE)


def _time(record: dict[str, Any]) -> str:
    try:
        return f"{ist(datetime.fromisoformat(str(record.get('time')))):%H:%M:%S}"
    except ValueError:
        return "--:--:--"


async def _version(ports: Ports, _words: Sequence[str]) -> Page:
    lines = [
        f"<b>Manjha {html.escape(ports.version)}</b>",
        f"up {seconds(ports.clock() - ports.started_at)}, since {ist(ports.started_at):%d %b %H:%M} IST",
        f"database schema {HEAD} · SQLite {sqlite3.sqlite_version}",
        f"Python {platform.python_version()} · python-telegram-bot {telegram.__version__}",
    ]
    return Page(text="\n".join(lines))


LOGS = reading("logs", "the last lines of the log", _logs)
VERSION = reading("version", "which version runs, since when", _version)
