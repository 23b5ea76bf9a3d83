"""Proof of being flat: the broker's positions beside what we hold. What cannot be read proves nothing."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway import positions
from gateway.domain.errors import BrokerError
from gateway.positions import soon
from gateway.venues import VenueAccess
from storage import closings, holdings
from storage.engine import Database

log = structlog.get_logger()

#: How long a broker that is well takes at most, in seconds.
ANSWER_SECONDS = 1.0
#: A contract in the account: venue, tradingsymbol, product.
Contract = tuple[str, str, str]


class Verdict(Enum):
    """What the positions say of all lines together."""

    #: Each shows what it should.
    FLAT = auto()
    #: Some show another number, seen twice: positions may lag behind a fill.
    DIFFERS = auto()
    #: Some could not be read, are not shown, or are still moving.
    UNKNOWN = auto()


@dataclass(frozen=True, kw_only=True)
class _Ours:
    """What we still hold of each contract over all strategies, and where an order of ours moves."""

    held: Mapping[Contract, int]
    moving: frozenset[Contract]


class Proof:
    """Reads the positions of the venues that the lines are about."""

    def __init__(
        self, venues: Mapping[str, VenueAccess], database: Database, clock: Callable[[], datetime]
    ) -> None:
        self._venues = venues
        self._database = database
        self._clock = clock
        #: Since when a contract was seen with a difference, and which.
        self._suspected: dict[Contract, tuple[int, float]] = {}

    async def look(self, lines: Sequence[Row[Any]]) -> Verdict:
        """One look at the positions; each line gets what they show of it (None: nothing to go by)."""
        venues = sorted({line.venue for line in lines})
        nets = {venue: await soon(self._read(venue)) for venue in venues}
        ours = await self._database.read(lambda connection: _ours(connection, venues))
        shown = {line.seq: self._difference(line, nets[line.venue], ours) for line in lines}
        now = self._clock()
        await self._database.write(lambda connection: _note(connection, shown, now))
        if any(difference is None for difference in shown.values()):
            return Verdict.UNKNOWN
        if not any(shown.values()):
            return Verdict.FLAT
        return Verdict.DIFFERS if self._is_sure(lines, shown) else Verdict.UNKNOWN

    async def answers(self, venue: str) -> bool:
        """Whether the broker answers a reading soon."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._read(venue) is not None
        except TimeoutError:
            return False

    async def _read(self, venue: str) -> dict[tuple[str, str], int] | None:
        if not self._venues[venue].session.alive:
            return None
        try:
            rows = await self._venues[venue].book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=venue, error=error.sentence)
            return None
        return {(row.tradingsymbol, row.product): row.quantity for row in rows}

    def _difference(
        self, line: Row[Any], net: Mapping[tuple[str, str], int] | None, ours: _Ours
    ) -> int | None:
        """Units that the account has beyond our book. The broker keeps a row of what was closed today: none
        at all says nothing."""
        contract = (line.venue, line.tradingsymbol, line.product)
        if net is None or contract[1:] not in net or contract in ours.moving:
            return None
        return net[contract[1:]] - ours.held.get(contract, 0)

    def _is_sure(self, lines: Sequence[Row[Any]], shown: Mapping[int, int | None]) -> bool:
        now = time.monotonic()
        sure = True
        for line in lines:
            contract, difference = (line.venue, line.tradingsymbol, line.product), shown[line.seq]
            if not difference:
                self._suspected.pop(contract, None)
                continue
            before, since = self._suspected.get(contract, (None, now))
            if before != difference:
                self._suspected[contract] = (difference, now)
                sure = False
            elif now - since < positions.POSITIONS_LAG_SECONDS:
                sure = False
        return sure


def _ours(connection: Connection, venues: Sequence[str]) -> _Ours:
    held: dict[Contract, int] = {}
    for row in holdings.open_(connection):
        contract = (row.venue, row.tradingsymbol, row.product)
        held[contract] = held.get(contract, 0) + holdings.signed(row)
    moving = {(venue, *each) for venue in venues for each in closings.moving(connection, venue)}
    return _Ours(held=held, moving=frozenset(moving))


def _note(connection: Connection, shown: Mapping[int, int | None], now: datetime) -> None:
    for seq, difference in shown.items():
        closings.note_proof(connection, seq, difference, now)
