"""Days that the owner added to the trading calendar; kept as flags, so the audit trail has them too."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Connection

from storage import flags

_DAY, _YEAR = "calendar day:", "calendar year:"
CLOSED = "closed"


def days(connection: Connection) -> dict[date, str]:
    """Each added day and its hours as `18:00-19:00`, or `closed`."""
    return {date.fromisoformat(key): value for key, value in _with(connection, _DAY).items()}


def years(connection: Connection) -> frozenset[int]:
    """Years whose holidays the owner has entered whole."""
    return frozenset(int(key) for key in _with(connection, _YEAR))


def add(connection: Connection, day: date, hours: str, by: str, at: datetime) -> None:
    """From now on that day has these hours, or is closed."""
    flags.put(connection, f"{_DAY}{day}", hours, by=by, at=at)


def remove(connection: Connection, day: date, by: str, at: datetime) -> bool:
    """The day is again as the calendar's file says; False when it was not added."""
    return flags.clear(connection, f"{_DAY}{day}", by=by, at=at)


def complete(connection: Connection, year: int, by: str, at: datetime) -> None:
    """All holidays of that year were added: it counts as known."""
    flags.put(connection, f"{_YEAR}{year}", "complete", by=by, at=at)


def _with(connection: Connection, head: str) -> Mapping[str, str]:
    found = flags.all_values(connection)
    return {name.removeprefix(head): value for name, value in found.items() if name.startswith(head)}
