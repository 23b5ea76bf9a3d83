"""What the owner may say of an order whose outcome is not known: there, not there, send it anew."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Row

from gateway.domain.errors import StorageFailed
from gateway.domain.order import IntentState, new_alert_id
from gateway.intake import Intake
from gateway.reconciliation import Reconciler
from storage import alerts, intents
from storage.alerts import Arrival
from storage.engine import Database
from storage.notices import Outbox

_SETTLED = "This is settled already."
_STILL_LOOKING = "Still looking in Kite's order book; the question comes after 180 s."


class UnknownOrders:
    """The answers to reconciliation's question. None of them sends the same order a second time."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        reconcilers: Mapping[str, Reconciler],
        intake: Intake,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._reconcilers = reconcilers
        self._intake = intake
        self._clock = clock

    async def it_is_there(self, intent_id: str) -> str:
        """Looks once more, at once; what the book shows is adopted."""
        row = await self._database.read(lambda connection: intents.get(connection, intent_id))
        if row is None or row.state != IntentState.UNKNOWN:
            return _SETTLED
        await self._reconcilers[row.venue].read()
        fresh = await self._database.read(lambda connection: intents.get(connection, intent_id))
        if fresh is not None and fresh.state == IntentState.PLACED:
            return "Found. It is followed from here on."
        return "Kite's order book does not show its tag yet. It is searched on; nothing is sent."

    async def it_is_not_there(self, intent_id: str, by: str) -> str:
        """No order exists, says the owner; should it show up after all, it is adopted and told."""
        row = await self._database.write(lambda connection: self._close(connection, intent_id, by))
        return "Noted: there is no order." if not isinstance(row, str) else row

    async def send_again(self, intent_id: str, by: str) -> str:
        """Closes the unknown order; its alert comes in as a new one, with an id and a tag of its own."""
        row = await self._database.write(lambda connection: self._close(connection, intent_id, by))
        if isinstance(row, str):
            return row
        try:
            return await self._again(row.alert_id)
        except StorageFailed:
            return "It could not be stored. Nothing is sent."

    def _close(self, connection: Connection, intent_id: str, by: str) -> Row[Any] | str:
        row = intents.get(connection, intent_id)
        if row is None or row.state != IntentState.UNKNOWN:
            return _SETTLED
        if row.questioned_at is None:
            return _STILL_LOOKING
        now = self._clock()
        intents.close(connection, row, by=by, at=now)
        self._outbox.show(connection, f"alert:{row.alert_id}", at=now)
        return row

    async def _again(self, alert_id: str) -> str:
        old = await self._database.read(lambda connection: alerts.get(connection, alert_id))
        if old is None or old.signal is None:
            return "Its alert is not known any more."
        new_id = new_alert_id()
        arrival = Arrival(
            alert_id=new_id,
            received_at=self._clock(),
            source=f"again: {alert_id}",
            body=old.body,
            body_hash=hashlib.sha256(f"{new_id}".encode()).hexdigest(),
            strategy=old.strategy,
            dedupe_key=None,
            # Its time was that of the first; asked for now, it is of now.
            signal=replace(alerts.signal_of(old), id=None, time=None),
        )
        await self._intake.accept([arrival])
        return "It comes in again as a new alert, with a new tag."
