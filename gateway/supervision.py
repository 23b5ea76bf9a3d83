"""The supervisor's border: a part that fails is logged, told to the owner, and started again."""

import asyncio
import html
import time
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

#: Pauses before the restarts of a part that keeps failing, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: A part that ran so long before it failed counts as healthy again.
HEALTHY_SECONDS = 300.0

Tell = Callable[[str], Awaitable[None]]


async def supervise(name: str, run: Callable[[], Awaitable[None]], tell: Tell) -> None:
    """Runs a part for ever. Only cancellation ends it."""
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await run()
            error: Exception = RuntimeError("it ended by itself")
        except Exception as caught:  # noqa: BLE001  the border: whatever it was, the rest must go on
            error = caught
        log.error("part_failed", part=name, error=repr(error), exc_info=error)
        if time.monotonic() - began > HEALTHY_SECONDS:
            pause = FIRST_PAUSE
        if pause == FIRST_PAUSE:
            await _tell(tell, f"⚠️ <b>{html.escape(name)}</b> failed and is started again. The log says why.")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _tell(tell: Tell, text: str) -> None:
    try:
        await tell(text)
    except Exception as error:  # noqa: BLE001  the database may be what failed
        log.error("failure_not_told", error=repr(error))
