"""What is told although nobody asked: positions that differ, strategies that fell silent."""

import asyncio
import html
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from config.notices import NoticeEvent
from config.settings import Settings
from gateway.domain.errors import StorageFailed
from gateway.domain.market import Calendar, ist
from gateway.lanes import Accepted
from gateway.position_watch import PositionWatch, Seen
from gateway.wakeups import Wakeups
from storage.engine import Database
from storage.notices import Outbox, Priority
from storage.tables import alerts

log = structlog.get_logger()

LOOK_SECONDS = 30.0


class Watchfulness:
    """Looks at each alert as it is planned, and at the silence between them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        calendar: Calendar,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._calendar = calendar
        self._wakeups = wakeups
        self._clock = clock
        self._positions = PositionWatch(settings, database, outbox, clock, wakeups.outbox.ring)
        self._silent: set[str] = set()
        self._started_at = clock()

    async def look_at(self, alert: Accepted) -> Seen | None:
        """Before the alert is planned: what its own view of the world tells. Never raises."""
        self._silent.discard(alert.strategy)
        try:
            return await self._positions.before(alert)
        except Exception:  # a border: what is only watched must not cost the alert its plan
            log.exception("watchfulness_failed", alert_id=alert.alert_id)
            return None

    async def look_after(self, alert: Accepted, seen: Seen | None) -> None:
        """Once it is planned: whether that leaves us where TradingView is. Never raises."""
        if seen is None:
            return
        try:
            await self._positions.after(alert, seen)
        except Exception:  # a border: nor may it cost the strategy its next alert
            log.exception("watchfulness_failed", alert_id=alert.alert_id)

    async def run(self) -> None:
        """Looks for silence while the market is open, for as long as it is not cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look_for_silence()
            except StorageFailed as error:
                log.error("silence_not_checked", error=str(error))

    async def look_for_silence(self) -> None:
        """Tells once of each strategy that has been silent for longer than it promised."""
        now = self._clock()
        if not self._calendar.is_open(now):
            return
        expected = {
            name: timedelta(minutes=own.expected_every_minutes)
            for name, own in self._settings.strategies.items()
            if own.expected_every_minutes
        }
        for name, span in expected.items():
            since = max(await self._last_heard(name), self._session_began(now))
            if now - since > span and name not in self._silent:
                self._silent.add(name)
                minutes = int((now - since).total_seconds() // 60)
                await self._tell(name, _silence(name, minutes, int(span.total_seconds() // 60)))

    async def _last_heard(self, name: str) -> datetime:
        found: datetime | None = await self._database.read(
            lambda connection: connection.scalar(
                select(func.max(alerts.c.received_at)).where(alerts.c.strategy == name)
            )
        )
        return max(found, self._started_at) if found else self._started_at

    def _session_began(self, now: datetime) -> datetime:
        """Silence overnight is none: the time counts from the opening."""
        local = ist(now)
        hours = None if self._calendar.always else self._calendar.hours(local.date())
        if hours is None:
            return self._started_at
        return datetime.combine(local.date(), hours.open, local.tzinfo)

    async def _tell(self, strategy: str, text: str) -> None:
        now = self._clock()
        await self._database.write(
            lambda connection: self._outbox.tell(
                connection,
                text,
                at=now,
                loud=False,
                priority=Priority.CHATTER,
                event=NoticeEvent.WATCH,
                strategy=strategy,
            )
        )
        self._wakeups.outbox.ring()


def _silence(name: str, minutes: int, promised: int) -> str:
    return (
        f"🔇 <b>Silent for {minutes} minutes</b> · {html.escape(name)}\n"
        f"It is expected every {promised}. Is its alert still active in TradingView?"
    )
