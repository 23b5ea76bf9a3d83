"""Fills read back with what they belong to, for the reckoning of profit and loss."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.tables import fills, intents


def between(connection: Connection, venue: str, since: datetime, until: datetime) -> list[Row[Any]]:
    """A venue's fills of [since, until), oldest first, with their intent's exchange, alert and purpose."""
    statement = (
        select(fills, intents.c.exchange, intents.c.alert_id, intents.c.purpose)
        .join(intents, intents.c.id == fills.c.intent_id)
        .where((fills.c.venue == venue) & (fills.c.filled_at >= since) & (fills.c.filled_at < until))
        .order_by(fills.c.seq)
    )
    return list(connection.execute(statement))
