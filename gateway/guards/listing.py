"""The broker's list of GTTs against our guards: found, gone, gone off, moved by hand, left over."""

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, Outcome
from gateway.domain.guard import BrokerGuard
from gateway.domain.guarding import GuardKind
from gateway.domain.order import GuardState
from gateway.guards import releases, words
from gateway.guards.surroundings import Surroundings, closing_side, is_short
from gateway.guards.triggers import Triggers, triggers_of
from gateway.positions import soon
from storage import guards
from storage.guards import Placed
from storage.notices import Priority

log = structlog.get_logger()

#: How long the list is searched for a GTT whose placing had no answer, before it counts as not there.
HORIZON = timedelta(seconds=180)
#: So long it may lag behind a placing (facts/kite.md 10.2: orders were seen to come 8 s late).
LAG = timedelta(seconds=10)
#: Kite's clock and ours may differ, and its times have no fractions.
CLOCKS_DIFFER = timedelta(seconds=5)
#: The list shows what is not active any more for so long (facts/kite.md 2.6).
LISTED = timedelta(days=7)
#: After this time without the order that a trigger released, the owner is asked to look.
ORDER_PATIENCE = timedelta(seconds=60)

_CLOSED = frozenset({GuardState.REMOVED, GuardState.DONE, GuardState.FAILED})


class Listing:
    """One venue's list. GTTs of other hands are never touched."""

    def __init__(self, around: Surroundings, triggers: Triggers) -> None:
        self._around = around
        self._triggers = triggers
        self._reading = asyncio.Lock()
        self._asked_at = float("-inf")
        self._looks: set[asyncio.Task[bool]] = set()

    async def settle(self) -> bool:
        """One look at the list; what it says is taken over. False when it could not be read soon: then the
        look goes on, and is taken over when it comes.

        Callers that come while it is being read share the look after it.
        """
        look = asyncio.create_task(self._settle_all(), name="triggers")
        self._looks.add(look)
        look.add_done_callback(self._ended)
        return bool(await soon(asyncio.shield(look)))

    def _ended(self, look: asyncio.Task[bool]) -> None:
        self._looks.discard(look)
        if not look.cancelled() and (error := look.exception()) is not None:
            log.error("triggers_not_settled", error=repr(error))

    def stop(self) -> None:
        """No look goes on behind the scenes."""
        for look in self._looks:
            look.cancel()

    async def _settle_all(self) -> bool:
        called_at = time.monotonic()
        async with self._reading:
            if self._asked_at >= called_at:
                return True
            asked_at, now = time.monotonic(), self._around.clock()
            try:
                listed = await self._around.access.book.gtts()
                listed += await self._left_out({gtt.trigger_id for gtt in listed})
            except BrokerError as error:
                log.warning("triggers_not_read", venue=self._around.venue, error=error.sentence)
                await self._around.note_fault(error, now)
                return False
            checkpoint("guards.read")
            surplus = await self._around.database.write(
                lambda connection: self._settle(connection, listed, asked_at)
            )
            self._asked_at = asked_at
        self._around.wakeups.outbox.ring()
        for trigger_id in surplus:
            await self._triggers.delete_surplus(trigger_id)
        return True

    async def _left_out(self, listed: set[int]) -> list[BrokerGuard]:
        """Those of ours that are not in it, each asked for by its id: a list may be empty by mistake."""
        rows = await self._around.database.read(
            lambda connection: guards.open_(connection, self._around.venue)
        )
        left = [row for row in rows if row.state == GuardState.ACTIVE and row.trigger_id not in listed]
        found = [await self._one(row) for row in left if row.trigger_id is not None]
        return [gtt for gtt in found if gtt is not None]

    async def _one(self, row: Row[Any]) -> BrokerGuard | None:
        """None when the broker knows nothing of it. Raises BrokerError when it gives no clear answer."""
        try:
            return await self._around.access.book.gtt(row.trigger_id)
        except BrokerError as error:
            if error.outcome is not Outcome.REFUSED or error.code != 404:
                raise
            work = partial(self._note_gone, guard_id=row.id, status="not known there")
            await self._around.database.write(work)
            return None

    def _settle(self, connection: Connection, listed: list[BrokerGuard], asked_at: float) -> list[int]:
        """Every guard against the list; the ids of ours that should not be at the broker any more."""
        by_id = {gtt.trigger_id: gtt for gtt in listed}
        for row in guards.open_(connection, self._around.venue):
            if row.kind != GuardKind.GTT or self._triggers.touched_since(row.id, asked_at):
                continue
            if row.trigger_id in by_id:
                self._compare(connection, row, by_id[row.trigger_id])
            elif row.state in {GuardState.PLACING, GuardState.UNKNOWN}:
                self._search(connection, row, listed)
        self._late(connection, listed, asked_at)
        closed = self._closed(connection, listed, asked_at)
        for row, gtt in closed:
            if gtt.status == "triggered":
                self._adopt(connection, row, gtt)
        return [gtt.trigger_id for _, gtt in closed if gtt.is_active]

    def _compare(self, connection: Connection, row: Row[Any], gtt: BrokerGuard) -> None:
        if gtt.status == "triggered":
            self._went_off(connection, row, gtt)
        elif row.state != GuardState.ACTIVE:
            return
        elif gtt.is_active:
            self._take_over(connection, row, gtt)
        else:
            self._note_gone(connection, guard_id=row.id, status=gtt.status)

    def _take_over(self, connection: Connection, row: Row[Any], gtt: BrokerGuard) -> None:
        """Units and triggers as the broker has them; triggers that we did not put there stay."""
        now = self._around.clock()
        quantity = gtt.legs[0].quantity if gtt.legs else row.quantity
        if quantity != row.quantity:
            guards.change(connection, row, now, quantity=quantity)
        if not gtt.legs or gtt.trigger_prices == triggers_of(row):
            return
        placed = _as_seen(row, gtt)
        # The answer to a change of ours may have been lost.
        by_hand = (placed.stop_trigger, placed.target_trigger) != (row.stop, row.target)
        guards.change(connection, row, now, by_hand=by_hand, **placed.__dict__)
        if by_hand:
            text = words.moved_by_hand(row, placed.stop_trigger, placed.target_trigger)
            self._around.tell(connection, row, text)

    def _adopt(self, connection: Connection, row: Row[Any], gtt: BrokerGuard) -> bool:
        """Whether it released an order: then it is (or was) taken over as an exit."""
        released = [leg for leg in gtt.legs if leg.order_id]
        for leg in released:
            releases.adopt_leg(self._around, connection, guards.known(connection, row.id), leg)
        return bool(released)

    def _went_off(self, connection: Connection, row: Row[Any], gtt: BrokerGuard) -> None:
        if self._adopt(connection, row, gtt) or guards.orders_of(connection, row.id):
            return
        now = self._around.clock()
        refused = next((leg for leg in gtt.legs if leg.order_status == "failed"), None)
        reason = releases.AWAITED if refused is None else refused.rejection_reason or "Kite gave no reason"
        if row.state == GuardState.ACTIVE:
            guards.trigger(connection, row, reason, now, due_at=now + ORDER_PATIENCE)
        elif row.reason != reason:
            guards.change(connection, row, now, reason=reason)
        else:
            return
        if refused is None:
            self._around.show(connection, row)
        else:
            text = words.child_refused(row, reason)
            self._around.tell(
                connection, row, text, priority=Priority.QUESTION, event=NoticeEvent.EXIT_REFUSED
            )

    def _note_gone(self, connection: Connection, guard_id: str, status: str) -> None:
        """Not at the broker any more, and not by our hand; who still holds gets a new one."""
        row = guards.known(connection, guard_id)
        if row.state != GuardState.ACTIVE:
            return
        now = self._around.clock()
        guards.remove(connection, row, f"{status} at Kite", now)
        if not self._around.calendar.has_expired(row.expiry, now):
            self._around.tell(connection, row, words.vanished(row, status))

    def _search(self, connection: Connection, row: Row[Any], listed: list[BrokerGuard]) -> None:
        """A placing without an answer: the list has it, or does not have it yet, or never had it."""
        now = self._around.clock()
        if row.state == GuardState.PLACING:
            reason = "the gateway stopped before Kite's answer was written down"
            guards.lose_sight(connection, row, reason, now)
            row = guards.known(connection, row.id)
            self._around.tell(connection, row, words.no_answer(row, reason), event=NoticeEvent.UNKNOWN)
        found = self._candidate(connection, row, listed)
        if found is not None:
            self._find(connection, row, found)
        elif now - row.placing_at >= HORIZON:
            guards.fail(connection, row, guards.NEVER_SEEN, now)
            self._around.tell(connection, row, words.never_seen(row))

    def give_up(self, connection: Connection, guard_id: str) -> None:
        """The price has reached a level of a guard that the list does not show: had it existed, it would have
        gone off. It counts as not there, and what takes its place acts on the price."""
        row, now = guards.known(connection, guard_id), self._around.clock()
        if row.state == GuardState.UNKNOWN and now - row.placing_at >= LAG:
            guards.fail(connection, row, guards.NEVER_SEEN, now)
            self._around.tell(connection, row, words.never_seen(row))

    def _find(self, connection: Connection, row: Row[Any], found: BrokerGuard) -> None:
        guards.activate(connection, row, self._around.clock(), trigger_id=found.trigger_id)
        row = guards.known(connection, row.id)
        self._around.tell(connection, row, words.at_kite(row, ()), loud=False, event=NoticeEvent.GUARD)
        self._compare(connection, row, found)

    def _candidate(
        self, connection: Connection, row: Row[Any], listed: list[BrokerGuard]
    ) -> BrokerGuard | None:
        """The oldest GTT that looks like the one we sent, made since, and not known to be another."""
        known = guards.known_triggers(connection, self._around.venue)
        alike = [gtt for gtt in listed if gtt.trigger_id not in known and _is_alike(row, gtt)]
        return min(alike, key=lambda gtt: gtt.trigger_id, default=None)

    def _late(self, connection: Connection, listed: list[BrokerGuard], asked_at: float) -> None:
        """Placings that were given up and show up after all: another has taken their place.

        While that other one is open itself, what the list shows may be it.
        """
        now = self._around.clock()
        rows = guards.open_(connection, self._around.venue)
        taken = {row.holding for row in rows if row.state in {GuardState.PLACING, GuardState.UNKNOWN}}
        taken |= {row.holding for row in rows if self._triggers.touched_since(row.id, asked_at)}
        for row in guards.given_up(connection, self._around.venue, now - LISTED):
            found = self._candidate(connection, row, listed) if row.holding not in taken else None
            if found is None:
                continue
            guards.activate(connection, row, now, trigger_id=found.trigger_id)
            guards.remove(connection, guards.known(connection, row.id), "it showed up too late", now)

    def _closed(
        self, connection: Connection, listed: list[BrokerGuard], asked_at: float
    ) -> list[tuple[Row[Any], BrokerGuard]]:
        """Those that are at an end by our book, beside what the broker says of them."""
        pairs = [(guards.by_trigger(connection, self._around.venue, gtt.trigger_id), gtt) for gtt in listed]
        return [
            (row, gtt)
            for row, gtt in pairs
            if row is not None and row.state in _CLOSED and not self._triggers.touched_since(row.id, asked_at)
        ]


def _as_seen(row: Row[Any], gtt: BrokerGuard) -> Placed:
    """The legs as the broker shows them; a lone one is what ours was."""
    pairs = list(zip(gtt.trigger_prices, (leg.price for leg in gtt.legs), strict=False))
    if is_short(row):
        pairs.reverse()  # its stop is the higher one
    stop = None if len(pairs) == 1 and row.stop_trigger is None else pairs[0]
    target = pairs[-1] if stop is None or len(pairs) > 1 else None
    return Placed(
        stop_trigger=stop[0] if stop else None,
        stop_limit=stop[1] if stop else None,
        target_trigger=target[0] if target else None,
        target_limit=target[1] if target else None,
    )


def _is_alike(row: Row[Any], gtt: BrokerGuard) -> bool:
    """Contract, side, units, triggers and limits as we sent them, and made since."""
    limits = tuple(sorted(price for price in (row.stop_limit, row.target_limit) if price is not None))
    return (
        gtt.tradingsymbol == row.tradingsymbol
        and gtt.trigger_prices == triggers_of(row)
        and tuple(leg.price for leg in gtt.legs) == limits
        and all(leg.side is closing_side(row) and leg.quantity == row.quantity for leg in gtt.legs)
        and gtt.created_at is not None
        and gtt.created_at >= row.placing_at - CLOCKS_DIFFER
    )
