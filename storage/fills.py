"""Fills read back with what they belong to, for the reckoning of profit and loss."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from storage.tables import fills, intents

# Built once: building a statement costs more than SQLite takes to run it.
_BETWEEN = (
    select(fills, intents.c.exchange, intents.c.alert_id, intents.c.purpose)
    .join(intents, intents.c.id == fills.c.intent_id)
    .where(
        (fills.c.venue == bindparam("of_venue"))
        & (fills.c.filled_at >= bindparam("since"))
        & (fills.c.filled_at < bindparam("until"))
    )
    .order_by(fills.c.seq)
)


def between(connection: Connection, venue: str, since: datetime, until: datetime) -> list[Row[Any]]:
    """A venue's fills of [since, until), oldest first, with their intent's exchange, alert and purpose."""
    return list(connection.execute(_BETWEEN, {"of_venue": venue, "since": since, "until": until}))
