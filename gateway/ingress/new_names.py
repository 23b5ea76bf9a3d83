"""Strategies that the configuration does not name: they have the defaults; the owner hears of each once."""

import asyncio
import html
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Final

import structlog

from config.settings import Settings
from gateway.domain.errors import StorageFailed
from gateway.domain.signal import DEFAULT_STRATEGY
from storage import flags
from storage.alerts import Arrival
from storage.engine import Database

log = structlog.get_logger()

Tell = Callable[[str], Awaitable[None]]

#: After so many new names since the start, further ones are not told of: somebody sends nonsense.
MOST_TOLD: Final = 100
_FLAG = "strategy_told:"


class NewNames:
    """Remembers across restarts whom the owner was told of."""

    def __init__(
        self, settings: Settings, database: Database, tell: Tell | None, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._database = database
        self._tell = tell
        self._clock = clock
        self._seen: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def notice(self, arrivals: Iterable[Arrival]) -> None:
        """These alerts were stored. Nobody waits for the telling of their strategies."""
        for arrival in arrivals:
            name = arrival.strategy
            if name in self._seen or name == DEFAULT_STRATEGY or self._settings.known_strategy(name):
                continue
            if len(self._seen) < MOST_TOLD:
                self._seen.add(name)
                task = asyncio.create_task(self._tell_once(name), name="new strategy")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self, _app: object) -> None:
        """Lets the telling under way finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell_once(self, name: str) -> None:
        """First told, then remembered: a crash in between tells twice rather than never."""
        flag = _FLAG + name
        try:
            if await self._database.read(lambda connection: flags.value(connection, flag)) is not None:
                return
            log.warning("unknown_strategy", strategy=name)
            if self._tell is not None:
                await self._tell(sentence(name, self._settings.strategies))
            now = self._clock()
            await self._database.write(
                lambda connection: flags.put(connection, flag, "told", by="gateway", at=now)
            )
        except StorageFailed as error:
            self._seen.discard(name)
            log.warning("unknown_strategy_not_told", strategy=name, error=str(error))


def sentence(name: str, known: Iterable[str]) -> str:
    """The message about a new name, as Telegram HTML."""
    near = get_close_matches(name, list(known), n=1)
    hint = f" Did you mean <b>{html.escape(near[0], quote=False)}</b>?" if near else ""
    return (
        f"❔ <b>New strategy</b> · {html.escape(name, quote=False)}\n"
        f"The configuration does not name it, so it trades with the defaults.{hint}"
    )
