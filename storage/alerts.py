"""Alerts: stored before they are acknowledged, found again after a restart."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from gateway.domain.errors import IllegalMove
from gateway.domain.order import AlertId, AlertState, may_move
from gateway.domain.signal import Signal
from storage import audit
from storage.tables import alerts

#: Within this time the same bytes without an id are one alert sent again. TradingView sends again
#: 5, 10 and 15 s after the first (facts/tradingview.md 1).
RESEND_WINDOW = timedelta(seconds=25)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One alert as it arrived; several from one body differ in `part`. `signal` None: not understood."""

    alert_id: AlertId
    received_at: datetime
    source: str
    body: bytes
    body_hash: str
    strategy: str
    dedupe_key: str | None
    signal: Signal | None
    field: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What storing an arrival came to: its own id and state, and the alert it repeats, if it does."""

    alert_id: AlertId
    state: AlertState
    duplicate_of: AlertId | None = None


def store(connection: Connection, arrivals: list[Arrival]) -> list[Stored]:
    """Keeps every arrival, in order, and says which of them repeat an earlier one."""
    outcome = [_store_one(connection, arrival) for arrival in arrivals]
    entries = [
        {
            "event": f"alert.{stored.state}",
            "alert_id": arrival.alert_id,
            "intent_id": None,
            "detail": {
                "body": arrival.body_hash,
                "reason": arrival.reason,
                "duplicate_of": stored.duplicate_of,
            },
        }
        for arrival, stored in zip(arrivals, outcome, strict=True)
    ]
    if arrivals:
        audit.append_all(connection, arrivals[-1].received_at, entries)
    return outcome


def _store_one(connection: Connection, arrival: Arrival) -> Stored:
    first = _first_of(connection, arrival)
    state = AlertState.RECEIVED if arrival.signal else AlertState.INVALID
    if first is not None:
        state = AlertState.DUPLICATE
    connection.execute(
        insert(alerts).values(
            id=arrival.alert_id,
            received_at=arrival.received_at,
            source=arrival.source,
            body=arrival.body,
            body_hash=arrival.body_hash,
            dedupe_key=None if first else arrival.dedupe_key,
            duplicate_of=first,
            strategy=arrival.strategy,
            state=state,
            field=arrival.field,
            reason=arrival.reason,
            signal=msgspec.json.encode(arrival.signal).decode() if arrival.signal else None,
        )
    )
    return Stored(alert_id=arrival.alert_id, state=state, duplicate_of=first)


def _first_of(connection: Connection, arrival: Arrival) -> AlertId | None:
    if arrival.signal is None:
        return None
    if arrival.dedupe_key is not None:
        same = alerts.c.dedupe_key == arrival.dedupe_key
    else:
        since = arrival.received_at - RESEND_WINDOW
        same = (alerts.c.body_hash == arrival.body_hash) & (alerts.c.received_at > since)
        # What was not understood before, and is now (the settings have changed), was never acted on.
        same &= alerts.c.state.not_in([AlertState.DUPLICATE, AlertState.INVALID])
    return connection.scalar(select(alerts.c.id).where(same).limit(1))


def get(connection: Connection, alert_id: str) -> Row[Any] | None:
    """The row of an alert."""
    return connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()


def signal_of(row: Row[Any]) -> Signal:
    """The signal of a row that has one."""
    return msgspec.json.decode(row.signal, type=Signal)


def unplanned(connection: Connection) -> list[Row[Any]]:
    """The alerts that were acknowledged and not yet planned, in the order of their arrival."""
    return list(
        connection.execute(select(alerts).where(alerts.c.state == AlertState.RECEIVED).order_by(alerts.c.seq))
    )


def latest(connection: Connection, count: int) -> list[Row[Any]]:
    """The newest alerts, newest first."""
    return list(connection.execute(select(alerts).order_by(alerts.c.seq.desc()).limit(count)))


def settle(connection: Connection, alert_id: str, goal: AlertState, reason: str | None, at: datetime) -> None:
    """From received to what planning made of it. Raises IllegalMove when it was planned before."""
    if not may_move(AlertState.RECEIVED, goal):
        raise IllegalMove(f"no alert becomes {goal} by planning")
    statement = update(alerts).where((alerts.c.id == alert_id) & (alerts.c.state == AlertState.RECEIVED))
    if connection.execute(statement.values(state=goal, reason=reason)).rowcount != 1:
        raise IllegalMove(f"alert {alert_id} was planned before")
    audit.append(connection, at, f"alert.{goal}", alert_id=alert_id, reason=reason)
