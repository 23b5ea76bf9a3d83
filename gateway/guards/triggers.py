"""GTTs at the desk: placed once, changed and taken away as often as it needs.

Placing has no tag and is never repeated: a call without an answer is settled by the broker's list alone.
"""

import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, Outcome
from gateway.domain.guard import GuardTicket
from gateway.domain.guarding import Legs, Levels, legs_for
from gateway.domain.order import GuardState
from gateway.guards import words
from gateway.guards.surroundings import Surroundings, closing_side, is_short
from storage import guards
from storage.guards import Placed
from storage.notices import Priority

log = structlog.get_logger()


class Triggers:
    """The calls about one venue's GTTs; remembers which guards a call was about, and when."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._in_flight: set[str] = set()
        self._touched: dict[str, float] = {}
        self._complained: set[str] = set()

    def touched_since(self, guard_id: str, moment: float) -> bool:
        """Whether a call about it is under way, or ended after `moment` (`time.monotonic`): a list asked for
        then says nothing of it."""
        return guard_id in self._in_flight or self._touched.get(guard_id, float("-inf")) >= moment

    def _begin(self, guard_id: str) -> None:
        self._in_flight.add(guard_id)

    def _end(self, guard_id: str) -> None:
        self._in_flight.discard(guard_id)
        self._touched[guard_id] = time.monotonic()

    async def place(self, row: Row[Any], last: Decimal) -> None:
        """One call, for levels that `last` has not reached. Without a clear answer the guard is unknown."""
        legs = legs_for(
            row.stop,
            row.target,
            last=last,
            tick=row.tick_size,
            figures=self._around.figures,
            short=is_short(row),
        )
        if not legs.all:
            await self._write(partial(self._impossible, row_id=row.id, legs=legs))
            return
        self._begin(row.id)
        try:
            await self._write(lambda connection: guards.claim(connection, row, placed_of(legs), self._now()))
            checkpoint("guards.claimed")
            asked_at = self._now()
            try:
                trigger_id = await self._around.desk.place_gtt(_ticket(row, row.quantity, legs, last))
            except BrokerError as error:
                await self._write(partial(self._not_placed, row_id=row.id, error=error))
                await self._around.note_fault(error, asked_at)
                return
            checkpoint("guards.answered")
            await self._write(partial(self._at_kite, row_id=row.id, trigger_id=trigger_id, moved=legs.moved))
        finally:
            self._end(row.id)

    def _at_kite(self, connection: Connection, row_id: str, trigger_id: int, moved: tuple[str, ...]) -> None:
        guards.activate(connection, guards.known(connection, row_id), self._now(), trigger_id=trigger_id)
        row = guards.known(connection, row_id)
        self._around.tell(
            connection, row, words.at_kite(row, moved), loud=bool(moved), event=NoticeEvent.GUARD
        )

    def _not_placed(self, connection: Connection, row_id: str, error: BrokerError) -> None:
        row = guards.known(connection, row_id)
        if error.outcome is Outcome.UNKNOWN:
            guards.lose_sight(connection, row, error.sentence, self._now())
            self._around.tell(
                connection, row, words.no_answer(row, error.sentence), event=NoticeEvent.UNKNOWN
            )
            return
        before = guards.of_holding(connection, row.holding)[:-1]
        guards.fail(connection, row, error.sentence, self._now())
        if not before or before[-1].reason != error.sentence:
            text = words.refused(row, error.sentence)
            self._around.tell(connection, row, text, priority=Priority.QUESTION, event=NoticeEvent.UNGUARDED)

    def _impossible(self, connection: Connection, row_id: str, legs: Legs) -> None:
        row = guards.known(connection, row_id)
        if row.state == GuardState.WANTED:
            guards.fail(connection, row, "; ".join(legs.moved), self._now(), final=True)
            self._around.tell(
                connection, row, words.problems(row, legs.moved, naked=True), event=NoticeEvent.UNGUARDED
            )

    async def resize(self, row: Row[Any], quantity: int, levels: Levels, last: Decimal) -> bool:
        """Other units or levels, as a whole; False when the broker did not confirm it.

        One that it leaves too large is taken away: a new one follows.
        """
        legs = legs_for(
            levels.stop,
            levels.target,
            last=last,
            tick=row.tick_size,
            figures=self._around.figures,
            short=is_short(row),
        )
        wanted = {"stop": levels.stop, "target": levels.target}
        self._begin(row.id)
        try:
            await self._write(lambda connection: guards.change(connection, row, self._now(), **wanted))
            await self._around.desk.modify_gtt(row.trigger_id, _ticket(row, quantity, legs, last))
            checkpoint("guards.resized")
            values = {"quantity": quantity, **placed_of(legs).__dict__}
            await self._write(partial(self._resized, row_id=row.id, values=values))
            return True
        except (BrokerError, ValueError) as error:
            log.warning("guard_not_changed", guard=row.id, error=str(error))
            refused = not isinstance(error, BrokerError) or error.outcome is Outcome.REFUSED
            if refused and row.quantity > quantity:
                await self.take_away(row, f"Kite did not take its change ({error}); a new one follows")
            return False
        finally:
            self._end(row.id)

    def _resized(self, connection: Connection, row_id: str, values: dict[str, Any]) -> None:
        row = guards.known(connection, row_id)
        guards.change(connection, row, self._now(), **values)
        self._around.show(connection, row)

    async def take_away(self, row: Row[Any], why: str) -> str | None:
        """Deletes it. What the broker does not confirm is settled by its list: then its words come back."""
        self._begin(row.id)
        try:
            await self._around.desk.delete_gtt(row.trigger_id)
            checkpoint("guards.deleted")
            await self._write(partial(self._gone, row_id=row.id, why=why))
            return None
        except BrokerError as error:
            log.warning("guard_not_deleted", guard=row.id, error=error.sentence)
            return error.sentence
        finally:
            self._end(row.id)

    async def complain(self, guard_id: str, sentence: str) -> None:
        """Once a guard: it is still there although it should not be."""
        if guard_id not in self._complained:
            self._complained.add(guard_id)
            await self._write(partial(self._tell_staying, row_id=guard_id, sentence=sentence))

    def _tell_staying(self, connection: Connection, row_id: str, sentence: str) -> None:
        row = guards.known(connection, row_id)
        if row.state == GuardState.ACTIVE:
            text = words.stays_behind(row, sentence)
            self._around.tell(connection, row, text, priority=Priority.QUESTION)

    def _gone(self, connection: Connection, row_id: str, why: str) -> None:
        row = guards.known(connection, row_id)
        if row.state == GuardState.ACTIVE:
            guards.remove(connection, row, why, self._now())
            self._around.tell(
                connection, row, words.taken_away(row, why), loud=False, event=NoticeEvent.GUARD
            )

    async def delete_surplus(self, trigger_id: int) -> None:
        """One of ours that nobody needs."""
        try:
            await self._around.desk.delete_gtt(trigger_id)
        except BrokerError as error:
            log.warning("surplus_not_deleted", trigger_id=trigger_id, error=error.sentence)
            return
        await self._write(partial(self._tell_surplus, trigger_id=trigger_id))

    def _tell_surplus(self, connection: Connection, trigger_id: int) -> None:
        row = guards.by_trigger(connection, self._around.venue, trigger_id)
        if row is not None:
            self._around.tell(connection, row, words.surplus(trigger_id, row.tradingsymbol))

    def _now(self) -> datetime:
        return self._around.clock()

    async def _write(self, work: Callable[[Connection], None]) -> None:
        await self._around.database.write(work)
        self._around.wakeups.outbox.ring()


def triggers_of(row: Row[Any]) -> tuple[Decimal, ...]:
    """The triggers that we placed, as the broker lists them: ascending."""
    return tuple(sorted(price for price in (row.stop_trigger, row.target_trigger) if price is not None))


def placed_of(legs: Legs) -> Placed:
    """The legs as they are kept."""
    return Placed(
        stop_trigger=legs.stop.trigger_price if legs.stop else None,
        stop_limit=legs.stop.price if legs.stop else None,
        target_trigger=legs.target.trigger_price if legs.target else None,
        target_limit=legs.target.price if legs.target else None,
    )


def _ticket(row: Row[Any], quantity: int, legs: Legs, last: Decimal) -> GuardTicket:
    """Raises ValueError when no leg is left."""
    return GuardTicket(
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        side=closing_side(row),
        quantity=quantity,
        last_price=last,
        legs=legs.all,
        product=row.product,
    )
