"""The gateway as a whole: started and stopped in the order in which each part needs the other."""

import asyncio
import html
import importlib.metadata
from collections.abc import Awaitable, Callable

import structlog

from config.settings import Settings, why_nobody_is_let_in
from gateway import kill_switch
from gateway.assembly.ground import ground_of
from gateway.assembly.lines import Lines, Listeners
from gateway.assembly.telephone import About, Telephone
from gateway.assembly.trading import Trading
from gateway.assembly.upkeep import Upkeep
from gateway.daily import Daily
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, StorageFailed
from gateway.domain.order import BrokerOrder, Venue
from gateway.ingress.app import Door, build_app, serve
from gateway.ingress.by_hand import arrival_of_words
from gateway.paper.server import PaperServer
from gateway.readiness import Readiness
from gateway.schedule import Schedule, table_of_jobs
from gateway.supervision import supervise
from gateway.trading_days import CalendarKeeper
from gateway.venue_line import PAPER_CREDENTIAL
from gateway.watchdog import Watchdog
from storage.alerts import Arrival
from storage.migrations import migrate

log = structlog.get_logger()


class Gateway:
    """Everything, wired. `start` returns when alerts are taken; `stop` when nothing is left running."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ground = ground_of(settings)
        self.database = self.ground.database
        self.wakeups = self.ground.wakeups
        self.clock = self.ground.clock
        self.tell = self.ground.tell
        self.version = importlib.metadata.version("manjha")
        self.upkeep = Upkeep(self.ground)
        self._calendar = CalendarKeeper(self.ground.calendar, self.database, self.clock, self.tell)
        self.ground.parts.append(("calendar", self._calendar.run))
        self.paper: PaperServer | None = None
        self.address = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._migrated = asyncio.Event()

    async def start(self) -> None:
        """Builds and starts in the order in which each needs the other."""
        await asyncio.to_thread(migrate, self.database, self.settings.backup_dir)
        self._migrated.set()
        checkpoint("start.migrated")
        await self._calendar.look()
        started_at = self.clock()
        if Venue.PAPER in self.settings.venues():
            await self._start_paper()
        self._lines = Lines(self.ground, self.paper, Listeners(on_order=self._on_order, on_gap=self._on_gap))
        self.access = self._lines.access
        self.trading = Trading(self.ground, self._lines)
        await self._lines.restore()
        about = About(started_at=started_at, version=self.version, address=lambda: self.address)
        self.telephone = Telephone(self.ground, about)
        await self.telephone.connect(self.trading, self._lines, self.paper, self._submit_words)
        self.upkeep.watch(self.access, self.telephone.silence)
        checkpoint("start.restored")
        await self.trading.approvals.ask_again()
        await self.trading.take_up_unplanned()
        checkpoint("start.taken_up")
        await self._open_door()
        checkpoint("start.door_open")
        for name, run in self.ground.parts:
            self._supervise(name, run)
        self._tasks.append(asyncio.create_task(self.upkeep.trail.verify_new(), name="audit trail"))
        await self._start_schedule()
        await self._warn()
        log.info("serving", address=self.address, venues=list(self.access))

    async def _warn(self) -> None:
        """Of what keeps every alert out: none of them could tell."""
        if sentence := why_nobody_is_let_in(self.settings):
            log.warning("nobody_let_in", detail=f"server.allowed_ips {sentence}")
            text = html.escape(f"server.allowed_ips {sentence}.", quote=False)
            await self.tell(f"⚠️ <b>Every alert is turned away</b>\n{text}")

    async def _start_paper(self) -> None:
        self.paper = PaperServer(
            data_dir=self.settings.data_dir / "paper",
            always_open=self.settings.market.hours == "always",
            in_session=self.ground.calendar.is_open,
        )
        await self.paper.start()

    async def _start_schedule(self) -> None:
        own = (self.trading.square_off, self._lines.reminder, self._calendar)
        jobs = table_of_jobs(self.settings.schedule, *own, self.upkeep.nightly(), self._daily())
        self._schedule = Schedule(jobs, self.database, self.ground.calendar, self.clock, self.tell)
        self._scheduler = self._schedule.start()
        await self._schedule.look()
        watchdog = Watchdog(
            self._schedule, self.database, self.ground.calendar, self.clock, self.tell, self._on_wake
        )
        self._supervise("watchdog", watchdog.run)

    def _daily(self) -> Daily:
        """Who tells how the day begins, goes and went."""
        return Daily(
            self.settings,
            self.database,
            self.ground.outbox,
            self.access,
            self.ground.calendar,
            self.trading.square_off,
            self.trading.profits,
            self.clock,
            keep_picture=self.telephone.album.keep,
            ring=self.wakeups.outbox.ring,
        )

    def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(supervise(name, run, self.tell), name=name))

    def _on_wake(self) -> None:
        """Nothing was heard for a while: the books are read before anybody trusts what is known."""
        self.wakeups.outbox.ring()
        self.wakeups.approvals.ring()
        for venue in self.access:
            self._on_gap(venue)

    async def _on_order(self, venue: str, order: BrokerOrder) -> None:
        await self.trading.reconcilers[venue].on_order(order)

    def _on_gap(self, venue: str) -> None:
        self.wakeups.look_into_the_book(venue)
        self.trading.guards[venue].recheck()

    async def _submit_words(self, words: str, by: str) -> str:
        """An order in words, from the phone: an alert like any other."""
        arrival = arrival_of_words(words, self.settings, self.clock(), f"telegram: {by}")
        await self.accept(arrival)
        return arrival.alert_id

    async def _open_door(self) -> None:
        readiness = Readiness(self.database, self.access, self.trading.reconcilers, self.telephone.trouble)
        door = Door(
            settings=self.settings,
            database=self.database,
            intake=self.trading.intake,
            changes=self.wakeups.changes,
            sessions={venue: access.session for venue, access in self.access.items()},
            api_secrets=self._api_secrets(),
            readiness=readiness.parts,
            on_postback=self._on_postback,
            clock=self.clock,
            tell=self.tell,
            metrics=self.upkeep.metrics,
            telegram=self.telephone.webhook,
        )
        server = self.settings.server
        self._runner, port = await serve(build_app(door), server.host, server.port)
        host = "127.0.0.1" if server.host in {"0.0.0.0", "localhost", "::"} else server.host  # noqa: S104
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _api_secrets(self) -> dict[str, str]:
        """What the postbacks of each venue are signed with."""
        live = self.settings.kite.api_secret.get_secret_value()
        return {venue: PAPER_CREDENTIAL if venue == Venue.PAPER else live for venue in self.access}

    async def _on_postback(self, venue: str, order_id: str) -> None:
        """A postback proves nothing but that this order is worth a look (facts/kite.md 4.1)."""
        try:
            order = await self.access[venue].book.order(order_id)
        except BrokerError as error:
            log.warning("postback_order_not_read", error=error.sentence)
            return
        await self._on_order(venue, order)

    async def throw_kill_switch(self, by: str) -> None:
        """From outside (a signal), also while the gateway starts: tried until the flag is on disk. What must
        happen at the broker is seen from there."""
        await self._migrated.wait()
        outbox, clock = self.ground.outbox, self.clock
        while True:
            try:
                await self.database.write(
                    lambda connection: kill_switch.throw(connection, outbox, by, clock())
                )
            except StorageFailed as error:
                log.error("kill_switch_waits_for_the_database", error=str(error))
                await asyncio.sleep(1)
                continue
            log.warning("kill_switch_thrown", by=by)
            self.wakeups.told()
            return

    async def accept(self, arrival: Arrival) -> None:
        """Takes an alert that did not come through the door."""
        await self.trading.intake.accept([arrival])

    async def until_ready(self, seconds: float) -> None:
        """Waits until every venue has a session, instruments and a read book. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            # Three parts become ready by themselves: one event for all of them would serve this wait alone.
            while not self.can_trade():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def can_trade(self) -> bool:
        """Whether every venue has a session, instruments, and its book was read."""
        return all(
            access.session.alive and bool(access.instruments.count) and self.trading.executor.is_open(venue)
            for venue, access in self.access.items()
        )

    async def stop(self) -> None:
        """No new alert, no new plan, no new order; the calls in flight are heard out."""
        await self._runner.cleanup()
        self._scheduler.shutdown(wait=False)
        await self._schedule.stop()
        await self.trading.lanes.stop()
        for task in self._tasks:
            if task.get_name() == "execution":
                task.cancel()
        await self.trading.executor.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lines.close()
        await self.telephone.stop()
        if self.paper:
            await self.paper.stop()
        await self.database.close()
        log.info("stopped")
