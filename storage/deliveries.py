"""Deliveries: the bodies that came through the door, understood or not, seen before or not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select

from storage.tables import alerts

#: How the source of what came through the door begins.
DOOR = "webhook "
# Built once: building a statement costs more than SQLite takes to run it.
_NEWEST = (
    select(
        alerts.c.seq,
        alerts.c.received_at,
        alerts.c.source,
        alerts.c.part,
        alerts.c.strategy,
        alerts.c.body,
        alerts.c.signal,
    )
    .where(alerts.c.seq > bindparam("after"))
    .order_by(alerts.c.seq.desc())
    .limit(bindparam("most"))
)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One body and the strategies it names; `seq` is that of its last alert. `unused`: each strategy with the
    fields that mean nothing here."""

    seq: int
    received_at: datetime
    strategies: frozenset[str]
    body: bytes
    unused: tuple[tuple[str, frozenset[str]], ...]


class _Signal(msgspec.Struct):
    """Of a stored signal what matters here."""

    ignored: tuple[str, ...] = ()


def newest(connection: Connection, *, after: int, most: int) -> list[Delivery]:
    """Those after the alert with this number, oldest first; of more than `most` alerts the newest."""
    rows: list[Row[Any]] = [*connection.execute(_NEWEST, {"after": after, "most": most})]
    return [_delivery(parts) for parts in _bodies(reversed(rows)) if parts[0].source.startswith(DOOR)]


def _bodies(rows: Iterable[Row[Any]]) -> Iterator[Sequence[Row[Any]]]:
    """The alerts of one body stand side by side; each begins with part 0."""
    parts: list[Row[Any]] = []
    for row in rows:
        if row.part == 0 and parts:
            yield parts
            parts = []
        parts.append(row)
    if parts:
        yield parts


def _delivery(parts: Sequence[Row[Any]]) -> Delivery:
    return Delivery(
        seq=parts[-1].seq,
        received_at=parts[0].received_at,
        strategies=frozenset(row.strategy for row in parts),
        body=parts[0].body,
        unused=tuple((row.strategy, frozenset(_unused(row.signal))) for row in parts if row.signal),
    )


def _unused(signal: str) -> tuple[str, ...]:
    return msgspec.json.decode(signal, type=_Signal).ignored
