"""The pace of order calls: Kite takes ten a second and 400 a minute from an account; exits have a reserve."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Window:
    """At most `calls` in any `seconds`; the last `reserved` of them are for urgent calls alone."""

    seconds: float
    calls: int
    reserved: int
    _times: deque[float] = field(default_factory=deque, init=False)

    def wait(self, now: float, *, urgent: bool) -> float:
        """Seconds until a call may go out."""
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        allowed = self.calls if urgent else self.calls - self.reserved
        if len(self._times) < allowed:
            return 0.0
        return self._times[len(self._times) - allowed] + self.seconds - now

    def note(self, now: float) -> None:
        """A call goes out."""
        self._times.append(now)


#: How long everything pauses after Kite said that it was too much; doubled while it goes on saying so.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Pacer:
    """`turn` returns when the next call may go out; cancellations and exits wait least."""

    def __init__(self, *, planned: bool = False) -> None:
        """`planned`: for choosing what goes next, where calls are still to bunch up on their way."""
        # A little longer than a second, because calls bunch up on their way (limits: facts/kite.md 5).
        self._windows = (
            Window(seconds=1.1 if planned else 1.07, calls=10, reserved=1),
            Window(seconds=60.5, calls=400, reserved=60),
        )
        self._paused_until = 0.0
        self._pause = FIRST_PAUSE

    async def turn(self, *, urgent: bool) -> None:
        """Waits for a free place."""
        while (wait := self.wait(urgent=urgent)) > 0:  # noqa: ASYNC110  the pace is time itself, no event
            await asyncio.sleep(wait)
        self.note()

    def note(self) -> None:
        """A call goes out now."""
        for window in self._windows:
            window.note(time.monotonic())

    def pause(self) -> None:
        """Kite answered 429: nothing goes out for a while, the longer the more often it happens."""
        now = time.monotonic()
        if now < self._paused_until:
            return  # several of one burst are one answer
        if now > self._paused_until + LONGEST_PAUSE:
            self._pause = FIRST_PAUSE
        self._paused_until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def wait(self, *, urgent: bool) -> float:
        """Seconds until a call may go out; zero or less: now."""
        now = time.monotonic()
        waits = [window.wait(now, urgent=urgent) for window in self._windows]
        return max(self._paused_until - now, *waits)
