"""How fast each chat may be written to: Telegram's limits, its orders to wait, and what goes first."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from config.telegram import ChatLimits, TelegramLimits
from storage.notices import Priority


@dataclass(kw_only=True)
class _Bucket:
    """Tokens that come back with time; below zero when somebody did not wait."""

    per_second: float
    burst: float
    tokens: float
    at: float

    def fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_second)
        self.at = now

    def seconds_until(self, wanted: float) -> float:
        return max(wanted - self.tokens, 0.0) / self.per_second


@dataclass(kw_only=True)
class Pace:
    """Shared by the outbox, which waits for its turn, and the answers to commands, which are counted."""

    limits: TelegramLimits
    #: Seconds that only go forward.
    monotonic: Callable[[], float] = time.monotonic
    _chats: dict[int, _Bucket] = field(default_factory=dict, init=False)
    _all: _Bucket | None = field(default=None, init=False)
    _closed_until: dict[int, float] = field(default_factory=dict, init=False)

    def seconds_left(self, chat_id: int, priority: Priority) -> float:
        """How long a message of this priority has to wait; 0.0 when it may go now."""
        chat = self.limits.of(chat_id)
        bucket, everything = self._buckets(chat_id, chat)
        return max(
            self.seconds_closed(chat_id),
            bucket.seconds_until(1 + _left_to_others(chat, priority)),
            everything.seconds_until(1),
        )

    def spend(self, chat_id: int) -> None:
        """One message is on its way."""
        for bucket in self._buckets(chat_id, self.limits.of(chat_id)):
            bucket.tokens = max(bucket.tokens - 1, -bucket.burst)

    def close(self, chat_id: int, seconds: float) -> None:
        """Telegram's `retry_after`: nothing at all goes to this chat before."""
        until = self.monotonic() + seconds
        self._closed_until[chat_id] = max(until, self._closed_until.get(chat_id, 0.0))

    def seconds_closed(self, chat_id: int) -> float:
        """What is left of `retry_after`."""
        return max(self._closed_until.get(chat_id, 0.0) - self.monotonic(), 0.0)

    def _buckets(self, chat_id: int, chat: ChatLimits) -> tuple[_Bucket, _Bucket]:
        now = self.monotonic()
        if self._all is None:
            self._all = _full(self.limits.per_second, self.limits.per_second, now)
        bucket = self._chats.setdefault(chat_id, _full(chat.per_second, chat.burst, now))
        bucket.fill(now)
        self._all.fill(now)
        return bucket, self._all


class Counted(BaseRateLimiter[int]):
    """The answers to commands and presses go at once, and are counted: the outbox makes room for them."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def initialize(self) -> None:
        """Nothing is needed."""

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Any:
        """Raises what the call raises; Telegram's `retry_after` holds for the outbox, too."""
        chat_id = data.get("chat_id")
        if not isinstance(chat_id, int):
            return await callback(*args, **kwargs)
        self._pace.spend(chat_id)
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as error:
            self._pace.close(chat_id, span(error.retry_after).total_seconds())
            raise


def span(retry_after: int | timedelta) -> timedelta:
    """Seconds today, a timedelta in the library's next version (facts/reliability.md 6.5)."""
    return retry_after if isinstance(retry_after, timedelta) else timedelta(seconds=retry_after)


def _full(per_second: float, burst: float, now: float) -> _Bucket:
    return _Bucket(per_second=per_second, burst=burst, tokens=burst, at=now)


def _left_to_others(chat: ChatLimits, priority: Priority) -> int:
    """How much of the burst a message of this priority must leave for weightier ones."""
    if priority <= Priority.QUESTION:
        return 0
    return chat.kept_for_questions + (priority >= Priority.CHATTER)
