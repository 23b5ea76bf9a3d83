"""The account's positions as an exit may believe them: read soon or not, again where they fall short."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from config.settings import StrategySettings
from gateway.domain.difference import Together, shown
from gateway.domain.errors import BrokerError
from gateway.domain.order import Side
from gateway.domain.signal import Signal
from gateway.exits import Account, plan_exits
from gateway.venues import VenueAccess
from storage import holdings, intents
from storage.engine import Database

log = structlog.get_logger()

#: How long an exit waits for what it can do without: the account's positions, a price.
READ_PATIENCE_SECONDS = 3.0
#: Kite's positions may lag so long behind a fill.
POSITIONS_LAG_SECONDS = 5.0
#: How often they are read again within that time, where they fall short.
LOOKS_AGAIN = 4

Read = TypeVar("Read")


async def soon(reading: Awaitable[Read]) -> Read | None:
    """What is read, if it comes soon: a slow broker must not hold up an exit."""
    try:
        async with asyncio.timeout(READ_PATIENCE_SECONDS):
            return await reading
    except TimeoutError:
        log.warning("exit_goes_on_without_a_reading")
        return None


#: A contract in the account: tradingsymbol and product.
Contract = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """Positions that are being read, and our book before that."""

    before: defaultdict[Contract, Together]
    nets: asyncio.Task[dict[Contract, int] | None]


class AccountPositions:
    """What the account has, by the broker; None where that cannot be told, which is not the same as flat."""

    def __init__(self, venues: Mapping[str, VenueAccess], database: Database) -> None:
        self._venues = venues
        self._database = database
        self._readings: dict[str, _Reading] = {}

    async def credible(
        self, signal: Signal, strategy: StrategySettings, freeze: Callable[[str], int]
    ) -> Account | None:
        """The account; read again, for a while, where it falls short of our book: positions may lag, and
        another strategy's order may be on its way."""
        account = await soon(self._read(strategy.venue))
        for _ in range(LOOKS_AGAIN):
            if account is None or not await self._database.read(
                partial(_falls_short, signal=signal, strategy=strategy, freeze=freeze, account=account)
            ):
                break
            await asyncio.sleep(POSITIONS_LAG_SECONDS / LOOKS_AGAIN)
            account = await soon(self._read(strategy.venue))
        return account

    async def _read(self, venue: str) -> Account | None:
        """Exits of one moment share a reading: Kite allows ten a second, and a flatten may have more."""
        reading = self._under_way(venue)
        if reading is None:
            before = await self._together(venue)
            reading = self._under_way(venue) or self._begin(venue, before)
        nets = await asyncio.shield(reading.nets)
        if nets is None:
            return None
        after = await self._together(venue)
        return {key: shown(net, (reading.before[key], after[key])) for key, net in nets.items()}

    def _under_way(self, venue: str) -> _Reading | None:
        reading = self._readings.get(venue)
        return None if reading is None or reading.nets.done() else reading

    def _begin(self, venue: str, before: defaultdict[Contract, Together]) -> _Reading:
        nets = asyncio.create_task(self._ask(venue), name="positions")
        reading = self._readings[venue] = _Reading(before=before, nets=nets)
        return reading

    async def _ask(self, venue: str) -> dict[Contract, int] | None:
        try:
            rows = await self._venues[venue].book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=venue, error=error.sentence)
            return None
        return {(row.tradingsymbol, row.product): row.quantity for row in rows}

    async def _together(self, venue: str) -> defaultdict[Contract, Together]:
        return await self._database.read(lambda connection: _together(connection, venue))


def _together(connection: Connection, venue: str) -> defaultdict[Contract, Together]:
    """What all strategies hold, by contract and product."""
    units: defaultdict[Contract, Counter[str]] = defaultdict(Counter)
    for row in holdings.open_(connection, venue=venue):
        units[row.tradingsymbol, row.product][row.side] += row.quantity
    found = defaultdict(Together)
    for key, held in units.items():
        longs, shorts = held[Side.BUY], held[Side.SELL]
        selling = buying = 0
        if longs and shorts:  # else nothing explains the other
            selling = intents.under_way(connection, venue, *key, Side.SELL)
            buying = intents.under_way(connection, venue, *key, Side.BUY)
        found[key] = Together(longs=longs, shorts=shorts, selling=selling, buying=buying)
    return found


def _falls_short(
    connection: Connection,
    *,
    signal: Signal,
    strategy: StrategySettings,
    freeze: Callable[[str], int],
    account: Account,
) -> bool:
    ours = plan_exits(connection, signal, strategy, freeze)
    theirs = plan_exits(connection, signal, strategy, freeze, account)
    return sum(sum(plan.quantities) for plan in theirs) < sum(sum(plan.quantities) for plan in ours)
