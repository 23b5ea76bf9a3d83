"""Timed jobs as they ran: one row for each job and trading date, from its beginning to its end."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from storage import audit
from storage.tables import job_runs

#: Begun and not ended (under way, or cut off); ended well; its time passed without a good end.
BEGUN, DONE, MISSED = "begun", "done", "missed"


def get(connection: Connection, name: str, day: date) -> Row[Any] | None:
    """The job's row of that day; None while it has not begun."""
    own = (job_runs.c.name == name) & (job_runs.c.day == day)
    return connection.execute(select(job_runs).where(own)).one_or_none()


def between(connection: Connection, first: date, last: date) -> list[Row[Any]]:
    """The rows of these days, both included, in order."""
    statement = select(job_runs).where(job_runs.c.day.between(first, last))
    return list(connection.execute(statement.order_by(job_runs.c.day, job_runs.c.begun_at)))


def first_day(connection: Connection) -> date | None:
    """The first day of which anything is known; None in a fresh database."""
    found: date | None = connection.scalar(select(func.min(job_runs.c.day)))
    return found


def begin(connection: Connection, name: str, day: date, at: datetime) -> bool:
    """It begins, or begins again after a failure or a crash; False when it was done or given up already."""
    row = get(connection, name, day)
    if row is None:
        values = {"name": name, "day": day, "state": BEGUN, "begun_at": at, "attempts": 1}
        connection.execute(insert(job_runs).values(**values))
        return True
    if row.state != BEGUN:
        return False
    _change(connection, name, day, attempts=row.attempts + 1)
    return True


def finish(connection: Connection, name: str, day: date, at: datetime) -> None:
    """It ended well."""
    _change(connection, name, day, state=DONE, ended_at=at)
    audit.append(connection, at, "job.done", name=name, day=str(day))


def miss(connection: Connection, name: str, days: Iterable[date], at: datetime) -> None:
    """Its time passed on these days without a good end."""
    for day in days:
        if get(connection, name, day) is None:
            values = {"name": name, "day": day, "state": MISSED, "begun_at": at, "attempts": 0}
            connection.execute(insert(job_runs).values(**values))
        else:
            _change(connection, name, day, state=MISSED)
        audit.append(connection, at, "job.missed", name=name, day=str(day))


def _change(connection: Connection, name: str, day: date, **values: object) -> None:
    own = (job_runs.c.name == name) & (job_runs.c.day == day) & (job_runs.c.state == BEGUN)
    connection.execute(update(job_runs).where(own).values(**values))
