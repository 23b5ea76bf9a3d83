"""Keeps a flood of one kind of event from flooding the log."""

import time
from collections.abc import Callable


class Quiet:
    """Lets `lines` events of each kind be logged a `seconds`-long window, and counts the others.

    Kinds must be few: each is remembered.
    """

    def __init__(
        self, *, lines: int = 20, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lines = lines
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[object, list[float]] = {}

    def speak(self, kind: object) -> int | None:
        """None: say nothing. Otherwise: log it, with so many that were left out before."""
        now = self._clock()
        window = self._windows.setdefault(kind, [now, 0.0])
        since, seen = window
        muted = 0
        if now - since >= self._seconds:
            muted = max(0, int(seen) - self._lines)
            window[:] = [now, 0.0]
            seen = 0.0
        window[1] = seen + 1
        return muted if seen < self._lines else None
