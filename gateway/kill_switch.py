"""The kill switch: the flag first, then all that is on its way is made void. It stays on until lifted."""

import asyncio
import html
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.breaker import ENTRIES_HALTED
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError
from gateway.domain.order import AlertState, IntentState, Purpose
from gateway.wakeups import Bell, Wakeups
from storage import alerts, closings, flags, holdings, intents, orders
from storage.closings import Kind, State
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

_EVENT = NoticeEvent.KILL_SWITCH
_ENDED = "/resume ended the flatten"

#: Cancels an order at a venue: venue, order id, variety, reason. Raises BrokerError.
Cancel = Callable[[str, str, str, str], Awaitable[None]]

#: How soon a switch thrown from outside is seen.
WATCH_SECONDS = 1.0

#: Rests of older orders are gone with their day.
A_DAY = timedelta(days=1)
_REASON = "the kill switch was thrown"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What the switch met: questions made void, approved intents stopped, calls it could not stop."""

    voided: int
    stopped: int
    in_flight: int
    alert_ids: tuple[str, ...]


def throw(
    connection: Connection,
    outbox: Outbox,
    by: str,
    at: datetime,
    *,
    flatten: bool = False,
    whole_account: bool = False,
) -> Stopped:
    """Sets the flag and voids what has not been sent, in one transaction; needs no running gateway.

    With `flatten` the closing of every holding is begun, too (with `whole_account` of all that the account
    has): the gateway carries it out, now or when it runs again.
    """
    flags.put(connection, flags.KILL_SWITCH, "on", by=by, at=at)
    if flatten:
        closings.begin(connection, Kind.FLATTEN, by=by, at=at, whole_account=whole_account)
    checkpoint("kill_switch.set")
    pending = intents.pending_approvals(connection)
    for row in pending:
        intents.decide(connection, row.id, intents.VOID, by=_REASON, at=at)
    ready = intents.in_state(connection, IntentState.APPROVED, IntentState.PLANNED)
    approved = [row for row in ready if row.purpose != Purpose.CLOSE]
    for intent in approved:
        intents.refuse(connection, intent, by="rules", reason=_REASON, at=at)
    for rest in orders.unfinished(connection, at - A_DAY):
        # An exit being chased must not be sent anew when the switch is lifted.
        if rest.purpose == Purpose.EXIT:
            intents.mark_questioned(connection, rest, at)
    in_flight = intents.in_state(connection, IntentState.PLACING, IntentState.UNKNOWN)
    alert_ids = sorted({row.alert_id for row in [*pending, *approved]})
    for alert_id in alert_ids:
        outbox.show(connection, f"alert:{alert_id}", at=at, priority=Priority.QUESTION)
    stopped = Stopped(
        voided=len(pending), stopped=len(approved), in_flight=len(in_flight), alert_ids=tuple(alert_ids)
    )
    held = [] if flatten else holdings.open_(connection)
    outbox.tell(connection, _told(stopped, by, held), at=at, priority=Priority.QUESTION, event=_EVENT)
    return stopped


def lift(connection: Connection, outbox: Outbox, by: str, at: datetime) -> bool:
    """Takes the flag away, and the breaker's with it; False when neither was set.

    A flatten under way ends: it would sell what is bought from now on.
    """
    was_on = flags.clear(connection, flags.KILL_SWITCH, by=by, at=at)
    was_on |= flags.clear(connection, ENTRIES_HALTED, by=by, at=at)
    if was_on:
        text = f"🟢 <b>Resumed</b> by {html.escape(by)}. New alerts are acted on again."
        outbox.tell(connection, text + _given_up(connection, outbox, at), at=at, event=_EVENT)
    return was_on


def _given_up(connection: Connection, outbox: Outbox, at: datetime) -> str:
    """Ends the flatten under way; what is still held, as a sentence."""
    under_way = [row for row in closings.open_(connection) if row.kind == Kind.FLATTEN]
    for row in under_way:
        closings.end(connection, row.id, State.GIVEN_UP, at)
        outbox.show(connection, f"closing:{row.id}", at=at)
        # A closing by hand that goes on beside sends its exits anew.
        for intent in intents.in_state(connection, IntentState.APPROVED):
            if intent.purpose == Purpose.CLOSE:
                intents.refuse(connection, intent, by="rules", reason=_ENDED, at=at)
        for alert in alerts.unplanned_inside(connection):
            alerts.settle(connection, alert.id, AlertState.REFUSED, _ENDED, at)
    held = holdings.open_(connection) if under_way else []
    return f"\n⚠️ The flatten ends here. Still held:\n{_lines(held)}" if held else ""


def _told(stopped: Stopped, by: str, held: Sequence[Row[Any]]) -> str:
    lines = [
        f"🛑 <b>Kill switch on</b>, by {html.escape(by)}. Nothing is sent until /resume.",
        f"Questions made void: {stopped.voided}. Orders stopped before sending: {stopped.stopped}.",
    ]
    if stopped.in_flight:
        lines.append(f"⚠️ {stopped.in_flight} on the way to Kite or without a clear answer; it follows.")
    if held:
        lines.append("⚠️ Still held, and without stop or target from now on:")
        lines += [_lines(held), "/squareoff closes them."]
    return "\n".join(lines)


def _lines(held: Sequence[Row[Any]]) -> str:
    units: dict[tuple[str, str], int] = {}
    for row in held:
        units[row.tradingsymbol, row.strategy] = (
            units.get((row.tradingsymbol, row.strategy), 0) + row.quantity
        )
    return "\n".join(
        f"• {html.escape(symbol)} {quantity} · {html.escape(strategy)}"
        for (symbol, strategy), quantity in units.items()
    )


class KillSwitch:
    """The switch inside the running gateway: throws it and cancels what already works at the broker."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        cancel: Cancel,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._wakeups = wakeups
        self._clock = clock
        self._cancel = cancel
        self._acted = False
        self._thrown = Bell()
        self._cancelling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Acts on a switch thrown by the command line or before a restart, while not cancelled."""
        try:
            while True:
                await self._look()
                await self._thrown.wait(WATCH_SECONDS)
        finally:
            if self._cancelling is not None:
                self._cancelling.cancel()

    async def _look(self) -> None:
        """Cancelling goes on beside: a broker that does not answer must not hold up the next look."""
        is_on = await self._database.write(lambda connection: flags.value(connection, flags.KILL_SWITCH))
        if self._cancelling is not None and not self._cancelling.done():
            return
        if is_on:
            self._cancelling = asyncio.create_task(self.cancel_working(late=self._acted), name="kill switch")
        self._acted = bool(is_on)

    async def throw(self, by: str, *, flatten: bool = False, whole_account: bool = False) -> None:
        """The flag is on disk when this returns; `run` then cancels what works at the broker, and tells."""
        now = self._clock()
        stopped = await self._database.write(
            lambda connection: throw(
                connection, self._outbox, by, now, flatten=flatten, whole_account=whole_account
            )
        )
        checkpoint("kill_switch.committed")
        log.warning("kill_switch_thrown", by=by, voided=stopped.voided, stopped=stopped.stopped)
        self._wakeups.told(*stopped.alert_ids)
        self._wakeups.closings.ring()
        self._acted = False
        self._thrown.ring()

    async def cancel_working(self, *, late: bool = False) -> None:
        """Cancels every working order of ours; `late`: the entries that were on their way when the switch was
        thrown, and have come to work since. What the broker does not let go of is told."""
        rows = await self._database.write(orders.working)
        if late:
            rows = [row for row in rows if row.purpose == Purpose.ENTRY and row.cancel_reason != orders.KILL]
        failures = [
            failure for failure in await asyncio.gather(*(self._cancel_one(row) for row in rows)) if failure
        ]
        if not rows:
            return
        now = self._clock()
        text = f"🛑 Cancellation asked for {len(rows) - len(failures)} of {len(rows)} working orders."
        text += "".join(f"\n⚠️ {failure}" for failure in failures)
        if failures:
            text += "\nIt is asked for again every 15 s until they are gone."
        await self._database.write(
            lambda connection: self._outbox.tell(
                connection, text, at=now, priority=Priority.QUESTION, event=_EVENT
            )
        )
        self._wakeups.told()

    async def _cancel_one(self, row: Row[Any]) -> str | None:
        try:
            await self._cancel(row.venue, row.order_id, row.variety, orders.KILL)
        except BrokerError as error:
            return html.escape(f"order {row.order_id} ({row.tradingsymbol}): {error.sentence}")
        return None

    async def lift(self, by: str) -> bool:
        """Ends the stop; False when it was not on."""
        now = self._clock()
        was_on = await self._database.write(lambda connection: lift(connection, self._outbox, by, now))
        self._wakeups.told()
        return was_on
