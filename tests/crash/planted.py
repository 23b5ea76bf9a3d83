"""Planted bugs, one or more a promise: what the campaign must catch, or it proves nothing."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row

from bot.courier import Courier
from bot.sorting import Delivery
from gateway import execution, intake, planning
from gateway.domain.errors import BrokerError, Outcome
from gateway.domain.order import AlertState, IntentState
from gateway.domain.risk import Readings
from gateway.kite.desk import Desk
from storage import holdings, intents, sells
from storage.alerts import Stored

_UNSURE = (IntentState.PLACING, IntentState.UNKNOWN)


def _forget_unplanned_alerts() -> None:
    """P1: what was acknowledged and not planned is not taken up at the start."""

    async def nothing(self: intake.Intake, older_than: timedelta = timedelta(0)) -> None:
        return

    _replace(intake.Intake, "take_up", nothing)


def _acknowledge_before_the_commit() -> None:
    """P1: the 200 goes out while the alert is still in memory."""
    accept = intake.Intake.accept

    async def hasty(self: intake.Intake, arrivals: list[Any]) -> list[Stored]:
        hasty.kept = asyncio.create_task(accept(self, arrivals))  # type: ignore[attr-defined]
        return [Stored(alert_id=each.alert_id, state=AlertState.RECEIVED) for each in arrivals]

    _replace(intake.Intake, "accept", hasty)


def _retry_after_no_answer() -> None:
    """P2: an order whose answer did not come is sent once more."""
    place = Desk.place

    async def stubborn(self: Desk, ticket: Any) -> str:
        try:
            return await place(self, ticket)
        except BrokerError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            return await place(self, ticket)

    _replace(Desk, "place", stubborn)


def _claim_without_a_guard() -> None:
    """P2: what may not have reached the broker when the process died is sent at the next start."""
    approved, claim = execution.Executor._approved, execution.Executor._claim

    async def all_of_them(self: execution.Executor) -> tuple[list[Row[Any]], bool]:
        left = await self._database.write(lambda connection: intents.in_state(connection, *_UNSURE))
        rows = [row for row in left if row.venue in self._ready and row.id not in self._in_flight]
        others, held_back = await approved(self)
        return rows + others, held_back

    def unguarded(
        self: execution.Executor, connection: Connection, intent_id: str, readings: Readings
    ) -> bool:
        row = intents.get(connection, intent_id)
        return (row is not None and row.state in _UNSURE) or claim(self, connection, intent_id, readings)

    _replace(execution.Executor, "_approved", all_of_them)
    _replace(execution.Executor, "_claim", unguarded)


def _trade_without_asking() -> None:
    """P3: a strategy with approval on is traded without it."""

    _replace(planning.Planner, "_asks", lambda self, connection, strategy: False)


def _one_look_at_the_kill_switch() -> None:
    """P4: the switch is not looked at again between the claim and the call."""
    _replace(execution.Executor, "_stopped", lambda self, connection, row: False)


def _sells_count_when_filled() -> None:
    """P5: sells that are decided, open or unknown do not count as sold."""
    _replace(intents, "being_sold", lambda *_: 0)
    _replace(intents, "leaving_account", lambda *_: 0)
    _replace(sells, "free_for", lambda connection, row: row.quantity)


def _no_answer_means_failed() -> None:
    """P6: an order whose answer did not come is booked and told as failed."""
    record = execution.Executor._record_failure

    def hasty(self: execution.Executor, connection: Connection, row: Row[Any], error: BrokerError) -> None:
        if error.outcome is Outcome.UNKNOWN:
            error = BrokerError(error.sentence, outcome=Outcome.NOT_SENT, fault=error.fault)
        record(self, connection, row, error)

    _replace(execution.Executor, "_record_failure", hasty)


def _fills_twice() -> None:
    """P8: a fill is added to the holding twice."""
    buy = holdings.enter

    def twice(connection: Connection, intent: Row[Any], quantity: int, value: Any, at: Any) -> None:
        buy(connection, intent, quantity, value, at)
        buy(connection, intent, quantity, value, at)

    _replace(holdings, "enter", twice)


def _notice_struck_out_before_it_is_sent() -> None:
    """P9: a notice counts as sent before Telegram has it."""
    send, done = Courier._send_text, Courier._done

    async def early(self: Courier, delivery: Delivery) -> None:
        await done(self, delivery)
        await send(self, delivery)

    _replace(Courier, "_send_text", early)


def _replace(owner: Any, name: str, value: Any) -> None:
    """Breaks one thing; a name that is not there any more must not leave the product whole unnoticed."""
    assert hasattr(owner, name), f"{owner} has no {name}: plant the bug anew"
    setattr(owner, name, value)


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__.strip("_"): plant
    for plant in (
        _forget_unplanned_alerts,
        _acknowledge_before_the_commit,
        _retry_after_no_answer,
        _claim_without_a_guard,
        _trade_without_asking,
        _one_look_at_the_kill_switch,
        _sells_count_when_filled,
        _no_answer_means_failed,
        _fills_twice,
        _notice_struck_out_before_it_is_sent,
    )
}
