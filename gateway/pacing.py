"""The pace of order calls: Kite takes ten a second from one account, and exits have a reserved share."""

import asyncio
import time
from collections import deque

#: Calls in any window of this many seconds (facts/kite.md 5); a little longer than a second, because
#: calls bunch up on their way.
WINDOW_SECONDS = 1.05
CALLS_PER_WINDOW = 10
#: Of these, how many only exits and cancellations may use.
RESERVED_FOR_EXITS = 1


class Pacer:
    """`turn` returns when the next call may go out."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()

    async def turn(self, *, urgent: bool) -> None:
        """Waits for a free place; `urgent` calls may use the reserved ones."""
        while (wait := self._wait(urgent)) > 0:  # noqa: ASYNC110  the pace is time itself, no event
            await asyncio.sleep(wait)
        self._calls.append(time.monotonic())

    def _wait(self, urgent: bool) -> float:
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - WINDOW_SECONDS:
            self._calls.popleft()
        allowed = CALLS_PER_WINDOW if urgent else CALLS_PER_WINDOW - RESERVED_FOR_EXITS
        if len(self._calls) < allowed:
            return 0.0
        return self._calls[len(self._calls) - allowed] + WINDOW_SECONDS - now
