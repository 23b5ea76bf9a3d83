"""The use cases on a real database file, without threads: each step ends before the next begins."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection

from config.market import calendar
from gateway import entries_before, lanes, positions
from gateway.domain.chain import chains_of
from gateway.domain.contract import Contract, OptionType
from gateway.domain.market import Calendar
from gateway.domain.order import Venue
from gateway.instruments import Instruments
from gateway.kite.book import Book
from gateway.kite.desk import Desk
from gateway.pacing import Window
from gateway.prices import Prices
from gateway.session import Session
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage.engine import Database, Result
from storage.notices import Outbox
from storage.tables import metadata
from tests.domain.samples import DEC_01, contract
from tests.promises.exchange import Exchange
from tests.usecases.world import LISTED, OWNER, Clock, World, settings_of

#: Turns of the event loop after which nothing stirs any more.
TURNS = 60


class InlineDatabase(Database):
    """Transactions without a hop to another thread; the file need not survive a power cut here."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        with self._engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
            connection.exec_driver_sql("BEGIN")

    def empty(self) -> None:
        """As newly made."""

        def work(connection: Connection) -> None:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())

        self.write_now(work)

    async def write(self, work: Callable[[Connection], Result], *, within: float | None = None) -> Result:
        await asyncio.sleep(0)
        return self.write_now(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        await asyncio.sleep(0)
        return self.write_now(work)


class LoggedIn:
    """A session that nobody ends."""

    alive = True

    def __init__(self) -> None:
        self.on_login: list[Callable[[], None]] = []

    async def mark_dead(self, *_: Any) -> None:
        """No broker says so here."""


class Quoted:
    """Prices at once: the machine's time moves only when told."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def follow(self, *_: Any) -> None:
        """There is no stream."""

    def cached(self, *_: Any) -> Decimal | None:
        """Nothing is remembered."""

    async def last(self, key: str) -> Decimal | None:
        return (await self._exchange.last_prices([key])).get(key)


def contracts() -> list[Contract]:
    """Two calls and a put."""
    made = [(24_000, OptionType.CE), (24_050, OptionType.CE), (24_000, OptionType.PE)]
    return [
        contract(
            strike=Decimal(level),
            option_type=kind,
            expiry=DEC_01,
            tradingsymbol=f"NIFTY{level}{kind}",
            instrument_token=number,
        )
        for number, (level, kind) in enumerate(made)
    ]


class PromiseWorld(World):
    """A world whose broker is the little exchange."""

    def __init__(self, database: InlineDatabase, exchange: Exchange, clock: Clock, **settings: Any) -> None:
        super().__init__(Path(), cast(Any, None), clock, settings_of(**settings))
        self.exchange = exchange
        self.database = database

    async def begin(self) -> None:
        self.outbox = Outbox(chat_ids=(OWNER,))
        self.wakeups = Wakeups()
        self.calendar = Calendar(data=calendar(), always=True)
        self.book, self.desk = cast(Book, self.exchange), cast(Desk, self.exchange)
        self.session = cast(Session, LoggedIn())
        self.instruments = Instruments("paper", self.book, self.database, self.calendar, LISTED)
        self.instruments._swap(chains_of(contracts()), self.clock())
        self.prices = cast(Prices, Quoted(self.exchange))
        self.access = VenueAccess(
            venue=Venue.PAPER,
            book=self.book,
            session=self.session,
            instruments=self.instruments,
            prices=self.prices,
        )
        self._wire()
        for pacer in (self.executor._pacer, self.executor._wire):
            pacer._windows = (Window(seconds=1.0, calls=1_000_000, reserved=0),) * 2
        await self.take_up()

    async def end(self) -> None:
        """The process dies; the database is another's (statements compiled once serve every example)."""
        await self.lanes.stop()

    async def settle(self) -> None:
        """Until all tasks wait for something outside."""
        for _ in range(TURNS):
            await asyncio.sleep(0)


def impatient(patch: Callable[[object, str, object], None]) -> None:
    """Nothing waits for time that does not pass: the most dangerous moment for an exit."""
    patch(positions, "POSITIONS_LAG_SECONDS", 0.0)
    patch(lanes, "LONGEST_DEFERRAL_SECONDS", 0.0)
    for name in ("ENTRY_PATIENCE_SECONDS", "CANCEL_PATIENCE_SECONDS", "UNKNOWN_PATIENCE_SECONDS"):
        patch(entries_before, name, 0.0)
