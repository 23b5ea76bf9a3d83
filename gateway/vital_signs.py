"""The house's own figures for Prometheus: outcomes, latencies, queues, unknowns, sessions, lag, silences."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.domain.errors import StorageFailed
from storage import vital_signs
from storage.engine import Database
from storage.vital_signs import PLACED, Signs

log = structlog.get_logger()

#: The database is asked this often; what `/metrics` shows is at most so old, in seconds.
LOOK_SECONDS = 5.0
#: The loop's lag is measured this often, in seconds.
TICK_SECONDS = 0.5
_LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_WAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What does not stand in the database. Ages in seconds, None: never yet."""

    alive_sessions: Callable[[], dict[str, bool]]
    telegram_silence: Callable[[], float | None]
    last_backup: Callable[[], datetime | None]
    is_trail_broken: Callable[[], bool]


class VitalSigns:
    """A part that looks, and sets the figures; it changes nothing else."""

    def __init__(
        self, registry: CollectorRegistry, database: Database, outside: Outside, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._outside = outside
        self._clock = clock
        self._last: int | None = None
        self._histories(registry)
        self._states(registry)

    def _histories(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "manjha_events",
            "Rows of the audit trail, by event, since the start.",
            ["event"],
            registry=registry,
        )
        self._to_order = Histogram(
            "manjha_alert_to_order_seconds",
            "From an alert's arrival until the broker had its order; asked: with the owner's answer.",
            ["asked"],
            buckets=_WAY_BUCKETS,
            registry=registry,
        )
        self._to_fill = Histogram(
            "manjha_alert_to_fill_seconds",
            "From an alert's arrival until its order was filled.",
            ["asked"],
            buckets=_WAY_BUCKETS,
            registry=registry,
        )
        self._lag = Histogram(
            "manjha_loop_lag_seconds",
            "How late the event loop was, every half second.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )

    def _states(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge("manjha_queue_waiting", "What waits, by queue.", ["queue"], registry=registry)
        self._oldest = Gauge(
            "manjha_queue_oldest_seconds", "How long the oldest has waited.", ["queue"], registry=registry
        )
        self._unknown = Gauge("manjha_unknown_orders", "Orders nobody knows the fate of.", registry=registry)
        self._placing = Gauge(
            "manjha_placing_orders", "Orders on their way to the broker.", registry=registry
        )
        self._holdings = Gauge("manjha_holdings", "Holdings that are open.", registry=registry)
        self._stopped = Gauge("manjha_kill_switch", "1 while the kill switch is on.", registry=registry)
        self._alive = Gauge(
            "manjha_session_alive", "1 while the venue's login lives.", ["venue"], registry=registry
        )
        self._age = Gauge(
            "manjha_session_age_seconds", "Since the venue's login.", ["venue"], registry=registry
        )
        self._silence = Gauge(
            "manjha_telegram_silence_seconds",
            "Since Telegram last answered; NaN: never yet.",
            registry=registry,
        )
        self._backup = Gauge(
            "manjha_backup_age_seconds",
            "Since the last backup of this run; NaN: none yet.",
            registry=registry,
        )
        self._broken = Gauge(
            "manjha_audit_trail_broken", "1 when the audit trail does not fit.", registry=registry
        )

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        looked = -LOOK_SECONDS
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                await self.look()
            before = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self._lag.observe(max(0.0, time.monotonic() - before - TICK_SECONDS))

    async def look(self) -> None:
        """One look. A database that cannot be read leaves the last figures standing."""
        try:
            if self._last is None:
                self._last = await self._database.read(vital_signs.newest)
            after = self._last
            signs = await self._database.read(lambda connection: vital_signs.look(connection, after))
        except StorageFailed as error:
            log.warning("vital_signs_not_read", error=str(error))
            return
        self._last = signs.last
        self._count(signs)
        self._measure(signs, self._clock())

    def _count(self, signs: Signs) -> None:
        for event, count in signs.events.items():
            self._events.labels(event).inc(count)
        for lapse in signs.lapses:
            way = self._to_order if lapse.event == PLACED else self._to_fill
            way.labels("yes" if lapse.asked else "no").observe(lapse.seconds)

    def _measure(self, signs: Signs, now: datetime) -> None:
        for name, queue in signs.queues.items():
            self._waiting.labels(name).set(queue.waiting)
            self._oldest.labels(name).set((now - queue.oldest).total_seconds() if queue.oldest else 0)
        self._unknown.set(signs.unknown)
        self._placing.set(signs.placing)
        self._holdings.set(signs.holdings)
        self._stopped.set(signs.is_stopped)
        for venue, alive in self._outside.alive_sessions().items():
            self._alive.labels(venue).set(alive)
            login = signs.logins.get(venue)
            self._age.labels(venue).set((now - login).total_seconds() if login else float("nan"))
        silence, backup = self._outside.telegram_silence(), self._outside.last_backup()
        self._silence.set(float("nan") if silence is None else silence)
        self._backup.set((now - backup).total_seconds() if backup else float("nan"))
        self._broken.set(self._outside.is_trail_broken())
