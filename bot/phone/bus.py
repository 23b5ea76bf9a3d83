"""News of the phone for whoever listens: the page's event stream, and tests that wait."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_BACKLOG = 1000


@dataclass(frozen=True, kw_only=True)
class News:
    """Something happened: `kind` says what, `data` is the object it happened to."""

    kind: str
    data: Any


@dataclass(eq=False)
class Listener:
    """One reader of the news; `closed` once the bus is, or when it fell too far behind."""

    queue: asyncio.Queue[News | None] = field(default_factory=asyncio.Queue)
    closed: bool = False

    async def next(self, seconds: float) -> News | None:
        """The next news, or None after `seconds` or when closed."""
        if self.closed:
            return None
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self.queue.get(), seconds)
        return None

    def close(self) -> None:
        """Wakes the reader for the last time."""
        self.closed = True
        self.queue.put_nowait(None)


class Bus:
    """Fan-out of news; publishing never waits."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    def publish(self, kind: str, data: Any) -> None:
        """Hands the news to every listener, and cuts off one that is `_BACKLOG` behind."""
        for listener in list(self._listeners):
            if listener.queue.qsize() >= _BACKLOG:
                listener.close()
                self._listeners.discard(listener)
            else:
                listener.queue.put_nowait(News(kind=kind, data=data))

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A listener to everything from now on."""
        listener = Listener(closed=self._closed)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Closes every listener."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
