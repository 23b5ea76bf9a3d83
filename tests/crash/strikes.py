"""Strikes: what a crash test lets happen at a checkpoint, inside the gateway's own process."""

import asyncio
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import msgspec
from sqlalchemy.exc import OperationalError

from gateway.domain.errors import StorageFailed

#: Modes: SIGKILL; SIGTERM and on; the database fails at this step, or for a while from it on; the running
#: task is cancelled; the thread (mostly the event loop's) stands still; it stands still until released.
KILL, TERM, FAIL, OUTAGE, CANCEL, STALL, HOLD = "kill", "term", "fail", "outage", "cancel", "stall", "hold"
STALL_SECONDS = 3.0
OUTAGE_SECONDS = 3.0
HOLD_SECONDS = 60.0


class Strike(msgspec.Struct, frozen=True, kw_only=True):
    """`mode` strikes at the `hit`-th passing of a checkpoint whose label begins so (None: of any)."""

    mode: str
    label: str | None = None
    hit: int = 1


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """One passing of a checkpoint: its label, and whether a task of the event loop passed it."""

    label: str
    in_task: bool


class Striker:
    """What `checkpoint` calls: names and counts each passing, and strikes at the chosen one."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._strike: Strike | None = None
        self._seen = 0
        self._outage_until = 0.0
        self.trace: list[Passing] = []
        self.released = threading.Event()

    def arm(self, strike: Strike | None) -> None:
        """Counts from here on; None: only counts."""
        with self._lock:
            self._strike, self._seen, self.trace = strike, 0, []

    def __call__(self, name: str) -> None:
        """Passes, or strikes: may not return."""
        label = label_of(name, sys._getframe(2))
        with self._lock:
            self.trace.append(Passing(label=label, in_task=_task() is not None))
            strike = self._due(label)
        if strike is not None:
            self._act(strike, name, label)
        if name.startswith("database.") and time.monotonic() < self._outage_until:
            fail(name)

    def _due(self, label: str) -> Strike | None:
        strike = self._strike
        if strike is None or not label.startswith(strike.label or ""):
            return None
        self._seen += 1
        if self._seen < strike.hit:
            return None
        self._strike = None
        return strike

    def _act(self, strike: Strike, name: str, label: str) -> None:
        if strike.mode == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        self._report({"struck": strike.mode, "label": label})
        if strike.mode == TERM:
            os.kill(os.getpid(), signal.SIGTERM)
        elif strike.mode == STALL:
            time.sleep(STALL_SECONDS)
        elif strike.mode == HOLD:
            self.released.wait(HOLD_SECONDS)
        elif strike.mode == CANCEL and (task := _task()) is not None:
            task.cancel()
        elif strike.mode == FAIL:
            fail(name)
        elif strike.mode == OUTAGE:
            self._outage_until = time.monotonic() + OUTAGE_SECONDS


def fail(name: str) -> None:
    """As the database does: inside a transaction with the driver's error, after one with ours."""
    cause = sqlite3.OperationalError("disk I/O error (planted)")
    if name == "database.committed":
        raise StorageFailed(str(cause))
    raise OperationalError("planted", None, cause)


def label_of(name: str, frame: FrameType | None) -> str:
    """The checkpoint's name; for those that many pass, also on whose errand."""
    if name.startswith("database.") and frame is not None:
        return f"{name} [{_errand(frame.f_locals.get('work'))}]"
    if name.startswith("kite."):
        return f"{name} [{_call_kind(frame)}]"
    return name


def _errand(work: Any) -> str:
    """`Executor._execute _claim` for the lambda in it that calls `_claim`."""
    while isinstance(work, partial):
        work = work.func
    name: str = getattr(work, "__qualname__", "?")
    code = getattr(work, "__code__", None)
    if code is None or "<lambda>" not in name:
        return name.replace(".<locals>", "")
    owner = name.partition(".<locals>")[0]
    used = [word for word in _names(code) if word != "append"]
    return f"{owner} {'.'.join(used[:2])}".strip()


def _names(code: Any) -> list[str]:
    inner = [const for const in code.co_consts if hasattr(const, "co_names")]
    return list(code.co_names) + [name for each in inner for name in each.co_names]


def _call_kind(frame: FrameType | None) -> str:
    while frame is not None:
        if frame.f_code.co_name == "_attempt":
            return str(frame.f_locals.get("kind"))
        frame = frame.f_back
    return "?"


def _task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
