"""Makes way for an exit before it is claimed: what has triggered is taken over, stops at rest are cancelled.

A resting stop and an exit would sell the same units: the stop is cancelled, and seen cancelled, first.
"""

import time
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.order import GuardState, IntentState
from gateway.guards import words
from gateway.guards.listing import Listing
from gateway.guards.stops import Stops
from gateway.guards.surroundings import Surroundings
from storage import guards, holdings, intents, sells
from storage.notices import Priority

#: How long one try waits for the stops to be gone; then the exit is looked at anew.
PATIENCE_SECONDS = 5.0
LOOK_SECONDS = 0.25
_NO_ANSWER = "Kite has not confirmed it yet."


class Way:
    """Asked by execution before each sell."""

    def __init__(self, around: Surroundings, listing: Listing, stops: Stops) -> None:
        self._around = around
        self._listing = listing
        self._stops = stops
        self._complained: set[str] = set()

    async def clear(self, row: Row[Any]) -> bool:
        """True when the exit may be claimed; False when it must wait longer.

        A list of triggers that cannot be read does not hold up an exit.
        """
        if row.order_type == sells.STOP_ORDER:
            return True
        has_triggers, standing = await self._around.database.read(partial(self._situation, row=row))
        if has_triggers:
            await self._listing.settle()
            _, standing = await self._around.database.read(partial(self._situation, row=row))
        end = time.monotonic() + PATIENCE_SECONDS
        said = _NO_ANSWER
        while standing:
            for stop in standing:
                said = await self._stops.take_away(stop.id) or said
            if time.monotonic() >= end:
                await self._complain(row, said)
                return False
            with self._around.wakeups.changes.watch(standing[0].alert_id) as watch:
                await watch.next(LOOK_SECONDS)
            _, standing = await self._around.database.read(partial(self._situation, row=row))
        return True

    def _situation(self, connection: Connection, row: Row[Any]) -> tuple[bool, list[Row[Any]]]:
        """Whether a GTT may go off beside this exit, and the stops in its way."""
        has_triggers = any(
            guard.state == GuardState.ACTIVE and guard.trigger_id and sells.key_of(guard) == sells.key_of(row)
            for guard in guards.open_(connection, self._around.venue)
        )
        return has_triggers, self._in_the_way(connection, row)

    def _in_the_way(self, connection: Connection, row: Row[Any]) -> list[Row[Any]]:
        """The stops that must go so that this exit has enough to sell, the newest first."""
        fresh = intents.get(connection, row.id)
        if fresh is None or fresh.state != IntentState.APPROVED:
            return []
        key = sells.key_of(row)
        others = [other for other in sells.live(connection, key=key) if other.id != row.id]
        held = sum(each.quantity for each in holdings.of_contract(connection, *key))
        lacking = row.quantity - (held - sum(other.rest for other in others))
        standing = []
        for stop in reversed([other for other in others if sells.is_resting_stop(other)]):
            if lacking > 0:
                standing.append(stop)
                lacking -= stop.rest
        return standing

    async def _complain(self, row: Row[Any], said: str) -> None:
        """Once an exit."""
        if row.id in self._complained:
            return
        self._complained.add(row.id)

        def tell(connection: Connection) -> None:
            self._around.tell(
                connection,
                row,
                words.not_released(row, said),
                priority=Priority.QUESTION,
                event=NoticeEvent.EXIT_REFUSED,
            )

        await self._around.database.write(tell)
        self._around.wakeups.outbox.ring()
