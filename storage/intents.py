"""Intents and approvals: what was decided, whether the owner agrees, and the claim before the one call."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.domain.errors import IllegalMove
from gateway.domain.figures import Figures
from gateway.domain.order import DECIDED_INTENTS, LIVE_INTENTS, WORKING_ORDERS, IntentState, Purpose
from storage import audit, sells
from storage.tables import alerts, approvals, intents, orders
from storage.transition import move

#: Values of `approvals.decision`.
PENDING, APPROVED, REJECTED, EXPIRED, VOID = "pending", "approved", "rejected", "expired", sells.VOID

IntentRow = Row[Any]

# Built once: building a statement costs more than SQLite takes to run it, and these stand between an alert
# and its order.
_INSERT = insert(intents)
_BY_ID = select(intents).where(intents.c.id == bindparam("id"))
_OF_ALERT = select(intents).where(intents.c.alert_id == bindparam("alert_id")).order_by(intents.c.part)
_APPROVAL_OF = select(approvals).where(approvals.c.alert_id == bindparam("alert_id"))
_PLACED_SINCE = select(func.count()).select_from(intents).where(intents.c.placing_at >= bindparam("since"))
_WORKING = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
_MAY_OPEN = (intents.c.purpose == Purpose.ENTRY) & (
    intents.c.state.in_(LIVE_INTENTS) | intents.c.id.in_(_WORKING)
)
_LIVE_ENTRIES = select(intents.c.venue, intents.c.strategy, intents.c.tradingsymbol).where(_MAY_OPEN)
_LIVE_ENTRIES_OF = select(intents).where(_MAY_OPEN & (intents.c.strategy == bindparam("of_strategy")))


def add(connection: Connection, rows: list[dict[str, Any]], at: datetime) -> None:
    """New intents, all planned, tags and all: from here on a restart finds them."""
    connection.execute(_INSERT, [{**row, "state": IntentState.PLANNED, "planned_at": at} for row in rows])
    audit.append_all(
        connection,
        at,
        [
            {
                "event": "intent.planned",
                "alert_id": row["alert_id"],
                "intent_id": row["id"],
                "detail": {
                    key: str(row[key])
                    for key in ("tag", "venue", "side", "tradingsymbol", "quantity", "product", "order_type")
                },
            }
            for row in rows
        ],
    )


def get(connection: Connection, intent_id: str) -> IntentRow | None:
    """The row of an intent."""
    return connection.execute(_BY_ID, {"id": intent_id}).one_or_none()


def of_alert(connection: Connection, alert_id: str) -> list[IntentRow]:
    """The intents of an alert, in their order."""
    return list(connection.execute(_OF_ALERT, {"alert_id": alert_id}))


def in_state(connection: Connection, *states: IntentState) -> list[IntentRow]:
    """All intents in one of these states, exits first, then in the order they were planned."""
    return list(connection.execute(_in_state(states)))


@cache
def _in_state(states: tuple[IntentState, ...]) -> Select[Any]:
    in_turn = (intents.c.purpose == Purpose.ENTRY, intents.c.planned_at, intents.c.part)
    return select(intents).where(intents.c.state.in_(states)).order_by(*in_turn)


def ask(connection: Connection, approval_id: str, alert_id: str, at: datetime, deadline: datetime) -> None:
    """The owner is to decide over all intents of an alert until the deadline."""
    connection.execute(
        insert(approvals).values(
            id=approval_id, alert_id=alert_id, asked_at=at, deadline=deadline, decision=PENDING
        )
    )
    for row in of_alert(connection, alert_id):
        _step(connection, row, IntentState.AWAITING_APPROVAL, at)


def approve_unasked(connection: Connection, alert_id: str, at: datetime) -> None:
    """Approval is off: the alert's intents go straight on."""
    for row in of_alert(connection, alert_id):
        _step(connection, row, IntentState.APPROVED, at)


def approval(connection: Connection, approval_id: str) -> Row[Any] | None:
    """An approval by its id."""
    return connection.execute(select(approvals).where(approvals.c.id == approval_id)).one_or_none()


def approval_of(connection: Connection, alert_id: str) -> Row[Any] | None:
    """The approval of an alert; None where none was asked."""
    return connection.execute(_APPROVAL_OF, {"alert_id": alert_id}).one_or_none()


def pending_approvals(connection: Connection) -> list[Row[Any]]:
    """The approvals that are still to be decided, by their deadline."""
    statement = select(approvals).where(approvals.c.decision == PENDING).order_by(approvals.c.deadline)
    return list(connection.execute(statement))


def decide(
    connection: Connection,
    approval_id: str,
    decision: str,
    *,
    by: str,
    at: datetime,
    version: int | None = None,
) -> Row[Any]:
    """Decides a pending approval once, and moves the alert's intents with it; returns the approval.

    Approving needs `at` before the deadline, and, where a `version` is named, the card as it was asked last.
    Raises IllegalMove when it was decided before, or is not what was asked.
    """
    pending = (approvals.c.id == approval_id) & (approvals.c.decision == PENDING)
    if decision == APPROVED:
        pending &= approvals.c.deadline > at
        if version is not None:
            pending &= approvals.c.version == version
    statement = update(approvals).where(pending).values(decision=decision, decided_by=by, decided_at=at)
    if connection.execute(statement).rowcount != 1:
        raise IllegalMove(f"approval {approval_id} is not pending any more")
    row = approval(connection, approval_id)
    assert row is not None  # noqa: S101  it was updated in this transaction
    audit.append(connection, at, f"approval.{decision}", alert_id=row.alert_id, by=by)
    goal = _GOALS[decision]
    for intent in of_alert(connection, row.alert_id):
        if intent.state == IntentState.AWAITING_APPROVAL:
            values: dict[str, Any] = {} if goal is IntentState.APPROVED else {"settled_at": at}
            if goal is IntentState.REFUSED:
                values |= {"refused_by": "rules", "reason": by}
            _step(connection, intent, goal, at, **values)
    return row


def withdraw_asked(
    connection: Connection,
    contracts: Collection[sells.Key],
    why: str,
    at: datetime,
    *,
    but: str | None = None,
) -> list[str]:
    """Another exit of these contracts is planned in the same transaction: the pending questions about exits
    of them (`but` for one alert's) are void, and say why. Where one asks about other contracts, too, those
    stay asked about. Returns the alerts whose cards that changes."""
    changed = []
    for asked in pending_approvals(connection):
        rows = [row for row in of_alert(connection, asked.alert_id) if row.purpose != Purpose.ENTRY]
        open_ = [row for row in rows if row.state == IntentState.AWAITING_APPROVAL]
        gone = [row for row in open_ if sells.key_of(row) in contracts]
        if not gone or asked.alert_id == but:
            continue
        changed.append(asked.alert_id)
        if len(gone) == len(open_):
            decide(connection, asked.id, VOID, by=why, at=at)
            continue
        for row in gone:
            refuse(connection, row, by="rules", reason=why, at=at)
    return changed


def asked_about(connection: Connection, key: sells.Key) -> int:
    """Units of a contract that exits would close about which the owner is still asked."""
    venue, strategy, tradingsymbol, product = key
    asked = and_(
        intents.c.venue == venue,
        intents.c.strategy == strategy,
        intents.c.tradingsymbol == tradingsymbol,
        intents.c.product == product,
        intents.c.purpose != Purpose.ENTRY,
        intents.c.state == IntentState.AWAITING_APPROVAL,
    )
    return _unfilled(connection, asked)


def take_back(connection: Connection, asked: Row[Any], note: str, at: datetime) -> None:
    """A pending question is to be put anew in the same transaction: its version counts up, its intents, none
    of which was ever sent, are gone. Raises IllegalMove when it is not as `asked` any more, or its time over.
    """
    same = (approvals.c.id == asked.id) & (approvals.c.version == asked.version)
    open_ = (approvals.c.decision == PENDING) & (approvals.c.deadline > at)
    statement = update(approvals).where(same & open_).values(version=asked.version + 1, note=note)
    if connection.execute(statement).rowcount != 1:
        raise IllegalMove(f"approval {asked.id} is not what was asked any more")
    rows = of_alert(connection, asked.alert_id)
    gone = delete(intents).where(
        (intents.c.alert_id == asked.alert_id) & (intents.c.state == IntentState.AWAITING_APPROVAL)
    )
    if connection.execute(gone).rowcount != len(rows):
        raise IllegalMove(f"not every intent of {asked.alert_id} waits for approval")
    audit.append(connection, at, "approval.asked_anew", alert_id=asked.alert_id, note=note)


def put_anew(connection: Connection, rows: list[dict[str, Any]], at: datetime) -> None:
    """The intents that a question taken back is now about."""
    add(connection, rows, at)
    for row in of_alert(connection, rows[0]["alert_id"]):
        _step(connection, row, IntentState.AWAITING_APPROVAL, at)


def note_figures(connection: Connection, approval_id: str, figures: Figures) -> None:
    """What the market and the limits look like, for the card of a question that is still open."""
    pending = (approvals.c.id == approval_id) & (approvals.c.decision == PENDING)
    text = msgspec.json.encode(figures).decode()
    connection.execute(update(approvals).where(pending).values(figures=text))


def figures_of(asked: Row[Any]) -> Figures | None:
    """What was noted for a question's card; None before that."""
    return msgspec.json.decode(asked.figures, type=Figures) if asked.figures else None


_GOALS = {
    APPROVED: IntentState.APPROVED,
    REJECTED: IntentState.REJECTED,
    EXPIRED: IntentState.EXPIRED,
    VOID: IntentState.REFUSED,
}


def claim(connection: Connection, row: IntentRow, at: datetime) -> None:
    """From approved to placing: from this commit on an order may exist. Raises IllegalMove."""
    _step(connection, row, IntentState.PLACING, at, placing_at=at)


def refuse(connection: Connection, row: IntentRow, *, by: str, reason: str, at: datetime) -> None:
    """No order exists and none will: `by` is "rules", "broker" or "not_sent"."""
    _step(connection, row, IntentState.REFUSED, at, refused_by=by, reason=reason, settled_at=at)


def lose_sight(connection: Connection, row: IntentRow, reason: str, at: datetime) -> None:
    """The call's outcome is not known: an order may exist."""
    _step(connection, row, IntentState.UNKNOWN, at, reason=reason)


def close(connection: Connection, row: IntentRow, *, by: str, at: datetime) -> None:
    """The owner says that no order exists for this unknown intent."""
    _step(connection, row, IntentState.CLOSED, at, reason=f"closed by {by}", settled_at=at)


def mark_placed(connection: Connection, row: IntentRow, at: datetime) -> None:
    """The broker has an order for it (from placing, or adopted later)."""
    _step(connection, row, IntentState.PLACED, at, settled_at=at)


def leaving_account(connection: Connection, venue: str, tradingsymbol: str, product: str, side: str) -> int:
    """Units of one contract that exits on that side, of any strategy of ours, are closing right now."""
    return _unfilled(connection, _closing(venue, tradingsymbol, product) & (intents.c.side == side))


def under_way(connection: Connection, venue: str, tradingsymbol: str, product: str, side: str) -> int:
    """Of these the units that were sent: the broker may have filled them before our book says so."""
    sent = intents.c.state.in_([IntentState.PLACING, IntentState.UNKNOWN]) | intents.c.id.in_(_WORKING)
    same = _closing(venue, tradingsymbol, product) & (intents.c.side == side)
    return _unfilled(connection, same & sent)


def by_tags(connection: Connection, venue: str, tags: Iterable[str]) -> list[IntentRow]:
    """The intents that one of these tags belongs to."""
    found = intents.c.tag.in_(list(tags)) & (intents.c.venue == venue)
    return list(connection.execute(select(intents).where(found)))


def successor_of(connection: Connection, intent_id: str) -> IntentRow | None:
    """The intent that carries on this one's rest."""
    return connection.execute(select(intents).where(intents.c.follows == intent_id)).one_or_none()


def carry_on(connection: Connection, row: IntentRow, values: dict[str, Any], at: datetime) -> None:
    """A new intent, approved as its forerunner was, for the rest of `row`; `values` are what differs."""
    kept = {column.name: getattr(row, column.name) for column in intents.columns if column.name in _CARRIED}
    add(connection, [{**kept, **values, "follows": row.id}], at)
    fresh = get(connection, values["id"])
    assert fresh is not None  # noqa: S101  it was added above
    _step(connection, fresh, IntentState.APPROVED, at)


#: What the rest of an order has in common with its forerunner.
_CARRIED = frozenset(
    (
        *("alert_id", "venue", "strategy", "purpose", "side", "exchange", "tradingsymbol", "product"),
        *("instrument_token", "name", "expiry", "strike", "option_type", "lot_size", "tick_size"),
        *("stop_loss", "target", "trailing_stop", "guard_id"),
    )
)


def mark_questioned(connection: Connection, row: IntentRow, at: datetime) -> None:
    """The owner has been asked what became of it."""
    connection.execute(update(intents).where(intents.c.id == row.id).values(questioned_at=at))
    audit.append(connection, at, "intent.questioned", alert_id=row.alert_id, intent_id=row.id)


def expire(connection: Connection, row: IntentRow, reason: str, at: datetime) -> None:
    """Approved, and too old to be sent when its turn came."""
    _step(connection, row, IntentState.EXPIRED, at, reason=reason, settled_at=at)


def _step(connection: Connection, row: IntentRow, goal: IntentState, at: datetime, **values: Any) -> None:
    detail: dict[str, Any] = {key: values[key] for key in values if key in {"reason", "refused_by"}}
    move(
        connection,
        intents,
        row.id,
        IntentState(row.state),
        goal,
        at=at,
        alert_id=row.alert_id,
        intent_id=row.id,
        detail=detail,
        **values,
    )


def placed_since(connection: Connection, since: datetime) -> int:
    """How many orders were tried since that moment, refused ones too (Kite counts them: facts/kite.md 5)."""
    return connection.scalar(_PLACED_SINCE, {"since": since}) or 0


def live_entry_contracts(connection: Connection) -> set[tuple[str, str, str]]:
    """(venue, strategy, tradingsymbol) of every entry that may still open a holding."""
    return {tuple(row) for row in connection.execute(_LIVE_ENTRIES)}


def live_entries(connection: Connection, strategy: str) -> list[IntentRow]:
    """A strategy's entries that may still open a holding."""
    return list(connection.execute(_LIVE_ENTRIES_OF, {"of_strategy": strategy}))


def entries_that_may_fill(connection: Connection) -> list[IntentRow]:
    """Entries whose order works, is being placed, or is not known of."""
    moving = intents.c.state.in_([IntentState.PLACING, IntentState.UNKNOWN])
    statement = select(intents).where(
        (intents.c.purpose == Purpose.ENTRY) & (moving | intents.c.id.in_(_WORKING))
    )
    return list(connection.execute(statement))


def being_sold(connection: Connection, venue: str, strategy: str, tradingsymbol: str, product: str) -> int:
    """Units of sells that are decided, open or unknown and not filled yet: they count as sold.
    One that the owner is still asked about sells nothing.

    A guard's stop that rests at the exchange is none of them: it makes way for an exit before that one is
    claimed (`sells.free_for` counts it, too).
    """
    return _unfilled(connection, _closing(venue, tradingsymbol, product) & (intents.c.strategy == strategy))


def _closing(venue: str, tradingsymbol: str, product: str) -> ColumnElement[bool]:
    """Exits of one contract that are decided, open or unknown; stops at rest are none, nor are questions."""
    return and_(
        intents.c.venue == venue,
        intents.c.tradingsymbol == tradingsymbol,
        intents.c.product == product,
        intents.c.purpose != Purpose.ENTRY,
        intents.c.state.in_(DECIDED_INTENTS) | intents.c.id.in_(_WORKING),
        ~sells.resting_stop(),
    )


def _unfilled(connection: Connection, which: ColumnElement[bool]) -> int:
    filled = select(orders.c.filled_quantity).where(orders.c.intent_id == intents.c.id).scalar_subquery()
    statement = select(intents.c.quantity, filled).where(which)
    return sum(quantity - (done or 0) for quantity, done in connection.execute(statement))


def known_strategies(connection: Connection) -> set[str]:
    """Every strategy that ever sent an alert."""
    return set(connection.scalars(select(alerts.c.strategy).distinct()))
