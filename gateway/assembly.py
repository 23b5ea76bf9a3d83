"""The composition root: builds, starts and stops all parts in order; it knows all others, none knows it."""

import asyncio
import importlib.metadata
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bot.app import TelegramBot
from bot.confirmations import Confirmations
from bot.embedded import embedded_phone
from bot.notices import Sender
from bot.phone.server import PhoneServer
from bot.ports import Ports
from config.logs import add_secret
from config.market import calendar
from config.market import guards as guard_figures
from config.settings import Settings
from gateway.approval import Approvals
from gateway.breaker import Breaker
from gateway.chase import Chaser
from gateway.closing import EVERYTHING, Closing, Errand
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError
from gateway.domain.market import Calendar, utc_now
from gateway.domain.order import BrokerOrder, Venue
from gateway.execution import Executor, Placer
from gateway.guards import Guards, Surroundings
from gateway.ingress.app import Door, build_app, serve
from gateway.ingress.by_hand import arrival_of_words
from gateway.intake import Accepted, Intake, Lanes
from gateway.keeper import LoginReminder, VenueKeeper
from gateway.kill_switch import KillSwitch
from gateway.kite.client import KiteClient
from gateway.kite.desk import Desk
from gateway.kite.stream import Stream
from gateway.metrics import Metrics
from gateway.paper.server import PaperServer
from gateway.planning import Planner
from gateway.readiness import Readiness
from gateway.reconciliation import Ports as BookPorts
from gateway.reconciliation import Reconciler
from gateway.risk import rules_of
from gateway.schedule import Schedule, table_of_jobs
from gateway.square_off import SquareOff
from gateway.supervision import supervise
from gateway.unknown import UnknownOrders
from gateway.venue_line import PAPER_CREDENTIAL, Foundation, connect, plain_url
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from gateway.watchfulness import Watchfulness
from gateway.world import WorldReader
from storage import alerts
from storage.alerts import Arrival
from storage.engine import Database, database_url
from storage.migrations import migrate
from storage.notices import Outbox

log = structlog.get_logger()

TELEGRAM_API = "https://api.telegram.org"
#: Whose phone the embedded page is when no owner is configured.
PHONE_OWNER = 1


class Gateway:
    """Everything, wired. `start` returns when alerts are taken; `stop` when nothing is left running."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = utc_now
        self.version = importlib.metadata.version("manjha")
        self.wakeups = Wakeups()
        self.owner_ids = frozenset(settings.telegram.owner_ids or (PHONE_OWNER,))
        chat_id = settings.telegram.chat_id
        self.outbox = Outbox(chat_ids=(chat_id,) if chat_id is not None else tuple(sorted(self.owner_ids)))
        self.database = Database(database_url(settings.database_url, settings.data_dir))
        self.calendar = Calendar(data=calendar(), always=settings.market.hours == "always")
        self.paper: PaperServer | None = None
        self.phone: PhoneServer | None = None
        self.address = ""
        self.streams: dict[str, Stream] = {}
        self._clients: list[KiteClient] = []
        self._placers: dict[str, Placer] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[bool]] = set()
        self._parts: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    async def start(self) -> None:
        """Builds and starts in the order in which each needs the other."""
        await asyncio.to_thread(migrate, self.database)
        checkpoint("start.migrated")
        started_at = self.clock()
        if Venue.PAPER in self.settings.venues():
            await self._start_paper()
        self.access = {str(venue): self._venue(Venue(venue)) for venue in sorted(self.settings.venues())}
        self._use_cases()
        for access in self.access.values():
            await access.session.restore()
            await access.instruments.restore()
        self._bot(started_at, await self._telegram_api())
        checkpoint("start.restored")
        await self._approvals.ask_again()
        await self._take_up_unplanned()
        checkpoint("start.taken_up")
        await self._open_door()
        checkpoint("start.door_open")
        for name, run in self._parts:
            self._tasks.append(asyncio.create_task(supervise(name, run, self.tell), name=name))
        self._scheduler = self._schedule.start()
        await self._schedule.look()
        log.info("serving", address=self.address, venues=list(self.access))

    async def _start_paper(self) -> None:
        self.paper = PaperServer(
            data_dir=self.settings.data_dir / "paper", always_open=self.settings.market.hours == "always"
        )
        await self.paper.start()

    def _venue(self, venue: Venue) -> VenueAccess:
        """One venue, its stream and its keeper."""
        paper = self.paper if venue is Venue.PAPER else None
        line = connect(
            venue,
            self.settings,
            paper,
            Foundation(self.database, self.outbox, self.calendar, self.clock),
            lambda token: self.streams[venue].subscribe([token]),
        )
        self._clients.append(line.client)
        self._placers[venue] = Placer(desk=Desk(line.client), session=line.access.session)
        if line.has_data:
            self._stream(line.access, line.client, line.ticker_url)
        self._keeper(line.access, paper)
        return line.access

    def _stream(self, access: VenueAccess, client: KiteClient, ticker_url: str | None) -> None:
        async def on_order(order: BrokerOrder) -> None:
            await self.reconcilers[access.venue].on_order(order)

        def on_gap() -> None:
            self.wakeups.look_into_the_book(access.venue)
            self._guards[access.venue].recheck()

        stream = Stream(
            ticker_url,
            client.credentials,
            on_order=on_order,
            on_prices=access.prices.note,
            on_gap=on_gap,
        )
        self.streams[access.venue] = stream
        self._parts.append((f"stream ({access.venue})", stream.run))

    def _keeper(self, access: VenueAccess, paper: PaperServer | None) -> None:
        keeper = VenueKeeper(
            access,
            self.clock,
            instruments_at=self.settings.schedule.instruments,
            request_token=paper.issue_request_token if paper else None,
            tell=self.tell,
        )
        access.session.on_login.append(keeper.retry_now)
        self._parts.append((f"keeper ({access.venue})", keeper.run))

    def _use_cases(self) -> None:
        sessions = {venue: access.session for venue, access in self.access.items()}
        world = WorldReader(self.calendar, sessions, self.clock, self.settings.schedule.square_off)
        rules = rules_of(self.settings)
        shared = (self.settings, self.database, self.outbox)
        self._breaker = Breaker(outbox=self.outbox)
        self._executor = Executor(
            *shared, self._placers, world, rules, self.wakeups, self.clock, self._breaker
        )
        planner = Planner(
            *shared, self.access, world, rules, self.wakeups, self.clock, self._executor.cancel_entries
        )
        chaser = Chaser(*shared, self.access, self._executor, self.wakeups, self.clock)
        watchfulness = Watchfulness(*shared, self.calendar, self.wakeups, self.clock)

        async def work(alert: Accepted) -> None:
            await watchfulness.look_at(alert)
            await planner.plan(alert)

        self._lanes = Lanes(work)
        self._intake = Intake(self.database, self.outbox, self._lanes, self.wakeups.outbox.ring)
        self._approvals = Approvals(self.database, self.outbox, self.wakeups, self.clock)
        closing = Closing(self.database, self.outbox, self._executor, self._intake, self.wakeups, self.clock)
        self._closing = closing
        self._square_off = SquareOff(*shared, closing, self.calendar, self.wakeups, self.clock)

        async def flatten(by: str) -> None:
            await closing.close(Errand(title="🛑 Flatten", by=by, selection=EVERYTHING, entries=EVERYTHING))

        self._kill_switch = KillSwitch(
            self.database, self.outbox, self.wakeups, self.clock, self._executor.cancel, flatten
        )
        jobs = table_of_jobs(self.settings.schedule, self._square_off, LoginReminder(self.access, self.tell))
        self._schedule = Schedule(jobs, self.database, self.calendar, self.clock, self.tell)
        self._guards = {venue: self._guards_of(venue) for venue in self.access}
        self._executor.clear_the_way = lambda row: self._guards[row.venue].clear_the_way(row)
        self.reconcilers = {venue: self._reconciler(access) for venue, access in self.access.items()}
        self._parts += [
            ("execution", self._executor.run),
            ("approvals", self._approvals.run),
            ("kill switch", self._kill_switch.run),
            ("chase", chaser.run),
            ("watchfulness", watchfulness.run),
        ]

    def _guards_of(self, venue: str) -> Guards:
        around = Surroundings(
            access=self.access[venue],
            desk=self._placers[venue].desk,
            settings=self.settings,
            database=self.database,
            outbox=self.outbox,
            wakeups=self.wakeups,
            executor=self._executor,
            calendar=self.calendar,
            figures=guard_figures(),
            clock=self.clock,
        )
        found = Guards(around)
        around.access.session.on_login.append(found.recheck)
        self._parts.append((f"guards ({venue})", found.run))
        return found

    def _reconciler(self, access: VenueAccess) -> Reconciler:
        venue = str(access.venue)
        ports = BookPorts(
            in_flight=self._executor.in_flight,
            streaming=lambda: venue in self.streams and self.streams[venue].connected,
            opened=lambda: self._executor.open(venue),
            adopt=self._guards[venue].adopt,
        )
        reconciler = Reconciler(
            access, self.database, self.outbox, self.wakeups, self.clock, ports, self._breaker
        )

        def after_login() -> None:
            self._executor.shut(venue)
            self.wakeups.look_into_the_book(venue)

        access.session.on_login.append(after_login)
        self._parts.append((f"reconciliation ({venue})", reconciler.run))
        return reconciler

    async def _telegram_api(self) -> tuple[str, str]:
        """Token and Bot API root: Telegram's, or the embedded phone's."""
        token = self.settings.telegram.bot_token.get_secret_value()
        if token:
            return token, plain_url(self.settings.telegram.api_url) or TELEGRAM_API
        paper = self.paper
        token, self.phone = embedded_phone(
            self.settings,
            min(self.owner_ids),
            lambda: self.address,
            spot=paper.spot if paper else None,
            market_view=paper.view if paper else None,
        )
        add_secret(token)
        await self.phone.start()
        return token, self.phone.api_url

    def _bot(self, started_at: datetime, telegram: tuple[str, str]) -> None:
        token, api_url = telegram
        ports = Ports(
            settings=self.settings,
            database=self.database,
            approvals=self._approvals,
            kill_switch=self._kill_switch,
            unknown=UnknownOrders(self.database, self.outbox, self.reconcilers, self._intake, self.clock),
            square_off=self._square_off,
            confirmations=Confirmations(),
            submit_words=self._submit_words,
            close=self._close,
            venues=self.access,
            clock=self.clock,
            started_at=started_at,
            version=self.version,
        )
        outbox = self.wakeups.outbox
        self._sender = Sender(token, api_url, self.database, outbox, self.clock, self._square_off)
        self._telegram = TelegramBot(token, api_url, self.owner_ids, ports, self._sender.retry_now)
        self._parts += [("telegram", self._telegram.run), ("outbox", self._sender.run)]

    async def _submit_words(self, words: str, by: str) -> str:
        """An order in words, from the phone: an alert like any other."""
        arrival = arrival_of_words(words, self.settings, self.clock(), f"telegram: {by}")
        await self.accept(arrival)
        return arrival.alert_id

    def _close(self, meant: frozenset[int], by: str) -> None:
        errand = Errand(title="🏁 Square-off", by=by, selection=lambda row: row.seq in meant)
        task = asyncio.create_task(self._closing.close(errand), name="close")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _take_up_unplanned(self) -> None:
        """Alerts that were acknowledged before the last stop and not planned, in their order."""
        for row in await self.database.read(alerts.unplanned):
            self._lanes.put(
                Accepted(
                    alert_id=row.id,
                    strategy=row.strategy,
                    signal=alerts.signal_of(row),
                    received_at=row.received_at,
                )
            )

    def _telegram_trouble(self) -> str | None:
        return self._sender.trouble or self._telegram.trouble

    async def _open_door(self) -> None:
        readiness = Readiness(self.database, self.access, self.reconcilers, self._telegram_trouble)
        door = Door(
            settings=self.settings,
            database=self.database,
            intake=self._intake,
            changes=self.wakeups.changes,
            sessions={venue: access.session for venue, access in self.access.items()},
            api_secrets=self._api_secrets(),
            readiness=readiness.parts,
            on_postback=self._on_postback,
            clock=self.clock,
            tell=self.tell,
            metrics=Metrics(),
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
        await self.reconcilers[venue].on_order(order)

    async def accept(self, arrival: Arrival) -> None:
        """Takes an alert that did not come through the door."""
        await self._intake.accept([arrival])

    async def until_ready(self, seconds: float) -> None:
        """Waits until every venue has a session, instruments and a read book. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            # Three parts become ready by themselves: one event for all of them would serve this wait alone.
            while not all(self._can_trade(venue) for venue in self.access):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _can_trade(self, venue: str) -> bool:
        access = self.access[venue]
        return access.session.alive and bool(access.instruments.count) and self._executor.is_open(venue)

    async def tell(self, text: str) -> None:
        """A notice of the gateway's own."""
        now = self.clock()

        def add(connection: Connection) -> None:
            self.outbox.tell(connection, text, at=now)

        await self.database.write(add)
        self.wakeups.outbox.ring()

    async def stop(self) -> None:
        """No new alert, no new plan, no new order; the calls in flight are heard out."""
        await self._runner.cleanup()
        self._scheduler.shutdown(wait=False)
        await self._schedule.stop()
        await self._lanes.stop()
        for task in self._tasks:
            if task.get_name() == "execution":
                task.cancel()
        await self._executor.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            await client.close(grace=0.5)
        if self.phone:
            await self.phone.stop()
        if self.paper:
            await self.paper.stop()
        await self.database.close()
        log.info("stopped")
