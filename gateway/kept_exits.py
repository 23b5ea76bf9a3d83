"""Exits kept: what no session, a closed market, an order under way or the broker stopped is not forgotten.

An exit that waited comes in again as an alert of its own: at once while it is fresh, else with a question.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection, Row

from config.settings import Settings
from gateway.chase import is_due
from gateway.domain.errors import BrokerFault, IllegalMove, StorageFailed
from gateway.domain.order import new_alert_id
from gateway.domain.signal import Action, Signal
from gateway.exits import ExitPlan, plan_exits
from gateway.intake import Intake
from gateway.kite.outcomes import fault_of_words
from gateway.wakeups import Wakeups
from storage import alerts, audit, closings, flags, holdings, kept_exits
from storage.alerts import Arrival
from storage.engine import Database
from storage.kept_exits import KeptState
from storage.notices import Outbox, Priority

log = structlog.get_logger()

LOOK_SECONDS = 2.0
#: What ended longer ago is offered no more: Kite's orders end with the day.
TODAY = timedelta(hours=12)
_SETTLED = "This is settled already."


@dataclass(frozen=True, kw_only=True)
class KeptView:
    """What the card of a kept exit shows: its row, and what of its strategy it still means."""

    row: Row[Any]
    contracts: tuple[tuple[str, int], ...]

    @property
    def is_standing(self) -> bool:
        """Whether something is still to be decided."""
        return self.row.state in kept_exits.STANDING


class KeptExits:
    """Looks now and then; the sales themselves go the way of every alert."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        intake: Intake,
        blocked: Callable[[str], str | None],
        freeze: Callable[[str, str], int],
    ) -> None:
        """`blocked`: why nothing can be sent to a venue now; `freeze`: the largest order of an underlying."""
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._wakeups = wakeups
        self._clock = clock
        self._intake = intake
        self._blocked = blocked
        self._freeze = freeze
        self._looked_at: int | None = None

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("kept_exits_wait_for_the_database", error=str(error))
                self._looked_at = None
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Keeps what has failed, sends what may go again, lets go of what has nothing to close any more."""
        failed, standing = await self._database.read(self._read)
        if failed:
            await self._database.write(self._keep)
            self._wakeups.outbox.ring()
        for row in standing:
            try:
                await self._take_up(row)
            except IllegalMove as error:
                log.info("kept_exit_moved_on", alert_id=row.alert_id, error=str(error))

    def _read(self, connection: Connection) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """What has failed is looked for only where something has happened since the last look."""
        seq = audit.last_seq(connection)
        failed = self._failed(connection) if seq != self._looked_at else []
        self._looked_at = seq
        return failed, kept_exits.standing(connection)

    def _failed(self, connection: Connection) -> list[Row[Any]]:
        if flags.value(connection, flags.KILL_SWITCH) is not None:
            return []
        rows = kept_exits.failed(connection, self._clock() - TODAY)
        return [
            row for row in rows if row.cancel_reason is None and not is_due(row) and _is_held(connection, row)
        ]

    def _keep(self, connection: Connection) -> None:
        """A dead token passes with the next login; all else is the owner's to decide."""
        now = self._clock()
        for row in self._failed(connection):
            why = row.status_message or row.reason or "refused"
            passes = fault_of_words(why) is BrokerFault.TOKEN
            state = KeptState.WAITING if passes else KeptState.OFFERED
            values = {"alert_id": row.alert_id, "venue": row.venue, "strategy": row.strategy, "why": why}
            kept_exits.add(connection, state, values, now)
            subject = subject_of(row.alert_id)
            self._outbox.show(connection, subject, at=now, loud=True, priority=Priority.QUESTION)

    async def _take_up(self, row: Row[Any]) -> None:
        signals = await self._database.read(lambda connection: self._left(connection, row.alert_id))
        if not signals:
            await self._end(row, KeptState.GONE)
        elif row.state not in kept_exits.PATIENT:
            return
        elif await self._database.read(_is_stopped):
            await self._end(row, KeptState.LEFT, by="the kill switch")
        elif self._blocked(row.venue) is None and not await self._is_behind(row, signals):
            await self._send(row, signals, by=None)

    async def _is_behind(self, row: Row[Any], signals: list[Signal]) -> bool:
        """Whether an order of ours in its contracts is still to be settled, where it was kept for that."""
        if row.state != KeptState.BEHIND:
            return False

        def look(connection: Connection) -> bool:
            moving = closings.moving(connection, row.venue)
            plans = [plan for signal in signals for plan in self._plans(connection, signal)]
            return any((plan.contract.tradingsymbol, plan.product) in moving for plan in plans)

        return await self._database.read(look)

    def _plans(self, connection: Connection, signal: Signal) -> list[ExitPlan]:
        strategy = self._settings.strategy(signal.strategy)
        return plan_exits(connection, signal, strategy, lambda name: self._freeze(strategy.venue, name))

    def _left(self, connection: Connection, alert_id: str) -> list[Signal]:
        """What is still to be sold of it, as signals; empty when nothing is held that it means."""
        alert = alerts.get(connection, alert_id)
        if alert is None or alert.signal is None:
            return []
        original = alerts.signal_of(alert)
        rests = kept_exits.rests(connection, alert_id)
        wanted = [
            replace(
                original,
                action=Action.EXIT,
                tradingsymbol=tradingsymbol,
                product=product,
                quantity=units,
                lots=None,
            )
            for (tradingsymbol, product), units in rests.items()
        ] or [original]
        return [signal for signal in wanted if self._plans(connection, signal)]

    async def _send(self, row: Row[Any], signals: list[Signal], *, by: str | None) -> None:
        """Sent under a key of its own, then ended: should the process die in between, the same key comes
        again, and is a duplicate."""
        old = await self._database.read(lambda connection: alerts.get(connection, row.alert_id))
        assert old is not None  # noqa: S101  its signals were read from it
        now = self._clock()
        arrivals = []
        for signal in signals:
            alert_id = new_alert_id()
            arrivals.append(
                Arrival(
                    alert_id=alert_id,
                    # What goes by itself is as old as it is; what the owner says now is of now.
                    received_at=old.received_at if by is None else now,
                    source=f"again: {row.alert_id}",
                    body=old.body,
                    body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
                    strategy=row.strategy,
                    dedupe_key=f"kept:{row.alert_id}:{signal.tradingsymbol}:{signal.product}",
                    signal=replace(signal, id=None, time=signal.time if by is None else None),
                )
            )
        await self._intake.accept(arrivals)
        sent_as = ", ".join(arrival.alert_id for arrival in arrivals)
        await self._end(row, KeptState.SENT, by=by, sent_as=sent_as)

    async def _end(
        self, row: Row[Any], goal: KeptState, *, by: str | None = None, sent_as: str | None = None
    ) -> None:
        now = self._clock()

        def work(connection: Connection) -> None:
            kept_exits.end(connection, row, goal, now, by=by, sent_as=sent_as)
            self._outbox.show(connection, subject_of(row.alert_id), at=now)

        await self._database.write(work)
        self._wakeups.outbox.ring()

    async def sell(self, alert_id: str, by: str) -> str:
        """The owner wants it sold now. Raises StorageFailed."""
        row = await self._standing(alert_id)
        if row is None:
            return _SETTLED
        blocked = self._blocked(row.venue)
        if blocked is not None:
            return f"Not now: {blocked}. It is kept."
        signals = await self._database.read(lambda connection: self._left(connection, alert_id))
        try:
            if not signals:
                await self._end(row, KeptState.GONE)
                return "Nothing is held any more that it could close."
            await self._send(row, signals, by=by)
        except IllegalMove:
            return _SETTLED
        return "It comes in again as a new exit."

    async def leave(self, alert_id: str, by: str) -> str:
        """The owner does not want it any more. Raises StorageFailed."""
        row = await self._standing(alert_id)
        if row is None:
            return _SETTLED
        try:
            await self._end(row, KeptState.LEFT, by=by)
        except IllegalMove:
            return _SETTLED
        return "Left: nothing is sold."

    async def _standing(self, alert_id: str) -> Row[Any] | None:
        row = await self._database.read(lambda connection: kept_exits.get(connection, alert_id))
        return row if row is not None and row.state in kept_exits.STANDING else None


def subject_of(alert_id: str) -> str:
    """The subject of its card."""
    return f"exit:{alert_id}"


def view_of(connection: Connection, alert_id: str) -> KeptView | None:
    """For its card."""
    row = kept_exits.get(connection, alert_id)
    if row is None:
        return None
    held = holdings.open_(connection, row.strategy, row.venue)
    return KeptView(row=row, contracts=tuple((each.tradingsymbol, each.quantity) for each in held))


def _is_held(connection: Connection, row: Row[Any]) -> bool:
    return bool(holdings.of_contract(connection, row.venue, row.strategy, row.tradingsymbol, row.product))


def _is_stopped(connection: Connection) -> bool:
    return flags.value(connection, flags.KILL_SWITCH) is not None
