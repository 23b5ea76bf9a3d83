"""The one way a state changes: a guarded UPDATE that the transition table allows, with its audit row."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Update, bindparam, update

from gateway.domain.errors import IllegalMove
from gateway.domain.order import may_move
from storage import audit


def move(
    connection: Connection,
    table: Table,
    row_id: str,
    origin: StrEnum,
    goal: StrEnum,
    *,
    at: datetime,
    alert_id: str | None,
    intent_id: str | None = None,
    also: ColumnElement[bool] | None = None,
    detail: dict[str, Any] | None = None,
    **values: Any,
) -> None:
    """Moves one row from `origin` to `goal` and writes the audit row `<table>.<goal>`.

    Raises IllegalMove when the table has no such arrow, or when the row is not (any more) in
    `origin`, or does not meet `also`: somebody else was first.
    """
    if not may_move(origin, goal):
        raise IllegalMove(f"{table.name} {row_id}: no arrow leads from {origin} to {goal}")
    statement = _guarded(table) if also is None else _guarded(table).where(also)
    if connection.execute(statement, {**_where(row_id, origin), "state": goal, **values}).rowcount != 1:
        raise IllegalMove(f"{table.name} {row_id} is not {origin} any more")
    event = f"{table.name.removesuffix('s')}.{goal}"
    audit.append(connection, at, event, alert_id=alert_id, intent_id=intent_id, **(detail or {}))


@cache
def _guarded(table: Table) -> Update:
    """Built once a table: building a statement costs more than SQLite takes to run it."""
    return update(table).where(
        (table.c.id == bindparam("moved_id")) & (table.c.state == bindparam("moved_from"))
    )


def _where(row_id: str, origin: StrEnum) -> dict[str, Any]:
    return {"moved_id": row_id, "moved_from": origin}
