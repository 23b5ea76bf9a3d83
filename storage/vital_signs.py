"""What the figures for Prometheus are read from: a few counts, and the audit rows since the last look."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, select

from gateway.domain.order import AlertState, IntentState
from storage import flags, intents
from storage.notices import DUE
from storage.tables import alerts, approvals, audit, holdings, notices, sessions
from storage.tables import intents as intents_table

#: Events that end the way from an alert to its order, and to its fill.
PLACED, FILLED = "intent.placed", "order.filled"
_LOGINS = select(sessions.c.venue, sessions.c.login_at)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many wait, and since when the oldest does."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, kw_only=True)
class Lapse:
    """How long an alert took, in seconds, to the event; `asked`: whether its owner was asked first."""

    event: str
    asked: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Signs:
    """One look; `last` is the newest audit row seen."""

    last: int
    events: dict[str, int]
    lapses: list[Lapse]
    queues: dict[str, Queue]
    unknown: int
    placing: int
    holdings: int
    logins: dict[str, datetime]
    is_stopped: bool


def newest(connection: Connection) -> int:
    """The number of the newest audit row."""
    return connection.scalar(select(func.max(audit.c.seq))) or 0


def look(connection: Connection, after: int) -> Signs:
    """Everything; of the audit trail what came after row `after`."""
    last = newest(connection)
    fresh = (audit.c.seq > after) & (audit.c.seq <= last)
    counted = select(audit.c.event, func.count().label("times")).where(fresh).group_by(audit.c.event)
    return Signs(
        last=last,
        events={row.event: row.times for row in connection.execute(counted)},
        lapses=_lapses(connection, fresh),
        queues={
            "planning": _queue(
                connection, alerts, alerts.c.state == AlertState.RECEIVED, alerts.c.received_at
            ),
            "approval": _queue(
                connection, approvals, approvals.c.decision == intents.PENDING, approvals.c.asked_at
            ),
            "execution": _queue(
                connection,
                intents_table,
                intents_table.c.state == IntentState.APPROVED,
                intents_table.c.planned_at,
            ),
            "outbox": _queue(connection, notices, notices.c.state == DUE, notices.c.created_at),
        },
        unknown=_in_state(connection, IntentState.UNKNOWN),
        placing=_in_state(connection, IntentState.PLACING),
        holdings=connection.scalar(select(func.count()).where(holdings.c.quantity > 0)) or 0,
        logins={row.venue: row.login_at for row in connection.execute(_LOGINS)},
        is_stopped=flags.value(connection, flags.KILL_SWITCH) is not None,
    )


def _queue(
    connection: Connection, table: Table, waits: ColumnElement[bool], since: ColumnElement[datetime]
) -> Queue:
    row = connection.execute(
        select(func.count().label("waiting"), func.min(since).label("oldest")).select_from(table).where(waits)
    ).one()
    return Queue(waiting=row.waiting, oldest=row.oldest)


def _in_state(connection: Connection, state: IntentState) -> int:
    return connection.scalar(select(func.count()).where(intents_table.c.state == state)) or 0


def _lapses(connection: Connection, fresh: ColumnElement[bool]) -> list[Lapse]:
    statement = (
        select(audit.c.event, audit.c.at, alerts.c.received_at, approvals.c.id.label("question"))
        .join(alerts, alerts.c.id == audit.c.alert_id)
        .join(approvals, approvals.c.alert_id == audit.c.alert_id, isouter=True)
        .where(fresh & audit.c.event.in_([PLACED, FILLED]))
    )
    return [
        Lapse(
            event=row.event,
            asked=row.question is not None,
            seconds=(row.at - row.received_at).total_seconds(),
        )
        for row in connection.execute(statement)
    ]
