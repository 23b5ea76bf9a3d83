"""Exits that could not go out: kept until they can, or until the owner says what is to become of them."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum, unique
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.domain.errors import IllegalMove
from gateway.domain.order import IntentState, OrderState, Purpose
from storage import audit
from storage.tables import intents, kept_exits, orders

#: Refusals by these rules pass with time: a login, the next opening.
PASSING = frozenset({"session", "market hours"})


@unique
class KeptState(StrEnum):
    """What becomes of one."""

    #: For a session or an open market.
    WAITING = "waiting"
    #: For the end of an order of ours: until then the positions do not show what is left to close.
    BEHIND = "behind"
    #: The broker said no: the owner is asked.
    OFFERED = "offered"
    #: It came in again, as an alert of its own.
    SENT = "sent"
    #: The owner does not want it any more.
    LEFT = "left"
    #: Nothing is held any more that it could close.
    GONE = "gone"


#: Those that go out by themselves once they can.
PATIENT = frozenset({KeptState.WAITING, KeptState.BEHIND})
#: Those of which something is still to come.
STANDING = PATIENT | {KeptState.OFFERED}


def keep_refused(
    connection: Connection,
    *,
    alert_id: str,
    venue: str,
    strategy: str,
    rules: Collection[str],
    why: str,
    at: datetime,
) -> bool:
    """Keeps an exit that only passing rules have refused; False when it is not to be kept."""
    if not rules or not set(rules) <= PASSING:
        return False
    values = {"alert_id": alert_id, "venue": venue, "strategy": strategy, "why": why}
    add(connection, KeptState.WAITING, values, at)
    return True


def add(connection: Connection, state: KeptState, values: dict[str, Any], at: datetime) -> None:
    """A new one; an alert is kept once."""
    if get(connection, values["alert_id"]) is not None:
        return
    connection.execute(insert(kept_exits).values(state=state, kept_at=at, **values))
    audit.append(connection, at, f"exit.{state}", alert_id=values["alert_id"], why=values["why"])


def get(connection: Connection, alert_id: str) -> Row[Any] | None:
    """Of one alert."""
    return connection.execute(select(kept_exits).where(kept_exits.c.alert_id == alert_id)).one_or_none()


def standing(connection: Connection) -> list[Row[Any]]:
    """Those that wait or are offered, the oldest first."""
    statement = select(kept_exits).where(kept_exits.c.state.in_(STANDING))
    return list(connection.execute(statement.order_by(kept_exits.c.kept_at, kept_exits.c.alert_id)))


def end(
    connection: Connection,
    row: Row[Any],
    goal: KeptState,
    at: datetime,
    *,
    by: str | None = None,
    sent_as: str | None = None,
) -> None:
    """From where it waits or is offered to its end, once. Raises IllegalMove when somebody was faster."""
    same = (kept_exits.c.alert_id == row.alert_id) & kept_exits.c.state.in_(STANDING)
    values = {"state": goal, "ended_at": at, "ended_by": by[:64] if by else None, "sent_as": sent_as}
    if connection.execute(update(kept_exits).where(same).values(**values)).rowcount != 1:
        raise IllegalMove(f"the kept exit of alert {row.alert_id} is at its end")
    audit.append(connection, at, f"exit.{goal}", alert_id=row.alert_id, by=by, sent_as=sent_as)


def failed(connection: Connection, since: datetime) -> list[Row[Any]]:
    """Exits of alerts (guards' are none of them) that ended with a rest nobody carries on, and that are not
    kept yet: the intents' columns, and of the order, where there was one, `status_message`,
    `filled_quantity`, `cancel_reason`."""
    successor = intents.alias("successor")
    refused = (intents.c.state == IntentState.REFUSED) & intents.c.refused_by.in_(["broker", "not_sent"])
    ended = orders.c.state.in_([OrderState.CANCELLED, OrderState.REJECTED])
    statement = (
        select(
            intents,
            orders.c.status_message,
            func.coalesce(orders.c.filled_quantity, 0).label("filled_quantity"),
            orders.c.cancel_reason,
        )
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .outerjoin(successor, successor.c.follows == intents.c.id)
        .outerjoin(kept_exits, kept_exits.c.alert_id == intents.c.alert_id)
        .where(
            (intents.c.planned_at >= since)
            & (intents.c.purpose == Purpose.EXIT)
            & intents.c.guard_id.is_(None)
            & (refused | (ended & (orders.c.filled_quantity < orders.c.quantity)))
            & successor.c.id.is_(None)
            & intents.c.questioned_at.is_(None)
            & kept_exits.c.alert_id.is_(None)
        )
    )
    return list(connection.execute(statement))


def rests(connection: Connection, alert_id: str) -> dict[tuple[str, str], int]:
    """Units by contract (tradingsymbol and product) that an exit was to sell and has not sold."""
    filled = func.coalesce(orders.c.filled_quantity, 0)
    statement = (
        select(intents.c.tradingsymbol, intents.c.product, intents.c.follows, intents.c.quantity, filled)
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .where(intents.c.alert_id == alert_id)
    )
    found: dict[tuple[str, str], int] = {}
    for tradingsymbol, product, follows, quantity, done in connection.execute(statement):
        key = (tradingsymbol, product)
        found[key] = found.get(key, 0) + (quantity if follows is None else 0) - done
    return {key: units for key, units in found.items() if units > 0}
