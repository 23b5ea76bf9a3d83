"""Wake-ups inside the process: the database holds the truth, these spare the waiting for the next look."""

import asyncio
from collections import defaultdict

#: What one alert brings in so short a time (planned, sent, filled) becomes one message; and the order goes
#: before the message about it.
MESSAGES_SETTLE_SECONDS = 0.05
#: A fill is followed by its guard so much later: orders and their answers go first.
GUARDS_SETTLE_SECONDS = 0.02
#: Positions are compared so much later: the broker's own lag behind a fill.
POSITIONS_SETTLE_SECONDS = 1.0


class Bell:
    """Wakes one loop; a ring while nobody waits is remembered."""

    def __init__(self, settle: float = 0.0) -> None:
        """`settle`: for so many seconds after a ring more may come before it is heard."""
        self._settle = settle
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There is something to do."""
        self._event.set()

    async def wait(self, timeout: float | None = None) -> bool:
        """Until the next ring, or `timeout` seconds; True when it rang."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        if self._settle:
            await asyncio.sleep(self._settle)
        self._event.clear()
        return True


class Changes:
    """Wakes those who wait for news of one alert."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def announce(self, alert_id: str) -> None:
        """Something about this alert was committed."""
        for event in self._waiting.get(alert_id, ()):
            event.set()

    def watch(self, alert_id: str) -> "Watch":
        """A context that sees every announcement from its beginning on."""
        return Watch(self._waiting, alert_id)


class Watch:
    """Sees the announcements about one alert while it is open."""

    def __init__(self, waiting: defaultdict[str, set[asyncio.Event]], alert_id: str) -> None:
        self._waiting = waiting
        self._alert_id = alert_id
        self._event = asyncio.Event()

    def __enter__(self) -> "Watch":
        self._waiting[self._alert_id].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        events = self._waiting[self._alert_id]
        events.discard(self._event)
        if not events:
            del self._waiting[self._alert_id]

    async def next(self, timeout: float) -> bool:
        """Until the next announcement, at most `timeout` seconds; True when there was one."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups:
    """The wake-ups that the use cases share."""

    def __init__(self) -> None:
        self.executor = Bell()
        self.outbox = Bell(MESSAGES_SETTLE_SECONDS)
        self.approvals = Bell()
        self.questions = Bell()
        self.closings = Bell()
        self.books: defaultdict[str, Bell] = defaultdict(Bell)
        self.guards: defaultdict[str, Bell] = defaultdict(lambda: Bell(GUARDS_SETTLE_SECONDS))
        self.positions: defaultdict[str, Bell] = defaultdict(lambda: Bell(POSITIONS_SETTLE_SECONDS))
        self.changes = Changes()

    def told(self, *alert_ids: str) -> None:
        """Something about these alerts was committed, notices among it."""
        self.outbox.ring()
        for bell in (*self.guards.values(), *self.positions.values()):
            bell.ring()
        for alert_id in alert_ids:
            self.changes.announce(alert_id)

    def look_into_the_book(self, venue: str) -> None:
        """There is a reason to read this venue's order book soon."""
        self.books[venue].ring()
