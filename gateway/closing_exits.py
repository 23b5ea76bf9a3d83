"""The exits of closings: alerts of our own that are planned at once, behind no strategy's queue."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import Connection

from gateway.domain.order import new_alert_id
from gateway.domain.signal import Action, Signal
from gateway.lanes import Accepted
from storage import alerts, closings
from storage.alerts import Arrival
from storage.engine import Database, urgent
from storage.sells import Key


class ClosingExits:
    """Stores an exit and plans it. An alert that waits in its strategy's queue (an exit looks for an unknown
    entry for minutes) must not hold up a flatten."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[Accepted], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock

    async def sell(self, key: Key, units: int, by: str) -> None:
        """Plans the sale of so many units of one strategy's contract, oldest first; nothing when no closing
        is open any more. Raises StorageFailed, and IllegalMove when /resume ended the closing meanwhile."""
        _, strategy, tradingsymbol, product = key
        signal = Signal(
            action=Action.EXIT,
            strategy=strategy,
            by_owner=True,
            tradingsymbol=tradingsymbol,
            product=product,
            quantity=units,
        )
        alert_id, now = new_alert_id(), self._clock()
        arrival = Arrival(
            alert_id=alert_id,
            received_at=now,
            source=f"{alerts.INSIDE}{by}"[:64],
            body=f"close {units} {tradingsymbol} of {strategy} ({by})".encode(),
            body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
            strategy=strategy,
            dedupe_key=None,
            signal=signal,
        )
        with urgent():
            if not await self._database.write(lambda connection: _stored(connection, arrival)):
                return
            await self._plan(Accepted(alert_id=alert_id, strategy=strategy, signal=signal, received_at=now))


def _stored(connection: Connection, arrival: Arrival) -> bool:
    """Not once /resume has ended the flatten: in one transaction with that look."""
    if not closings.open_(connection):
        return False
    alerts.store(connection, [arrival])
    return True
