"""Counts failures per sender, in bounded memory: who fails too often is told to wait."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Count:
    since: float
    failures: int


class Throttle:
    """Lets each sender fail `limit` times in `seconds`. The one longest unheard of is forgotten first."""

    def __init__(
        self,
        *,
        limit: int,
        seconds: float,
        senders: int = 4096,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._senders = senders
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def count(self, sender: str) -> int | None:
        """Takes note of one more; the seconds to wait if that was one too many, else None."""
        now = self._clock()
        entry = self._counts.get(sender)
        if entry is None or now - entry.since >= self._seconds:
            entry = self._counts[sender] = _Count(now, 0)
            self._forget()
        self._counts.move_to_end(sender)
        entry.failures += 1
        if entry.failures <= self._limit:
            return None
        return max(1, math.ceil(entry.since + self._seconds - now))

    def __len__(self) -> int:
        return len(self._counts)

    def _forget(self) -> None:
        while len(self._counts) > self._senders:
            self._counts.popitem(last=False)
