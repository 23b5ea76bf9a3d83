"""The entries before an exit: it goes after them, even when all came in one millisecond."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from config.settings import StrategySettings
from gateway.domain.signal import Signal
from gateway.exits import entries_on_their_way, entries_searched_for, plan_exits
from gateway.wakeups import Wakeups
from storage.engine import Database

#: How long an exit waits for the entry before it to be filled, and then for its rest to be cancelled.
ENTRY_PATIENCE_SECONDS = 2.0
CANCEL_PATIENCE_SECONDS = 10.0
#: How long it waits for the book to show an entry whose outcome is unknown: the horizon and a little more.
UNKNOWN_PATIENCE_SECONDS = 190.0


class EntriesBefore:
    """Waits for the end of the entries that an exit means."""

    def __init__(
        self,
        database: Database,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        cancel: Callable[[Collection[str]], Awaitable[None]],
        freeze: Callable[[str], int],
    ) -> None:
        """`cancel` asks for the cancellation of what the entries of these alerts have working."""
        self._database = database
        self._wakeups = wakeups
        self._clock = clock
        self._cancel = cancel
        self._freeze = freeze

    async def wait(self, signal: Signal, strategy: StrategySettings) -> None:
        """An exit goes after the entry it follows, even when both came in one millisecond; what the entry
        has not filled by then is cancelled, and what came is sold."""
        coming = await self._left(signal, strategy, ENTRY_PATIENCE_SECONDS)
        if coming:
            await self._cancel(coming)
            await self._left(signal, strategy, CANCEL_PATIENCE_SECONDS)
        # An entry without an answer may exist: the order book is searched first. What is held for certain
        # does not wait for it, nor does the owner's own hand.
        if not signal.by_owner and not await self._database.read(
            lambda connection: plan_exits(connection, signal, strategy, self._freeze)
        ):
            await self._left(signal, strategy, UNKNOWN_PATIENCE_SECONDS, entries_searched_for)
            await self._left(signal, strategy, CANCEL_PATIENCE_SECONDS)

    async def _left(
        self,
        signal: Signal,
        strategy: StrategySettings,
        seconds: float,
        which: Callable[[Connection, Signal, StrategySettings], list[str]] = entries_on_their_way,
    ) -> list[str]:
        """The alerts whose entries can be filled any moment still, after waiting so long for their end."""
        deadline = self._clock() + timedelta(seconds=seconds)
        while True:
            coming = await self._database.read(lambda connection: which(connection, signal, strategy))
            left = (deadline - self._clock()).total_seconds()
            if not coming or left <= 0:
                return coming
            with self._wakeups.changes.watch(coming[0]) as watch:
                await watch.next(min(left, 0.5))
