"""Lanes: what is handed on waits here, in its strategy's order; while alerts stream in, who goes first."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

import msgspec
import structlog

from gateway.domain.errors import StorageFailed
from gateway.domain.order import AlertId
from gateway.domain.signal import Action, Signal
from storage.engine import urgent

log = structlog.get_logger()

#: How long an acknowledged alert waits before the next try when the database does not take its plan.
RETRY_SECONDS = 2.0
#: Alerts stream in while one comes within so long of the last; planning then waits, at most so long an alert.
#: An exit waits less, and is under way before the entries that came with it.
LULL_SECONDS, EXIT_LULL_SECONDS, LONGEST_DEFERRAL_SECONDS = 0.01, 0.002, 0.25


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledged alert that waits for its planning."""

    alert_id: AlertId
    strategy: str
    signal: Signal
    received_at: datetime


class AtTheDoor:
    """Those that are being acknowledged: each is inside it meanwhile. Moments are monotonic, in seconds."""

    def __init__(self) -> None:
        self.count = 0
        #: When the last one came, and the one before.
        self.came_at = self.came_before = float("-inf")

    def __enter__(self) -> None:
        self.came_before, self.came_at = self.came_at, time.monotonic()
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class Precedence:
    """Who goes first while alerts stream in: their acknowledgements, then exits, then entries.

    TradingView gives up after 3 s (facts/tradingview.md 1); planning a moment later costs nobody anything.
    """

    def __init__(self) -> None:
        self.at_the_door: Final = AtTheDoor()
        self._exits = 0
        self._no_exits = asyncio.Event()
        self._no_exits.set()

    async def turn(self, alert: Accepted) -> None:
        """Returns at once unless alerts stream in; then in the next lull, an entry after the exits."""
        lull = EXIT_LULL_SECONDS if _is_exit(alert) else LULL_SECONDS
        door = self.at_the_door
        if door.came_at - door.came_before >= lull:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_DEFERRAL_SECONDS):
                while door.count or self._left(lull) > 0:  # noqa: ASYNC110  a lull is time itself
                    await asyncio.sleep(max(self._left(lull), EXIT_LULL_SECONDS))
                if not _is_exit(alert):
                    await self._no_exits.wait()

    def _left(self, lull: float) -> float:
        return self.at_the_door.came_at + lull - time.monotonic()

    @contextmanager
    def held_by(self, alert: Accepted) -> Iterator[None]:
        """While it is worked on: what an exit writes overtakes what waits for the database."""
        if not _is_exit(alert):
            yield
            return
        self._exits += 1
        self._no_exits.clear()
        try:
            with urgent():
                yield
        finally:
            self._exits -= 1
            if not self._exits:
                self._no_exits.set()


class Lanes:
    """One queue a strategy: alerts of one strategy are worked on in order, those of others beside them."""

    def __init__(self, work: Callable[[Accepted], Awaitable[None]]) -> None:
        self._work = work
        self.precedence = Precedence()
        self._queues: dict[str, deque[Accepted]] = {}
        self._ids: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    def holds(self, alert_id: str) -> bool:
        """Whether the alert waits here, or is being worked on."""
        return alert_id in self._ids

    def put(self, alert: Accepted) -> None:
        """Hands an alert on; its turn comes after all earlier ones of its strategy."""
        strategy = alert.strategy
        self._ids.add(alert.alert_id)
        queue = self._queues.get(strategy)
        if queue is None:
            queue = self._queues[strategy] = deque()
        queue.append(alert)
        if strategy not in self._tasks and not self._stopped:
            self._tasks[strategy] = asyncio.create_task(self._run(strategy), name=f"lane {strategy}")

    async def _run(self, strategy: str) -> None:
        try:
            while queue := self._queues.get(strategy):
                await self.precedence.turn(queue[0])
                await self._work_until_stored(queue[0])
                self._ids.discard(queue.popleft().alert_id)
        finally:
            self._queues.pop(strategy, None)
            self._tasks.pop(strategy, None)

    async def _work_until_stored(self, alert: Accepted) -> None:
        while True:
            try:
                with self.precedence.held_by(alert):
                    await self._work(alert)
                return
            except StorageFailed as error:
                log.error("alert_waits_for_the_database", alert_id=alert.alert_id, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # a border: the strategy's next alert must have its turn
                log.error("alert_not_worked_on", alert_id=alert.alert_id, error=repr(error), exc_info=error)
                return

    async def stop(self) -> None:
        """Ends all lanes; what was not finished is found again at the next start."""
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_exit(alert: Accepted) -> bool:
    return alert.signal.action is not Action.BUY
