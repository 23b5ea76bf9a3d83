"""What the account really has of what we hold: a guard must not sell what was closed by hand."""

import time
from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from gateway.domain.errors import BrokerError
from gateway.domain.order import DECIDED_INTENTS, WORKING_ORDERS, BrokerPosition
from gateway.guards.surroundings import Surroundings
from gateway.positions import soon
from storage import holdings
from storage.tables import intents, orders

log = structlog.get_logger()

#: Fewer units than ours count only when they are seen twice, so far apart: positions may lag behind a fill.
TWICE = timedelta(seconds=5)
#: A reading older than this proves nothing.
FRESH_SECONDS = 20.0

#: A contract in the account: tradingsymbol and product.
Contract = tuple[str, str]


class Account:
    """The venue's positions, read now and then, beside our holdings."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._read_at = float("-inf")
        #: Units by which the account had fewer than we held when it was last read (negative: it had more).
        self._seen: dict[Contract, int] = {}
        self._suspected: dict[Contract, datetime] = {}
        self._missing: dict[Contract, int] = {}

    @property
    def suspects(self) -> bool:
        """Whether something is to be seen a second time before it counts."""
        return bool(self._suspected.keys() - self._missing.keys())

    def missing(self, contract: Contract) -> int:
        """Units that we hold and the account has not, for sure; what we sell since does not change them."""
        return self._missing.get(contract, 0)

    def shortage(self, contract: Contract) -> int:
        """Units that were missing at the last look, sure or not."""
        return max(self._seen.get(contract, 0), 0)

    def knows(self, contract: Contract) -> bool:
        """Whether a fresh reading shows all that we hold, or for sure how much of it is missing."""
        fresh = time.monotonic() - self._read_at <= FRESH_SECONDS
        return fresh and contract in self._seen and (self._seen[contract] <= 0 or contract in self._missing)

    async def check(self) -> None:
        """Reads the positions. What cannot be read changes nothing: unknown is not flat."""
        rows = await soon(self._positions())
        if rows is None:
            return
        net = {(row.tradingsymbol, row.product): row.quantity for row in rows}
        ours, moving = await self._around.database.read(self._ours)
        # No row at all says nothing (Kite keeps one for what was closed today), nor does one in motion.
        self._seen = {
            contract: abs(units) - max(net[contract] if units > 0 else -net[contract], 0)
            for contract, units in ours.items()
            if contract in net and contract not in moving
        }
        self._read_at = time.monotonic()
        self._judge(ours)

    async def _positions(self) -> list[BrokerPosition] | None:
        try:
            return await self._around.access.book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=self._around.venue, error=error.sentence)
            return None

    def _judge(self, ours: dict[Contract, int]) -> None:
        """Fewer than ours counts when it is seen twice; it is over when all are seen, or nothing is held."""
        now = self._around.clock()
        for contract in [*self._suspected]:
            if contract not in ours or self._seen.get(contract, 1) <= 0:
                del self._suspected[contract]
                self._missing.pop(contract, None)
        for contract, units in self._seen.items():
            if units > 0 and now - self._suspected.setdefault(contract, now) >= TWICE:
                self._missing[contract] = units

    def _ours(self, connection: Connection) -> tuple[dict[Contract, int], set[Contract]]:
        """Units held by contract over all strategies (short: below zero), and where orders are under way."""
        held: defaultdict[Contract, int] = defaultdict(int)
        for row in holdings.open_(connection, venue=self._around.venue):
            held[row.tradingsymbol, row.product] += holdings.signed(row)
        working = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
        resting = (orders.c.intent_id == intents.c.id) & (orders.c.status == "TRIGGER PENDING")
        moving = select(intents.c.tradingsymbol, intents.c.product).where(
            (intents.c.venue == self._around.venue)
            & (intents.c.state.in_(DECIDED_INTENTS) | intents.c.id.in_(working))
            & ~select(orders.c.seq).where(resting).exists()
        )
        return dict(held), {(row.tradingsymbol, row.product) for row in connection.execute(moving)}
