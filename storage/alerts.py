"""Alerts: stored before they are acknowledged, found again after a restart."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from gateway.domain.errors import IllegalMove
from gateway.domain.order import AlertId, AlertState, may_move
from gateway.domain.signal import Signal, what_is_said
from storage import audit, driver_sql
from storage.tables import alerts
from storage.types import microseconds, moment_of

#: Where an alert of our own comes from: an exit of a closing. After a restart its closing sends a new one.
INSIDE = "inside: "
#: Within this time the same bytes without an id are one alert sent again. TradingView sends again
#: 5, 10 and 15 s after the first (facts/tradingview.md 1).
RESEND_WINDOW = timedelta(seconds=25)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it arrived; `part` numbers those of one body, from 0. `signal` None: not understood."""

    alert_id: AlertId
    received_at: datetime
    source: str
    body: bytes
    body_hash: str
    strategy: str
    dedupe_key: str | None
    signal: Signal | None
    part: int = 0
    field: str | None = None
    reason: str | None = None
    #: Of one not understood: what came, as it may be shown.
    received: str | None = None


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """The alert that one repeats: its id, when it came, and whether it said something else."""

    of: AlertId
    first_at: datetime
    differs: bool = False


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What storing an arrival came to: its own id and state, and the alert it repeats, if it does."""

    alert_id: AlertId
    state: AlertState
    repeat: Repeat | None = None

    @property
    def duplicate_of(self) -> AlertId | None:
        """The id of the alert it repeats."""
        return self.repeat.of if self.repeat is not None else None


def store(connection: Connection, arrivals: list[Arrival]) -> list[Stored]:
    """Keeps every arrival, in order, and says which of them repeat an earlier one."""
    if not arrivals:
        return []
    same_bodies = _same_bodies(connection, arrivals)
    outcome = _judged(arrivals, {}, same_bodies)
    if _INSERT.run(connection, list(map(_row, arrivals, outcome))) < len(arrivals):
        # An id among them was stored before, which is rare: they are judged anew by what is there.
        connection.execute(_TAKE_BACK, {"ids": [arrival.alert_id for arrival in arrivals]})
        outcome = _judged(arrivals, _same_keys(connection, arrivals), same_bodies)
        _INSERT.run(connection, list(map(_row, arrivals, outcome)))
    pairs = list(zip(arrivals, outcome, strict=True))
    audit.append_all(
        connection, arrivals[-1].received_at, [_audit_entry(arrival, stored) for arrival, stored in pairs]
    )
    return outcome


def _row(arrival: Arrival, stored: Stored) -> tuple[Any, ...]:
    """In the order of _INSERT. What has an id of its own is known by that, whatever its body is."""
    signal = arrival.signal
    by_its_body = signal is not None and signal.id is None
    return (
        arrival.alert_id,
        microseconds(arrival.received_at),
        arrival.source,
        arrival.body,
        arrival.part,
        arrival.body_hash if by_its_body else None,
        None if stored.duplicate_of else arrival.dedupe_key,
        stored.duplicate_of,
        arrival.strategy,
        stored.state.value,
        arrival.field,
        arrival.reason,
        msgspec.json.encode(signal).decode() if signal else None,
    )


def _audit_entry(arrival: Arrival, stored: Stored) -> dict[str, Any]:
    return {
        "event": f"alert.{stored.state}",
        "alert_id": arrival.alert_id,
        "intent_id": None,
        "at": arrival.received_at,
        "detail": {
            "body": arrival.body_hash,
            "reason": arrival.reason,
            "duplicate_of": stored.duplicate_of,
        },
    }


_INSERT = driver_sql.Insert(
    alerts,
    "id",
    "received_at",
    "source",
    "body",
    "part",
    "body_hash",
    "dedupe_key",
    "duplicate_of",
    "strategy",
    "state",
    "field",
    "reason",
    "signal",
    unique="dedupe_key",
)
_TAKE_BACK = delete(alerts).where(alerts.c.id.in_(bindparam("ids", expanding=True)))
_SAME_KEYS = driver_sql.Lookup("SELECT dedupe_key, id, received_at, signal FROM alerts WHERE", "dedupe_key")
# Built once: building a statement costs more than SQLite takes to run it.
_BY_ID = select(alerts).where(alerts.c.id == bindparam("id"))
_SETTLE = update(alerts).where(
    (alerts.c.id == bindparam("settled")) & (alerts.c.state == AlertState.RECEIVED)
)
#: What was not understood before, and is now (the settings have changed), was never acted on; and what was
#: refused may be said again (an exit, when the reason has passed): no order exists for it.
_SAME_BODY = (
    select(alerts.c.body_hash, alerts.c.id, alerts.c.received_at)
    .where(
        alerts.c.body_hash.in_(bindparam("hashes", expanding=True))
        & (alerts.c.received_at > bindparam("since"))
        & alerts.c.state.not_in([AlertState.DUPLICATE, AlertState.INVALID, AlertState.REFUSED])
    )
    .order_by(alerts.c.seq)
)


class _First(msgspec.Struct, frozen=True):
    """An alert that others may repeat."""

    alert_id: AlertId
    at: datetime
    signal: Signal

    def repeated_by(self, signal: Signal) -> Repeat:
        """It has the key of this one."""
        differs = what_is_said(self.signal) != what_is_said(signal)
        return Repeat(of=self.alert_id, first_at=self.at, differs=differs)


#: The alert that has each key, and those of the last seconds with each body.
_Keys = dict[str, _First]
_Bodies = dict[str, list[tuple[datetime, AlertId]]]


def _same_keys(connection: Connection, arrivals: list[Arrival]) -> _Keys:
    keys = [arrival.dedupe_key for arrival in arrivals if arrival.dedupe_key is not None]
    return {
        key: _First(alert_id, moment_of(at), msgspec.json.decode(signal, type=Signal))
        for key, alert_id, at, signal in _SAME_KEYS.run(connection, keys)
    }


def _same_bodies(connection: Connection, arrivals: list[Arrival]) -> _Bodies:
    keyless = [each for each in arrivals if each.signal is not None and each.dedupe_key is None]
    found: defaultdict[str, list[tuple[datetime, AlertId]]] = defaultdict(list)
    if keyless:
        since = min(arrival.received_at for arrival in keyless) - RESEND_WINDOW
        hashes = [arrival.body_hash for arrival in keyless]
        for row in connection.execute(_SAME_BODY, {"hashes": hashes, "since": since}):
            found[row.body_hash].append((row.received_at, row.id))
    return found


def _judged(arrivals: list[Arrival], same_keys: _Keys, same_bodies: _Bodies) -> list[Stored]:
    """What storing each comes to: it may repeat one of those, or one before it in the same batch."""
    batch = _Batch(dict(same_keys), {body: list(found) for body, found in same_bodies.items()})
    return [batch.judge(arrival) for arrival in arrivals]


class _Batch:
    """The alerts that the next one may repeat."""

    def __init__(self, by_key: _Keys, by_hash: _Bodies) -> None:
        self._by_key = by_key
        self._by_hash = by_hash

    def judge(self, arrival: Arrival) -> Stored:
        """What storing this arrival comes to; the next ones may repeat it."""
        signal = arrival.signal
        if signal is None:
            return Stored(alert_id=arrival.alert_id, state=AlertState.INVALID)
        repeat = self._repeat_of(arrival, signal)
        if repeat is not None:
            return Stored(alert_id=arrival.alert_id, state=AlertState.DUPLICATE, repeat=repeat)
        self._by_hash.setdefault(arrival.body_hash, []).append((arrival.received_at, arrival.alert_id))
        if arrival.dedupe_key is not None:
            self._by_key[arrival.dedupe_key] = _First(arrival.alert_id, arrival.received_at, signal)
        return Stored(alert_id=arrival.alert_id, state=AlertState.RECEIVED)

    def _repeat_of(self, arrival: Arrival, signal: Signal) -> Repeat | None:
        if arrival.dedupe_key is not None:
            first = self._by_key.get(arrival.dedupe_key)
            return first.repeated_by(signal) if first is not None else None
        since = arrival.received_at - RESEND_WINDOW
        for at, alert_id in self._by_hash.get(arrival.body_hash, ()):
            if at > since:
                return Repeat(of=alert_id, first_at=at)  # the same bytes
        return None


def get(connection: Connection, alert_id: str) -> Row[Any] | None:
    """The row of an alert."""
    return connection.execute(_BY_ID, {"id": alert_id}).one_or_none()


def is_one_of_several(connection: Connection, row: Row[Any]) -> bool:
    """Whether its body holds other alerts: they stand side by side, each with the number of its part."""
    following = select(alerts.c.part).where(alerts.c.seq == row.seq + 1)
    return row.part > 0 or (connection.scalar(following) or 0) > 0


def is_planned(connection: Connection, alert_id: str) -> bool:
    """Whether something was made of it."""
    row = get(connection, alert_id)
    return row is not None and row.state != AlertState.RECEIVED


def signal_of(row: Row[Any]) -> Signal:
    """The signal of a row that has one."""
    return msgspec.json.decode(row.signal, type=Signal)


def unplanned(connection: Connection) -> list[Row[Any]]:
    """The alerts that were acknowledged and not yet planned, in the order of their arrival."""
    return list(
        connection.execute(select(alerts).where(alerts.c.state == AlertState.RECEIVED).order_by(alerts.c.seq))
    )


def unplanned_inside(connection: Connection) -> list[Row[Any]]:
    """Of those the exits of closings."""
    return [row for row in unplanned(connection) if row.source.startswith(INSIDE)]


def latest(connection: Connection, count: int, *, before: int | None = None) -> list[Row[Any]]:
    """The newest alerts, newest first; of those with a lower number than `before` where given."""
    statement = select(alerts).order_by(alerts.c.seq.desc()).limit(count)
    return list(connection.execute(statement if before is None else statement.where(alerts.c.seq < before)))


def latest_after(connection: Connection, alert_id: str, source: str) -> Row[Any] | None:
    """The newest of the alerts from that source that came after this one."""
    own = select(alerts.c.seq).where(alerts.c.id == alert_id).scalar_subquery()
    statement = select(alerts).where((alerts.c.seq > own) & (alerts.c.source == source))
    return connection.execute(statement.order_by(alerts.c.seq.desc()).limit(1)).one_or_none()


def settle(connection: Connection, alert_id: str, goal: AlertState, reason: str | None, at: datetime) -> None:
    """From received to what planning made of it. Raises IllegalMove when it was planned before."""
    if not may_move(AlertState.RECEIVED, goal):
        raise IllegalMove(f"no alert becomes {goal} by planning")
    values = {"settled": alert_id, "state": goal, "reason": reason}
    if connection.execute(_SETTLE, values).rowcount != 1:
        raise IllegalMove(f"alert {alert_id} was planned before")
    audit.append(connection, at, f"alert.{goal}", alert_id=alert_id, reason=reason)
