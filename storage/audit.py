"""The audit trail: appended with what it tells, each row sealed by the hash of the one before."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from gateway.domain.errors import ManjhaError
from storage import driver_sql
from storage.tables import audit
from storage.types import microseconds

#: What the first row is sealed on.
GENESIS = "0" * 64
_COLUMNS = ("at", "event", "alert_id", "intent_id", "detail", "previous_hash", "hash")
_INSERT = driver_sql.Insert(audit, *_COLUMNS)
_LAST_HASH = "SELECT hash FROM audit ORDER BY seq DESC LIMIT 1"
#: Where a connection keeps the hash that it appended last; another process may have appended since.
_REMEMBERED = "last audit hash"
# Built once: building a statement costs more than SQLite takes to run it.
_NEXT = select(audit).where(audit.c.seq > bindparam("seq")).order_by(audit.c.seq).limit(bindparam("count"))


def append(
    connection: Connection,
    at: datetime,
    event: str,
    *,
    alert_id: str | None = None,
    intent_id: str | None = None,
    **detail: Any,
) -> None:
    """One row; `detail` must be JSON-able and never holds a secret."""
    append_all(
        connection, at, [{"event": event, "alert_id": alert_id, "intent_id": intent_id, "detail": detail}]
    )


def append_all(connection: Connection, at: datetime, entries: list[dict[str, Any]]) -> None:
    """Several rows, in order: dicts of event, alert_id, intent_id and detail; one may bring its own `at`."""
    if not entries:
        return
    remembered = connection.info.get(_REMEMBERED)
    if remembered is not None:
        rows = _sealed(at, entries, remembered)
        if _INSERT.run_if(connection, rows, f"({_LAST_HASH}) = ?", remembered):
            connection.info[_REMEMBERED] = rows[-1][-1]
            return
    last = driver_sql.execute(connection, _LAST_HASH, ()).fetchone()
    rows = _sealed(at, entries, last[0] if last else GENESIS)
    _INSERT.run(connection, rows)
    connection.info[_REMEMBERED] = rows[-1][-1]


def _sealed(at: datetime, entries: list[dict[str, Any]], previous: str) -> list[list[Any]]:
    """The rows as they are stored, each sealed by the one before."""
    rows = []
    for entry in entries:
        detail = msgspec.json.encode(entry["detail"], order="sorted").decode()
        row = {"at": at, **entry, "detail": detail, "previous_hash": previous}
        previous = row["hash"] = seal(row)
        rows.append([microseconds(row["at"]), *[row[name] for name in _COLUMNS[1:]]])
    return rows


def seal(row: Mapping[str, Any]) -> str:
    """The hash that binds a row to the one before it."""
    parts = (
        row["previous_hash"],
        row["at"].astimezone(UTC).isoformat(),
        row["event"],
        row["alert_id"] or "",
        row["intent_id"] or "",
        row["detail"],
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A row up to which the chain fits, by its number and hash."""

    seq: int
    hash: str


#: Before the first row.
BEGINNING = Sealed(seq=0, hash=GENESIS)


class ChainBroken(ManjhaError):
    """A row's seal does not fit itself or the row before; `seq` is its number."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"the audit trail is broken at row {seq}: the database was changed past Manjha")
        self.seq = seq


def verify_next(connection: Connection, after: Sealed, count: int) -> Sealed:
    """Verifies at most `count` rows after one that fits; the last of them (`after` itself: none is left).

    Raises ChainBroken.
    """
    for row in connection.execute(_NEXT, {"seq": after.seq, "count": count}):
        if row.previous_hash != after.hash or row.hash != seal(dict(row._mapping)):  # noqa: SLF001  its public name
            raise ChainBroken(row.seq)
        after = Sealed(seq=row.seq, hash=row.hash)
    return after


def check_stands(connection: Connection, sealed: Sealed) -> None:
    """Raises ChainBroken when the row is not there any more with the hash it had.

    What was cut off at the end shows here alone.
    """
    found = connection.scalar(select(audit.c.hash).where(audit.c.seq == sealed.seq))
    if sealed != BEGINNING and found != sealed.hash:
        raise ChainBroken(sealed.seq)


def last_seq(connection: Connection) -> int:
    """The number of the newest row: while it stays, nothing has happened."""
    return connection.scalar(select(func.max(audit.c.seq))) or 0


def first_broken(connection: Connection) -> int | None:
    """The number of the first row that does not fit; None: all fit. For a trail nobody appends to."""
    after = BEGINNING
    try:
        while (last := verify_next(connection, after, 1000)) != after:
            after = last
    except ChainBroken as broken:
        return broken.seq
    return None


def trail(connection: Connection, alert_id: str) -> list[dict[str, Any]]:
    """What happened to an alert, oldest first: at, event, intent_id and the detail decoded."""
    rows = connection.execute(select(audit).where(audit.c.alert_id == alert_id).order_by(audit.c.seq))
    return [
        {
            "at": row.at,
            "event": row.event,
            "intent_id": row.intent_id,
            **msgspec.json.decode(row.detail),
        }
        for row in rows
    ]
