"""The use cases wired as in the gateway: a real database file, a real paper exchange, no door, no bot."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from config.market import calendar, underlyings
from config.settings import Settings
from gateway.approval import Approvals
from gateway.breaker import Breaker
from gateway.chase import Chaser
from gateway.closing import Closing
from gateway.closing_exits import ClosingExits
from gateway.countdown import Countdown
from gateway.domain.contract import OptionType
from gateway.domain.market import IST, Calendar
from gateway.domain.order import AlertId, BrokerOrder, Venue
from gateway.domain.signal import Action, Signal, StrikeKind, StrikeRule
from gateway.execution import Executor, Placer
from gateway.instruments import Instruments
from gateway.intake import Intake
from gateway.kill_switch import KillSwitch
from gateway.kite.book import Book
from gateway.kite.client import KiteClient
from gateway.kite.desk import Desk
from gateway.lanes import Accepted, Lanes
from gateway.limits import Limits as UsedLimits
from gateway.paper.faults import Fault, FaultKind
from gateway.paper.limits import Limits
from gateway.paper.server import CASH, PaperServer
from gateway.planning import Planner
from gateway.prices import Prices
from gateway.proof import Proof
from gateway.pursuit import Tools
from gateway.questions import Questions
from gateway.readings import Reader
from gateway.reconciliation import Ports, Reconciler
from gateway.risk import rules_of
from gateway.session import Session
from gateway.square_off import SquareOff
from gateway.unknown import UnknownOrders
from gateway.valuation import Valuation
from gateway.venues import VenueAccess
from gateway.views import AlertView, alert_view
from gateway.wakeups import Wakeups
from gateway.whole_account import WholeAccount
from gateway.world import WorldReader
from storage import alerts, intents, tables
from storage.alerts import Arrival, Stored
from storage.engine import Database
from storage.migrations import migrate
from storage.notices import Outbox

WEDNESDAY = datetime(2026, 11, 25, 10, 0, tzinfo=IST)
OWNER = 4711
LOT = 65
#: How long something is waited for, in seconds; a busy machine is no reason to fail.
PATIENCE = 20.0
GENEROUS = Limits(
    orders_per_second=10_000, orders_per_minute=10_000, quotes_per_second=10_000, others_per_second=10_000
)
RISK: dict[str, Any] = {
    "max_lots_per_order": 100,
    "max_premium_per_order": 50_000_000,
    "max_open_positions": 100,
    "max_orders_per_day": 1_000,
    "max_daily_loss": 10_000_000,
    "allowed_symbols": ["NIFTY", "BANKNIFTY", "SENSEX"],
}
#: The underlyings these tests list; fewer make each world quicker.
LISTED = {name: underlyings()[name] for name in ("NIFTY", "BANKNIFTY")}

_ids = count(1)


class Clock:
    """Time that moves only when told; aware, UTC."""

    def __init__(self, now: datetime = WEDNESDAY) -> None:
        self.now = now.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def settings_of(**changes: Any) -> Settings:
    """Approval off, generous limits, every hour trades, unless said otherwise (sections are merged)."""
    base: dict[str, Any] = {
        "market": {"hours": "always"},
        "defaults": {"approval": "auto"},
        "risk": RISK,
    }
    for section, values in changes.items():
        known = base.get(section)
        base[section] = {**known, **values} if isinstance(known, dict) else values
    return Settings.model_validate(base)


def strike(level: int | str) -> StrikeRule:
    return StrikeRule(kind=StrikeKind.PRICE, value=Decimal(level))


def buy(strategy: str = "S", **changes: Any) -> Signal:
    """One lot of the NIFTY 24000 call."""
    fields = {
        "action": Action.BUY,
        "strategy": strategy,
        "symbol": "NIFTY",
        "option_type": OptionType.CE,
        "strike": strike(24000),
        "lots": 1,
    }
    return Signal(**{**fields, **changes})


def sell(strategy: str = "S", **changes: Any) -> Signal:
    """Closes all that the strategy holds of NIFTY calls."""
    fields = {
        "action": Action.SELL,
        "strategy": strategy,
        "symbol": "NIFTY",
        "option_type": OptionType.CE,
    }
    return Signal(**{**fields, **changes})


def arrival(signal: Signal | None, *, at: datetime, body: bytes | None = None, **changes: Any) -> Arrival:
    """An arrival as the door makes it; each body its own unless one is given."""
    number = next(_ids)
    sent = body if body is not None else f"sent {number}".encode()
    fields = {
        "alert_id": AlertId(f"a{number:06d}"),
        "received_at": at,
        "source": "test",
        "body": sent,
        "body_hash": hashlib.sha256(sent).hexdigest(),
        "strategy": signal.strategy if signal else "S",
        "dedupe_key": None,
        "signal": signal,
    }
    return Arrival(**{**fields, **changes})


@dataclass
class Template:
    """A migrated, empty database to copy: the real migration, once a test run."""

    path: Path

    def copy(self, folder: Path) -> Path:
        target = folder / "manjha.db"
        if not target.exists():
            shutil.copyfile(self.path, target)
        return target


def make_template(folder: Path) -> Template:
    path = folder / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    asyncio.run(database.close())
    return Template(path)


@dataclass
class World:
    """One life of the gateway's use cases. `restart` ends it and begins the next on the same disk."""

    path: Path
    paper: PaperServer
    clock: Clock
    settings: Settings
    #: Seconds of silence that the client takes for no answer.
    timeout: float = 2.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self) -> None:
        self.database = Database(f"sqlite:///{self.path}")
        self.outbox = Outbox(chat_ids=(OWNER,), level=self.settings.notice_level)
        self.wakeups = Wakeups()
        self.calendar = Calendar(data=calendar(), always=self.settings.market.hours == "always")
        self.client = KiteClient(
            api_key="paper", api_secret="paper", api_url=self.paper.url, timeout=(1.0, self.timeout)
        )
        self.book = Book(self.client)
        self.desk = Desk(self.client)
        self.session = Session(
            Venue.PAPER,
            self.client,
            self.database,
            self.outbox,
            self.clock,
            user_id="",
            key_material="paper",
            add_secret=lambda _: None,
        )
        self.instruments = Instruments("paper", self.book, self.database, self.calendar, LISTED)
        self.prices = Prices(self.book, market_data=self.settings.kite.market_data)
        self.access = VenueAccess(
            venue=Venue.PAPER,
            book=self.book,
            session=self.session,
            instruments=self.instruments,
            prices=self.prices,
        )
        self._wire()
        await self.session.restore()
        await self.instruments.restore()
        if not self.session.alive:
            await self.log_in()
        if not self.instruments.count:
            await self.instruments.refresh(self.clock())
        await self.take_up()

    async def take_up(self) -> None:
        """What was acknowledged in an earlier life and not planned."""
        for row in await self.database.read(alerts.unplanned):
            self.lanes.put(
                Accepted(
                    alert_id=row.id,
                    strategy=row.strategy,
                    signal=alerts.signal_of(row),
                    received_at=row.received_at,
                )
            )

    def _wire(self) -> None:
        shared = (self.settings, self.database, self.outbox)
        rules = rules_of(self.settings)
        venues = {"paper": self.access}
        self.valuation = Valuation(self.database, venues)
        sessions = {"paper": self.session}
        at = self.settings.schedule.square_off
        world = WorldReader(self.calendar, sessions, self.clock, at, self.valuation)
        self.world_reader = world
        self.limits = UsedLimits(self.settings, world, rules)
        reader = Reader(self.settings, venues)
        placers = {"paper": Placer(desk=self.desk, session=self.session)}
        self.breaker = Breaker(outbox=self.outbox)
        self.executor = Executor(
            *shared, placers, world, rules, self.wakeups, self.clock, self.breaker, reader
        )
        cancel_entries = self.executor.cancel_entries
        self.planner = Planner(
            *shared, venues, world, rules, self.wakeups, self.clock, cancel_entries, reader
        )
        self.chaser = Chaser(*shared, venues, self.executor, self.wakeups, self.clock)
        self.lanes = Lanes(self.planner.plan)
        self.intake = Intake(self.database, self.outbox, self.lanes, self.wakeups.outbox.ring)
        told = (self.database, self.outbox)
        self.approvals = Approvals(*told, self.wakeups, self.clock)
        asking = (*shared, venues, world)
        self.questions = Questions(*asking, rules, self.wakeups, self.clock, self.approvals, reader)
        self.countdown = Countdown(*shared[1:], venues, self.limits, self.wakeups, self.clock)
        self.account = WholeAccount(*shared, venues, self.executor, self.wakeups, self.clock)
        self.closing = Closing(self._tools(venues))
        self.square_off = SquareOff(*shared, self.closing, self.calendar, self.wakeups, self.clock)
        self.kill_switch = KillSwitch(*told, self.wakeups, self.clock, self.executor.cancel)
        ports = Ports(
            in_flight=self.executor.in_flight,
            streaming=lambda: False,
            opened=lambda: self.executor.open("paper"),
        )
        self.reconciler = Reconciler(self.access, *told, self.wakeups, self.clock, ports, self.breaker)
        self.session.on_login.append(lambda: self.executor.shut("paper"))
        self.unknown = UnknownOrders(*told, {"paper": self.reconciler}, self.intake, self.clock)

    def _tools(self, venues: dict[str, VenueAccess]) -> Tools:
        return Tools(
            database=self.database,
            outbox=self.outbox,
            executor=self.executor,
            wakeups=self.wakeups,
            clock=self.clock,
            proof=Proof(venues, self.database, self.clock),
            sell=ClosingExits(self.database, self.planner.plan, self.clock).sell,
            blocked=self.blocked,
            account=self.account.look,
        )

    def blocked(self, venue: str) -> str | None:
        """Why no exit can be sent at present."""
        return None if self.session.alive else "nobody is logged in to Kite (/login)"

    async def log_in(self) -> None:
        await self.session.login(self.paper.issue_request_token())

    async def run(self, *parts: Callable[[], Awaitable[None]]) -> None:
        """Starts loops in the background until this life ends."""
        self.tasks += [asyncio.ensure_future(part()) for part in parts]
        await asyncio.sleep(0)

    async def execute(self) -> None:
        """From here on approved intents go out."""
        await self.reconciler.read()
        await self.run(self.executor.run)

    async def end(self) -> None:
        """The process dies: nothing is finished, connections break."""
        await self.lanes.stop()
        await self.closing.stop()
        placing = list(self.executor._in_flight.values())
        for task in [*self.tasks, *placing]:
            task.cancel()
        await asyncio.gather(*self.tasks, *placing, return_exceptions=True)
        self.tasks.clear()
        await self.client.close(grace=0)
        await self.database.close()

    async def restart(self) -> None:
        """The next life, on the same disk and the same exchange; nothing runs yet."""
        await self.end()
        await self.begin()

    # what the outside does

    async def accept(self, *arrivals: Arrival) -> list[Stored]:
        return await self.intake.accept(list(arrivals))

    async def send(self, signal: Signal, **changes: Any) -> str:
        """An alert arrives; its id once it is acknowledged."""
        made = arrival(signal, at=self.clock(), **changes)
        await self.accept(made)
        return made.alert_id

    async def press(self, alert_id: str, *, approve: bool = True, by: str = "Asha") -> Any:
        row = await self.approval(alert_id)
        return await self.approvals.decide(row.id, approve=approve, by=by)

    def fault(self, kind: FaultKind, **fields: Any) -> None:
        self.paper.faults.add(Fault(kind=kind, **fields))

    # what can be seen

    async def view(self, alert_id: str) -> AlertView:
        found = await self.database.read(lambda connection: alert_view(connection, alert_id))
        assert found is not None
        return found

    async def status(self, alert_id: str) -> str:
        return str((await self.view(alert_id)).status)

    async def reaches(self, alert_id: str, *statuses: str, look: bool = True) -> AlertView:
        """The alert once it has one of these statuses; with `look` the book is read on the way."""
        found: list[AlertView] = []

        async def there() -> bool:
            found[:] = [await self.view(alert_id)]
            if found[0].status in statuses:
                return True
            if look and self.session.alive:
                await self.reconciler.read()
            return False

        await self.until(there, lambda: f"{alert_id} is {found[0].status}, not {statuses}")
        return found[0]

    async def filled(self, signal: Signal, **changes: Any) -> AlertView:
        """Sends an alert and waits for its fill."""
        return await self.reaches(await self.send(signal, **changes), "filled")

    async def until(
        self, condition: Callable[[], Awaitable[object]], what: Callable[[], str] = lambda: "never"
    ) -> None:
        """Waits for something that announces itself by nothing."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await condition():
            assert asyncio.get_running_loop().time() < end, what()
            await asyncio.sleep(0.002)

    async def approval(self, alert_id: str) -> Row[Any]:
        row = await self.database.read(lambda connection: intents.approval_of(connection, alert_id))
        assert row is not None
        return row

    async def rows(self, table: Table) -> list[Row[Any]]:
        statement = select(table)
        if "seq" in table.c:
            statement = statement.order_by(table.c.seq)
        return await self.database.read(lambda connection: list(connection.execute(statement)))

    async def intents(self, alert_id: str) -> list[Row[Any]]:
        return await self.database.read(lambda connection: intents.of_alert(connection, alert_id))

    async def intent(self, alert_id: str) -> Row[Any]:
        """The alert's one intent, once it is planned."""
        await self.until(lambda: self.intents(alert_id), lambda: f"{alert_id} is not planned")
        (row,) = await self.intents(alert_id)
        return row

    async def told(self) -> list[str]:
        """The texts owed to the owner, oldest first."""
        return [row.text for row in await self.rows(tables.notices) if row.text is not None]

    async def was_told(self, *words: str) -> bool:
        return any(all(word in text for word in words) for text in await self.told())

    async def shown(self, alert_id: str) -> int:
        """How often the alert's card was to be drawn."""
        subject = f"alert:{alert_id}"
        return sum(row.card and row.subject == subject for row in await self.rows(tables.notices))

    async def held(self, strategy: str = "S") -> int:
        """Units the strategy holds, by our own book."""
        rows = await self.rows(tables.holdings)
        return sum(row.quantity for row in rows if row.strategy == strategy)

    def accepted(self) -> list[str]:
        """The tags of the orders that the exchange took, by its own book."""
        return [order["tag"] for order in self.paper.book()["accepted"]]

    def attempts(self) -> list[str]:
        """The tags of all POSTs that reached the exchange."""
        return [attempt["tag"] for attempt in self.paper.book()["attempts"]]

    def positions(self) -> dict[str, int]:
        """The account's net position by contract, from the exchange's own trades."""
        net: dict[str, int] = {}
        for trade in self.paper.book()["trades"]:
            sign = 1 if trade["transaction_type"] == "BUY" else -1
            net[trade["tradingsymbol"]] = net.get(trade["tradingsymbol"], 0) + sign * trade["quantity"]
        return net

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        return await self.database.write(work)

    async def orders(self) -> list[BrokerOrder]:
        return await self.book.orders()


@asynccontextmanager
async def opened(
    folder: Path, template: Template, *, clock: Clock | None = None, cash: Decimal = CASH, **changes: Any
) -> AsyncIterator[World]:
    """A world whose exchange stands still; execution is not running yet."""
    clock = clock or Clock()
    paper = PaperServer(price_interval=0, latency=0, clock=clock, limits=GENEROUS, cash=cash)
    await paper.start()
    world = World(template.copy(folder), paper, clock, settings_of(**changes))
    await world.begin()
    try:
        yield world
    finally:
        await world.end()
        await paper.stop()
