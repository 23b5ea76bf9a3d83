"""The queue a bot polls: sequential ids, lifetimes, confirmation by offset, one poller at a time."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.phone.errors import conflict_of_pollers
from bot.phone.store import Store

UPDATE_SECONDS = 24 * 3600.0
CALLBACK_SECONDS = 150.0
MAX_LONG_POLL_SECONDS = 50
MAX_BATCH = 100
# Telegram sends these only to bots that ask for them by name.
_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Updates waiting for the bot. Lifetimes and conflicts as in facts/telegram.md 1.2."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        # Ids start at the time of day one, so that a phone that lost its memory never issues an old id.
        self._ids = itertools.count(int(store.get("counter", "update", clock())))
        self._pending: dict[int, dict[str, Any]] = {
            int(key): record for key, record in sorted(store.all("update"), key=lambda row: int(row[0]))
        }
        self._allowed: list[str] = store.get("counter", "allowed_updates", [])
        self._news = asyncio.Event()
        self._poller: object | None = None
        self._closed = False

    def add(self, kind: str, payload: Mapping[str, Any], *, lifetime: float = UPDATE_SECONDS) -> int | None:
        """Queues an update for `lifetime` seconds; None if the bot does not want its kind."""
        if not self._wanted(kind):
            return None
        update_id = next(self._ids)
        self._store.put("counter", "update", update_id + 1)
        record = {"expires": self._clock() + lifetime, "update": {"update_id": update_id, kind: payload}}
        self._pending[update_id] = record
        self._store.put("update", update_id, record)
        self._announce()
        return update_id

    @property
    def news(self) -> asyncio.Event:
        """Set when something has changed since this was read."""
        return self._news

    def repeat(self, update: Mapping[str, Any], *, lifetime: float = UPDATE_SECONDS) -> None:
        """An update as it is, with this very number, as often as wanted: what a broken server brings."""
        record = {"expires": self._clock() + lifetime, "update": dict(update)}
        self._pending[int(update["update_id"])] = record
        self._announce()

    def announce(self) -> None:
        """Wakes whoever waits for updates: the settings have changed."""
        self._announce()

    def pending(self) -> Sequence[Mapping[str, Any]]:
        """The updates not confirmed and not expired, oldest first."""
        now = self._clock()
        for update_id in [key for key, record in self._pending.items() if record["expires"] <= now]:
            self._forget(update_id)
        return [record["update"] for record in self._pending.values()]

    def confirm(self, offset: int) -> None:
        """Forgets every update with an id below `offset`; a negative one keeps only that many newest."""
        ids = list(self._pending)
        for update_id in ids[:offset] if offset < 0 else [key for key in ids if key < offset]:
            self._forget(update_id)

    def allow(self, kinds: list[str] | None) -> None:
        """Sets the wanted kinds; None leaves them as they are, an empty list means the default."""
        if kinds is not None and kinds != self._allowed:
            self._allowed = kinds
            self._store.put("counter", "allowed_updates", kinds)

    async def poll(self, *, offset: int, limit: int, seconds: float) -> Sequence[Mapping[str, Any]]:
        """Waits up to `seconds` (at most 50) for updates.

        Raises ApiError 409 in the older of two concurrent polls.
        """
        mine = self._poller = object()
        self._announce()
        self.confirm(offset)
        deadline = asyncio.get_running_loop().time() + min(max(seconds, 0), MAX_LONG_POLL_SECONDS)
        while not self.pending() and not self._closed and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            if self._poller is not mine:
                raise conflict_of_pollers()
        return self.pending()[: min(max(limit, 1), MAX_BATCH)]

    def close(self) -> None:
        """Ends every long poll with what there is."""
        self._closed = True
        self._announce()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _wanted(self, kind: str) -> bool:
        return kind in self._allowed if self._allowed else kind not in _ON_REQUEST

    def _forget(self, update_id: int) -> None:
        del self._pending[update_id]
        self._store.drop("update", update_id)
