"""Sessions: the day's Kite login, kept so that a restart needs no new one; and the one-time login states."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage import audit
from storage.tables import login_states, sessions

#: A login begun and not finished within this time must be begun again.
LOGIN_STATE_LIFE = timedelta(minutes=15)


def get(connection: Connection, venue: str) -> Row[Any] | None:
    """The venue's session, whatever its age."""
    return connection.execute(select(sessions).where(sessions.c.venue == venue)).one_or_none()


def put(connection: Connection, *, at: datetime, **values: Any) -> None:
    """The venue's new session takes the place of the old; the token comes encrypted."""
    connection.execute(delete(sessions).where(sessions.c.venue == values["venue"]))
    connection.execute(insert(sessions).values(login_at=at, **values))
    audit.append(connection, at, "session.opened", venue=values["venue"], user_id=values["user_id"])


def drop(connection: Connection, venue: str, login_at: datetime, reason: str, at: datetime) -> bool:
    """The venue's session of that login is dead; False when it is there no more."""
    own = (sessions.c.venue == venue) & (sessions.c.login_at == login_at)
    dropped = connection.execute(delete(sessions).where(own)).rowcount > 0
    if dropped:
        audit.append(connection, at, "session.ended", venue=venue, reason=reason)
    return dropped


def begin_login(connection: Connection, state: str, venue: str, at: datetime) -> None:
    """A login is begun under this one-time state; old ones are cleared away."""
    connection.execute(delete(login_states).where(login_states.c.created_at < at - LOGIN_STATE_LIFE))
    connection.execute(insert(login_states).values(state=state, venue=venue, created_at=at))


def use_login_state(connection: Connection, state: str, at: datetime) -> str | None:
    """The venue whose login this state began, once; None for a wrong, old or used one."""
    fresh = (
        (login_states.c.state == state)
        & login_states.c.used_at.is_(None)
        & (login_states.c.created_at >= at - LOGIN_STATE_LIFE)
    )
    if connection.execute(update(login_states).where(fresh).values(used_at=at)).rowcount != 1:
        return None
    return connection.scalar(select(login_states.c.venue).where(login_states.c.state == state))
