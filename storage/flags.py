"""Flags that outlive a restart: the kill switch, paused strategies, approval modes."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from storage import audit
from storage.tables import flags

KILL_SWITCH = "kill_switch"
# Built once: building a statement costs more than SQLite takes to run it.
_VALUE = select(flags.c.value).where(flags.c.name == bindparam("name"))
_ALL = select(flags.c.name, flags.c.value)


def value(connection: Connection, name: str) -> str | None:
    """The flag's value; None while it is not set."""
    value_: str | None = connection.scalar(_VALUE, {"name": name})
    return value_


def all_values(connection: Connection) -> dict[str, str]:
    """Every flag that is set."""
    return {row.name: row.value for row in connection.execute(_ALL)}


def put(connection: Connection, name: str, new: str, *, by: str, at: datetime) -> None:
    """Sets a flag, whatever it was."""
    connection.execute(delete(flags).where(flags.c.name == name))
    connection.execute(insert(flags).values(name=name, value=new, set_at=at, set_by=by))
    audit.append(connection, at, "flag.set", name=name, value=new, by=by)


def clear(connection: Connection, name: str, *, by: str, at: datetime) -> bool:
    """Takes a flag away; False when it was not set."""
    was_set = connection.execute(delete(flags).where(flags.c.name == name)).rowcount > 0
    if was_set:
        audit.append(connection, at, "flag.cleared", name=name, by=by)
    return was_set
