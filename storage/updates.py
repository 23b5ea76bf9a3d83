"""What Telegram has handed over: stored before it is confirmed, worked on once, also after a restart."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.tables import updates

WAITING, BEGUN, DONE = "waiting", "begun", "done"
#: Telegram repeats nothing that is older than a day (facts/telegram.md 1.2).
KEPT = timedelta(days=2)


def store(connection: Connection, bodies: Mapping[int, bytes], now: datetime) -> list[int]:
    """The numbers of those that are new: one that was handed over before is not stored again."""
    statement = select(updates.c.update_id).where(updates.c.update_id.in_(list(bodies)))
    known = set(connection.scalars(statement))
    new = [number for number in bodies if number not in known]
    if new:
        connection.execute(
            insert(updates),
            [
                {"update_id": number, "received_at": now, "body": bodies[number], "state": WAITING}
                for number in new
            ],
        )
        connection.execute(
            delete(updates).where((updates.c.state == DONE) & (updates.c.received_at < now - KEPT))
        )
    return new


def in_state(connection: Connection, state: str) -> list[Row[Any]]:
    """Those in a state, in Telegram's order."""
    return list(
        connection.execute(select(updates).where(updates.c.state == state).order_by(updates.c.update_id))
    )


def begin(connection: Connection, update_id: int) -> bool:
    """From now on it may have had its effect; False when somebody else has begun it."""
    found = (updates.c.update_id == update_id) & (updates.c.state == WAITING)
    return connection.execute(update(updates).where(found).values(state=BEGUN)).rowcount == 1


def finish(connection: Connection, update_id: int) -> None:
    """It is done with; only its number is kept."""
    statement = update(updates).where(updates.c.update_id == update_id)
    connection.execute(statement.values(state=DONE, body=b""))
