"""A clock that goes only when told to, and waiting for a condition."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


class FakeClock:
    """Seconds since the epoch; starts at the real time."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


async def eventually(condition: Callable[[], Awaitable[Any] | Any]) -> None:
    """Waits up to five seconds until the condition holds."""
    for _ in range(500):
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")
