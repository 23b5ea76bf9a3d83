"""What the account really has of what we hold: a guard must not sell what was closed by hand."""

import time
from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from gateway.domain.errors import BrokerError
from gateway.domain.order import LIVE_INTENTS, WORKING_ORDERS
from gateway.guards.surroundings import Surroundings
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
        self._net: dict[Contract, int] = {}
        self._read_at = float("-inf")
        self._suspected: dict[Contract, datetime] = {}
        self._fewer: dict[Contract, int] = {}

    @property
    def suspects(self) -> bool:
        """Whether something is to be seen a second time before it counts."""
        return bool(self._suspected.keys() - self._fewer.keys())

    def limit(self, contract: Contract) -> int | None:
        """Units that the account has, where it is sure to have fewer than all our holdings together."""
        return self._fewer.get(contract)

    def covers(self, contract: Contract, units: int) -> bool:
        """Whether a fresh reading shows at least so many units."""
        fresh = time.monotonic() - self._read_at <= FRESH_SECONDS
        return fresh and self._net.get(contract, 0) >= units

    async def check(self) -> None:
        """Reads the positions. What cannot be read changes nothing: unknown is not flat."""
        try:
            rows = await self._around.access.book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=self._around.venue, error=error.sentence)
            return
        self._net = {(row.tradingsymbol, row.product): row.quantity for row in rows}
        self._read_at = time.monotonic()
        ours, moving = await self._around.database.read(self._ours)
        self._judge(ours, moving)

    def _judge(self, ours: dict[Contract, int], moving: set[Contract]) -> None:
        """No row at all says nothing: Kite keeps one for what was closed today."""
        now = self._around.clock()
        for contract in [*self._suspected]:
            net = self._net.get(contract)
            if contract in moving or net is None or net >= ours.get(contract, 0):
                self._suspected.pop(contract)
                self._fewer.pop(contract, None)
        for contract, units in ours.items():
            net = self._net.get(contract)
            if contract in moving or net is None or net >= units:
                continue
            if now - self._suspected.setdefault(contract, now) >= TWICE:
                self._fewer[contract] = max(net, 0)

    def _ours(self, connection: Connection) -> tuple[dict[Contract, int], set[Contract]]:
        """Units held by contract over all strategies, and the contracts with orders under way."""
        held: defaultdict[Contract, int] = defaultdict(int)
        for row in holdings.open_(connection, venue=self._around.venue):
            held[row.tradingsymbol, row.product] += row.quantity
        working = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
        resting = (orders.c.intent_id == intents.c.id) & (orders.c.status == "TRIGGER PENDING")
        moving = select(intents.c.tradingsymbol, intents.c.product).where(
            (intents.c.venue == self._around.venue)
            & (intents.c.state.in_(LIVE_INTENTS) | intents.c.id.in_(working))
            & ~select(orders.c.seq).where(resting).exists()
        )
        return dict(held), {(row.tradingsymbol, row.product) for row in connection.execute(moving)}
