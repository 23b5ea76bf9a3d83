"""Execution: claim, rules again, place once, record. The only file that places and cancels orders."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from config.settings import Settings
from gateway import wording
from gateway.breaker import Breaker
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, BrokerFault, IllegalMove, Outcome, StorageFailed
from gateway.domain.order import (
    IntentState,
    Purpose,
)
from gateway.domain.risk import NOTHING_READ, Readings, Rule, Verdict, judge, left_unjudged
from gateway.drafts import proposal_of, ticket_of
from gateway.kite.desk import Desk
from gateway.pacing import Pacer
from gateway.readings import Reader
from gateway.session import Session
from gateway.wakeups import Wakeups
from gateway.world import WorldReader
from storage import flags, intents, kept_exits, orders, sells
from storage.engine import Database, urgent
from storage.notices import Outbox

log = structlog.get_logger()

#: Approved intents are looked for at least this often, should a wake-up be lost.
LOOK_SECONDS = 5.0
#: How soon it looks again while an entry waits for the exit before it.
LOOK_AT_EXITS_SECONDS = 0.2
#: At stop, the calls in flight are waited for this long; what is not answered by then is unknown.
STOP_PATIENCE_SECONDS = 8.0


_UNKNOWN = NoticeEvent.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Placer:
    """What placing at one venue needs."""

    desk: Desk
    session: Session


class Executor:
    """Sends approved intents, each at most once. A venue is shut until its order book has been read."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        placers: Mapping[str, Placer],
        world: WorldReader,
        rules: tuple[Rule, ...],
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        breaker: Breaker,
        reader: Reader,
    ) -> None:
        self._reader = reader
        self._breaker = breaker
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._placers = placers
        self._world = world
        self._rules = rules
        self._wakeups = wakeups
        self._clock = clock
        self._pacer = Pacer(planned=True)
        self._wire = Pacer()
        self._ready: set[str] = set()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        #: Asked before a sell is claimed, and waited for: whether the guards have made way for it.
        self.clear_the_way: Callable[[Row[Any]], Awaitable[bool]] | None = None

    def open(self, venue: str) -> None:
        """The venue's book was read and reconciled: orders may go out."""
        if venue not in self._ready:
            self._ready.add(venue)
            self._wakeups.executor.ring()
            self._wakeups.guards[venue].ring()

    def is_open(self, venue: str) -> bool:
        """Whether orders may go out at the venue."""
        return venue in self._ready

    def shut(self, venue: str) -> None:
        """Nothing goes out at the venue until its book has been read again (a new login)."""
        self._ready.discard(venue)

    async def run(self) -> None:
        """Sends what is approved, exits first, for as long as it is not cancelled."""
        while True:
            wait = LOOK_SECONDS
            try:
                wait = await self._send_what_may_go()
            except StorageFailed as error:
                log.error("execution_waits_for_the_database", error=str(error))
            await self._wakeups.executor.wait(wait)

    async def _send_what_may_go(self) -> float:
        """Sends until the pace stops it; seconds to wait then. An exit that comes meanwhile rings, and goes
        before the entries that wait."""
        rows, held_back = await self._approved()
        for row in rows:
            wait = self._pacer.wait(urgent=row.purpose != Purpose.ENTRY)
            if wait > 0:
                return min(wait, LOOK_SECONDS)
            self._pacer.note()
            self._send(row)
        return LOOK_AT_EXITS_SECONDS if held_back else LOOK_SECONDS

    async def stop(self) -> None:
        """Waits for the calls in flight: their outcome is to be written down, not guessed."""
        if self._in_flight:
            await asyncio.wait(list(self._in_flight.values()), timeout=STOP_PATIENCE_SECONDS)

    def in_flight(self) -> frozenset[str]:
        """Ids of the intents that are being claimed or placed right now."""
        return frozenset(self._in_flight)

    def _send(self, row: Row[Any]) -> None:
        with urgent(row.purpose != Purpose.ENTRY):
            task = asyncio.create_task(self._execute(row), name=f"place {row.id}")
        self._in_flight[row.id] = task
        task.add_done_callback(partial(self._landed, row.id))

    def _landed(self, intent_id: str, task: asyncio.Task[None]) -> None:
        del self._in_flight[intent_id]
        if not task.cancelled() and (error := task.exception()):
            log.error("execution_failed", intent_id=intent_id, error=repr(error), exc_info=error)

    async def _approved(self) -> tuple[list[Row[Any]], bool]:
        """What may go out now, and whether entries are held back until the exits before them are filled."""
        rows, held_back = await self._database.write(self._choose)
        return [row for row in rows if row.venue in self._ready and row.id not in self._in_flight], held_back

    def _choose(self, connection: Connection) -> tuple[list[Row[Any]], bool]:
        rows = intents.in_state(connection, IntentState.APPROVED)
        chosen = [row for row in rows if not self._waits_for_exit(connection, row)]
        return chosen, len(chosen) < len(rows)

    def _waits_for_exit(self, connection: Connection, row: Row[Any]) -> bool:
        """A reversal is the exit filled, then the entry. One that waited too long goes on: to its end."""
        if row.purpose != Purpose.ENTRY or self._is_too_old(connection, row, self._clock()):
            return False
        return sells.is_unfilled_before(connection, row)

    async def _execute(self, row: Row[Any]) -> None:
        checkpoint("execution.chosen")
        if _is_exit(row) and self.clear_the_way is not None and not await self.clear_the_way(row):
            self._wakeups.executor.ring()  # it stays approved, and is looked at again
            return
        readings = await self._reader.before_claim(row)
        if not await self._database.write(lambda connection: self._claim(connection, row.id, readings)):
            self._wakeups.told(row.alert_id)
            return
        checkpoint("execution.claimed")
        # Calls bunch up between their turn and the wire: the last gate is at the wire.
        await self._wire.turn(urgent=row.purpose != Purpose.ENTRY)
        # The switch may have been thrown between that commit and this line.
        if await self._database.write(lambda connection: self._stopped(connection, row)):
            self._wakeups.told(row.alert_id)
            return
        checkpoint("execution.cleared")
        await self._place(row)
        checkpoint("execution.recorded")
        self._wakeups.told(row.alert_id)
        self._wakeups.look_into_the_book(row.venue)

    def _claim(self, connection: Connection, intent_id: str, readings: Readings = NOTHING_READ) -> bool:
        """Approved to placing, if every rule still agrees; from this commit on an order may exist."""
        row = intents.get(connection, intent_id)
        if row is None or row.state != IntentState.APPROVED:
            return False
        now = self._clock()
        if self._is_too_old(connection, row, now):
            self._expire(connection, row, now)
            return False
        if row.purpose == Purpose.ENTRY and sells.is_unfilled_before(connection, row):
            return False
        if _is_exit(row):
            fitted = sells.fit(connection, row, now)
            if fitted is None:
                return False
            self._tell_fitted(connection, row, fitted.quantity, now)
            row = fitted
        world = self._world.read(connection, row.venue, row.strategy, readings)
        approval = intents.approval_of(connection, row.alert_id)
        policy = self._settings.strategy(row.strategy).square_off
        proposal = proposal_of([row], asked=approval is not None, policy=policy, claimed=True)
        verdicts = judge(self._rules, proposal, world)
        sentences = [verdict.sentence for verdict in verdicts] + _oversold(connection, row)
        if sentences:
            self._refuse(connection, row, "rules", "; ".join(sentences), now)
            if row.purpose == Purpose.EXIT and row.guard_id is None and len(sentences) == len(verdicts):
                self._keep(connection, row, verdicts, sentences, now)
            held = not _is_exit(row) or sells.holdings_of(connection, sells.key_of(row), closed_by=row.side)
            text = wording.stopped_at_the_claim(row, sentences, held=bool(held))
            self._show(connection, row, now, text)
            return False
        intents.claim(connection, row, now)
        if row.purpose == Purpose.ENTRY:
            self._reader.spent(row.venue, proposal.needs)
        if row.part == 1 and (unjudged := left_unjudged(self._rules, proposal, world)):
            text, subject = wording.not_checked(row, unjudged), f"alert:{row.alert_id}"
            self._outbox.tell(connection, text, at=now, subject=subject, loud=False)
        checkpoint("execution.claiming")
        return True

    def _tell_fitted(self, connection: Connection, row: Row[Any], left: int, now: datetime) -> None:
        """The owner has approved more than there is left to sell."""
        if left == row.quantity or intents.approval_of(connection, row.alert_id) is None:
            return
        text, subject = wording.less_than_approved(row, left), f"alert:{row.alert_id}"
        self._outbox.tell(connection, text, at=now, subject=subject)

    def _keep(
        self,
        connection: Connection,
        row: Row[Any],
        verdicts: Sequence[Verdict],
        sentences: list[str],
        now: datetime,
    ) -> None:
        rules = [verdict.rule for verdict in verdicts]
        known = {"alert_id": row.alert_id, "venue": row.venue, "strategy": row.strategy}
        if kept_exits.keep_refused(connection, **known, rules=rules, why="; ".join(sentences), at=now):
            sentences.append(wording.KEPT)
            self._outbox.show(connection, f"exit:{row.alert_id}", at=now)

    def _expire(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        why = "it was too old when its turn came"
        if sells.is_unfilled_before(connection, row):
            why += ": the exit before it is not filled, and nothing is opened on top of what is still held"
        intents.expire(connection, row, why, now)
        self._show(connection, row, now, wording.stopped_at_the_claim(row, [why]))

    def _is_too_old(self, connection: Connection, row: Row[Any], now: datetime) -> bool:
        """An entry approved long ago (a restored backup, an hour without session) is not wanted."""
        if row.purpose != Purpose.ENTRY:
            return False
        approval = intents.approval_of(connection, row.alert_id)
        agreed = approval.decided_at if approval and approval.decided_at else row.planned_at
        allowed = self._settings.strategy(row.strategy).max_alert_age_seconds
        return bool(now - agreed > timedelta(seconds=allowed))

    def _stopped(self, connection: Connection, row: Row[Any]) -> bool:
        if row.purpose == Purpose.CLOSE or flags.value(connection, flags.KILL_SWITCH) is None:
            return False
        now = self._clock()
        sentence = "the kill switch was thrown before it was sent"
        self._refuse(connection, row, "rules", sentence, now, state=IntentState.PLACING)
        self._show(connection, row, now, wording.stopped_at_the_claim(row, [sentence]))
        return True

    async def _place(self, row: Row[Any]) -> None:
        """The one call. Whatever is not a clear answer leaves the intent unknown."""
        placer = self._placers[row.venue]
        asked_at = self._clock()
        try:
            order_id = await placer.desk.place(ticket_of(row))
        except BrokerError as error:
            checkpoint("execution.failed")
            await self._database.write(partial(self._record_failure, row=row, error=error))
            if error.fault is BrokerFault.TOKEN:
                await placer.session.mark_dead(error.sentence, asked_at)
            return
        checkpoint("execution.answered")
        await self._database.write(lambda connection: self._record_placed(connection, row, order_id))

    def _record_placed(self, connection: Connection, row: Row[Any], order_id: str) -> None:
        """The book may have been faster and adopted the order; another id under our tag is an alarm."""
        now = self._clock()
        known = orders.of_intents(connection, [row.id]).get(row.id)
        if known is not None:
            if known.order_id != order_id:
                self._show(
                    connection, row, now, wording.two_orders(row, [known.order_id, order_id]), _UNKNOWN
                )
            return
        fresh = intents.get(connection, row.id)
        assert fresh is not None  # noqa: S101  it was claimed by us
        self._breaker.accepted()
        intents.mark_placed(connection, fresh, now)
        orders.place(connection, row, order_id, "regular", now)
        checkpoint("execution.recording")
        self._show(connection, row, now)

    def _record_failure(self, connection: Connection, row: Row[Any], error: BrokerError) -> None:
        now = self._clock()
        fresh = intents.get(connection, row.id)
        if fresh is None or fresh.state != IntentState.PLACING:
            return
        if error.outcome is Outcome.UNKNOWN:
            intents.lose_sight(connection, fresh, error.sentence, now)
            self._show(connection, row, now, wording.outcome_unknown(row, error.sentence), _UNKNOWN)
            return
        by = "broker" if error.outcome is Outcome.REFUSED else "not_sent"
        if error.fault is BrokerFault.RATE_LIMIT:
            self._pacer.pause()
            self._wire.pause()
        elif by == "broker":
            self._breaker.refused(connection, error.sentence, error.fault, now)
        self._refuse(connection, fresh, by, error.sentence, now)
        text = wording.broker_refused if by == "broker" else wording.not_sent
        self._show(connection, row, now, text(row, error.sentence))

    def _refuse(
        self,
        connection: Connection,
        row: Row[Any],
        by: str,
        reason: str,
        now: datetime,
        *,
        state: IntentState | None = None,
    ) -> None:
        fresh = intents.get(connection, row.id) if state else row
        if fresh is None:
            raise IllegalMove(f"intent {row.id} is gone")
        intents.refuse(connection, fresh, by=by, reason=reason, at=now)

    def _show(
        self,
        connection: Connection,
        row: Row[Any],
        now: datetime,
        text: str | None = None,
        event: NoticeEvent | None = None,
    ) -> None:
        """The card, and what is told beside it: without an `event`, that nothing was sent."""
        subject = f"alert:{row.alert_id}"
        self._outbox.show(connection, subject, at=now)
        if text is not None:
            event = event or (
                NoticeEvent.ORDER_REFUSED if row.purpose == Purpose.ENTRY else NoticeEvent.EXIT_REFUSED
            )
            self._outbox.tell(connection, text, at=now, subject=subject, event=event, strategy=row.strategy)

    async def cancel_exits(self, contracts: Collection[tuple[str, str, str, str]]) -> None:
        """Of these (venue, strategy, tradingsymbol, product) the working exits: others take their place."""
        for row in await self._database.read(orders.working):
            key = (row.venue, row.strategy, row.tradingsymbol, row.product)
            if row.purpose == Purpose.EXIT and key in contracts and row.cancel_asked_at is None:
                with suppress(BrokerError):
                    await self.cancel(row.venue, row.order_id, row.variety, orders.EXIT)

    async def cancel_entries(self, alert_ids: Collection[str]) -> None:
        """Their strategy wants out: what the entries of these alerts have not filled yet is cancelled."""
        for row in await self._database.read(orders.working):
            own = row.alert_id in alert_ids and row.purpose == Purpose.ENTRY
            if own and row.cancel_asked_at is None:
                with suppress(BrokerError):  # its fill or its end comes all the same
                    await self.cancel(row.venue, row.order_id, row.variety, orders.EXIT)

    async def cancel(self, venue: str, order_id: str, variety: str, reason: str) -> None:
        """Asks for an order's cancellation; `reason` is kept and decides what becomes of its rest.

        Raises BrokerError. It is cancelled when the book says so.
        """
        now = self._clock()
        await self._database.write(
            lambda connection: orders.note_cancellation(connection, venue, order_id, reason, now)
        )
        checkpoint("execution.cancel_noted")
        await self._wire.turn(urgent=True)
        await self._placers[venue].desk.cancel(order_id, variety)
        checkpoint("execution.cancel_asked")
        self._wakeups.look_into_the_book(venue)


def _oversold(connection: Connection, row: Row[Any]) -> list[str]:
    """The sell rule, once more: what is held may have shrunk since the exit was planned."""
    free = sells.free_for(connection, row) if _is_exit(row) else row.quantity
    if row.quantity <= free:
        return []
    return [
        f"{row.strategy} has {max(free, 0)} units of {row.tradingsymbol} left to sell, not {row.quantity}"
    ]


def _is_exit(row: Row[Any]) -> bool:
    """Whether it closes what a strategy holds. (What the account has beside, no book of ours can measure: its
    positions were read just before.)"""
    return bool(row.purpose != Purpose.ENTRY and row.strategy != sells.ACCOUNT)
