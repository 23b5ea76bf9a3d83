"""The guards' house: the use cases' world with guards, a market that moves when told, and no loop running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from config.market import guards as figures
from gateway.domain.guarding import GuardKind
from gateway.domain.order import GuardState
from gateway.domain.signal import Level, LevelKind
from gateway.guards import Guards, Surroundings
from gateway.kite.client import CallKind
from gateway.kite.desk import Desk
from gateway.paper.server import PaperServer
from gateway.reconciliation import Ports, Reconciler
from storage import sells, tables
from tests.usecases.world import GENEROUS, LOT, Clock, Template, World, buy, sell, settings_of

PLACE_GTT = "POST /gtt/triggers"
CHANGE_GTT = "PUT /gtt/triggers/*"
DELETE_GTT = "DELETE /gtt/triggers/*"
LIST_GTTS = "GET /gtt/triggers"


def price(level: str) -> Level:
    return Level(kind=LevelKind.PRICE, value=Decimal(level))


def percent(level: str) -> Level:
    return Level(kind=LevelKind.PERCENT, value=Decimal(level))


class House(World):
    """One life; `turn` is one round of every part, `settle` rounds until nothing changes."""

    def _wire(self) -> None:
        super()._wire()
        around = Surroundings(
            access=self.access,
            desk=Desk(self.client),
            settings=self.settings,
            database=self.database,
            outbox=self.outbox,
            wakeups=self.wakeups,
            executor=self.executor,
            calendar=self.calendar,
            figures=figures(),
            clock=self.clock,
        )
        self.guards = Guards(around)
        self.executor.clear_the_way = self.guards.clear_the_way
        ports = Ports(
            in_flight=self.executor.in_flight,
            streaming=lambda: False,
            opened=lambda: self.executor.open("paper"),
            adopt=self.guards.adopt,
        )
        told = (self.database, self.outbox)
        self.reconciler = Reconciler(self.access, *told, self.wakeups, self.clock, ports, self.breaker)

    # the market

    def spot(self, points: float) -> None:
        """The index moves; premiums follow, and what they reach goes off."""
        self.paper.set_spot("NIFTY", points)
        self.prices._known.clear()

    def premium(self, wanted: Decimal | float, symbol: str | None = None) -> Decimal:
        """Moves the index so that the call's last price is about `wanted` rupees; returns what it came to."""
        contract = self._contract(symbol)
        market = self.paper.broker.market
        low, high = 100_000, 10_000_000
        while high - low > 5:
            middle = (low + high) // 2
            if market._price(contract, middle) < int(wanted * 100):
                low = middle
            else:
                high = middle
        self.spot(high / 100)
        return Decimal(market.quote(contract).last) / 100

    def _contract(self, symbol: str | None) -> Any:
        """The contract of that name; without one the only contract that was ever bought."""
        names = {symbol} if symbol else {order["tradingsymbol"] for order in self.paper.book()["orders"]}
        (name,) = names
        return self.paper.broker.listing.by_key[f"NFO:{name}"]

    async def hit_stop(self) -> None:
        """The price falls to just below the newest guard's stop: what that releases can be filled."""
        self.premium((await self.guard()).stop - Decimal("0.20"))

    async def hit_target(self) -> None:
        self.premium((await self.guard()).target + Decimal("0.20"))

    async def by_hand(self, units: int, product: str = "NRML") -> None:
        """The owner sells in the Kite app."""
        (name,) = {order["tradingsymbol"] for order in self.paper.book()["orders"]}
        await self.client.call(
            CallKind.PLACE,
            lambda kite: kite.place_order(
                variety="regular",
                exchange="NFO",
                tradingsymbol=name,
                transaction_type="SELL",
                quantity=units,
                product=product,
                order_type="MARKET",
                market_protection=-1,
            ),
        )

    async def gap(self) -> None:
        """The price falls far through the stop, and through the limit behind it."""
        self.premium((await self.guard()).stop * Decimal("0.6"))

    async def gap_stop(self) -> None:
        """The same with a stop order at rest."""
        (stop,) = self.stops()
        self.premium(Decimal(str(stop["trigger_price"])) * Decimal("0.6"))

    async def last(self, row: Row[Any]) -> Decimal:
        key = f"{row.exchange}:{row.tradingsymbol}"
        return (await self.book.last_prices([key]))[key]

    # lives

    async def live(self) -> None:
        """From here on intents go out."""
        await self.execute()

    async def turn(self) -> None:
        """The book, the guards, the book again."""
        await self.reconciler.read()
        await self.guards.look()
        await self.idle()
        await self.reconciler.read()

    async def chase(self) -> None:
        """Five seconds pass: what is not filled is cancelled, and its rest sent anew."""
        self.clock.forward(seconds=6)
        await self.chaser.look()
        await self.reconciler.read()
        await self.chaser.look()
        await self.turn()

    async def settle(self, turns: int = 4) -> None:
        for _ in range(turns):
            await self.turn()

    async def idle(self) -> None:
        """Until execution has nothing in hand."""

        async def quiet() -> bool:
            await self.reconciler.read()
            rows = await self.rows(tables.intents)
            return not any(row.state in {"approved", "placing"} for row in rows)

        await self.until(quiet, lambda: "execution is busy")

    async def wire_is_quiet(self) -> None:
        """Until no call of execution is under way; approved exits may still wait for their way."""

        async def quiet() -> bool:
            await self.reconciler.read()
            rows = await self.rows(tables.intents)
            return not any(row.state == "placing" for row in rows)

        await self.until(quiet, lambda: "a call hangs")

    async def rows_of_guards(self) -> list[Row[Any]]:
        """The intents that belong to guards."""
        return [row for row in await self.rows(tables.intents) if row.guard_id]

    async def live_sells(self) -> list[Row[Any]]:
        return await self.database.read(sells.live)

    async def recheck(self, turns: int = 2) -> None:
        """As the timer or a login does."""
        self.guards.recheck()
        await self.settle(turns)

    # what happens

    async def enter(self, strategy: str = "S", lots: int = 1, **changes: Any) -> Row[Any]:
        """A filled entry; its first intent."""
        view = await self.filled(buy(strategy, lots=lots, **changes))
        return view.intents[0]

    async def guarded(self, lots: int = 1, **changes: Any) -> Row[Any]:
        """A filled entry with stop and target, and its guards placed; its first intent."""
        levels = {"stop_loss": percent("-20"), "target": percent("30"), **changes}
        row = await self.enter(lots=lots, **levels)
        await self.settle(2)
        return row

    async def leave(self, strategy: str = "S", **changes: Any) -> str:
        """An exit alert comes in; its id once it has gone out, or has been settled otherwise."""
        alert_id = await self.send(sell(strategy, **changes))
        await self.reaches(alert_id, "filled", "refused", "failed", "open")
        await self.reconciler.read()
        return alert_id

    # what is

    async def guard_rows(self, *states: GuardState) -> list[Row[Any]]:
        statement = select(tables.guards).order_by(tables.guards.c.wanted_at, tables.guards.c.id)
        rows = await self.database.read(lambda connection: list(connection.execute(statement)))
        return [row for row in rows if not states or row.state in states]

    async def guard(self) -> Row[Any]:
        """The newest."""
        return (await self.guard_rows())[-1]

    def gtts(self, *statuses: str) -> list[dict[str, Any]]:
        """The exchange's own, oldest first."""
        found = reversed(self.paper.book()["gtts"])
        return [gtt for gtt in found if not statuses or gtt["status"] in statuses]

    def stops(self) -> list[dict[str, Any]]:
        """Stop orders at rest at the exchange."""
        return [order for order in self.paper.book()["orders"] if order["status"] == "TRIGGER PENDING"]

    def net(self) -> int:
        """The account's units over all contracts."""
        return sum(self.positions().values())

    def shorts(self) -> list[str]:
        return [symbol for symbol, units in self.positions().items() if units < 0]


@asynccontextmanager
async def opened(folder: Path, template: Template, **changes: Any) -> AsyncIterator[House]:
    """A house whose execution is running."""
    clock = Clock()
    paper = PaperServer(price_interval=0, latency=0, clock=clock, limits=GENEROUS)
    await paper.start()
    house = House(template.copy(folder), paper, clock, settings_of(**changes))
    await house.begin()
    await house.live()
    try:
        yield house
    finally:
        await house.end()
        await paper.stop()


__all__ = ["LOT", "GuardKind", "House", "opened", "percent", "price"]
