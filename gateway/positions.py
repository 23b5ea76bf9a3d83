"""The account's positions as an exit may believe them: read soon or not, twice where they fall short."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from config.settings import StrategySettings
from gateway.domain.errors import BrokerError
from gateway.domain.signal import Signal
from gateway.exits import Net, plan_exits
from gateway.venues import VenueAccess
from storage.engine import Database

log = structlog.get_logger()

#: How long an exit waits for what it can do without: the account's positions, a price.
READ_PATIENCE_SECONDS = 3.0
#: Kite's positions may lag so long behind a fill.
POSITIONS_LAG_SECONDS = 5.0

Read = TypeVar("Read")


async def soon(reading: Awaitable[Read]) -> Read | None:
    """What is read, if it comes soon: a slow broker must not hold up an exit."""
    try:
        async with asyncio.timeout(READ_PATIENCE_SECONDS):
            return await reading
    except TimeoutError:
        log.warning("exit_goes_on_without_a_reading")
        return None


class AccountPositions:
    """What the account has, by the broker; None where that cannot be told, which is not the same as flat."""

    def __init__(self, venues: Mapping[str, VenueAccess], database: Database) -> None:
        self._venues = venues
        self._database = database
        self._readings: dict[str, asyncio.Task[Net | None]] = {}

    async def credible(
        self, signal: Signal, strategy: StrategySettings, freeze: Callable[[str], int]
    ) -> Net | None:
        """The net positions; read again after a while where they fall short of our book: they may lag."""
        net = await soon(self._read(strategy.venue))
        if net is None or not await self._database.read(
            lambda connection: _falls_short(connection, signal, strategy, freeze, net)
        ):
            return net
        await asyncio.sleep(POSITIONS_LAG_SECONDS)
        return await soon(self._read(strategy.venue))

    async def _read(self, venue: str) -> Net | None:
        """Exits of one moment share a reading: Kite allows ten a second, and a flatten may have more."""
        reading = self._readings.get(venue)
        if reading is None or reading.done():
            reading = self._readings[venue] = asyncio.create_task(self._ask(venue), name="positions")
        return await asyncio.shield(reading)

    async def _ask(self, venue: str) -> Net | None:
        try:
            rows = await self._venues[venue].book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=venue, error=error.sentence)
            return None
        return {(row.tradingsymbol, row.product): row.quantity for row in rows}


def _falls_short(
    connection: Connection, signal: Signal, strategy: StrategySettings, freeze: Callable[[str], int], net: Net
) -> bool:
    ours = plan_exits(connection, signal, strategy, freeze)
    theirs = plan_exits(connection, signal, strategy, freeze, net)
    return sum(sum(plan.quantities) for plan in theirs) < sum(sum(plan.quantities) for plan in ours)
