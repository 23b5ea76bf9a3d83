"""Fills with the contract and the order they belong to, of all venues, for the lists the owner reads."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.tables import fills, intents


def between(connection: Connection, since: datetime, until: datetime) -> list[Row[Any]]:
    """The fills of [since, until), oldest first, with their intent's contract, alert and planned premium."""
    statement = (
        select(
            fills,
            intents.c.exchange,
            intents.c.name,
            intents.c.strike,
            intents.c.option_type,
            intents.c.expiry,
            intents.c.product,
            intents.c.premium,
            intents.c.alert_id,
            intents.c.purpose,
        )
        .join(intents, intents.c.id == fills.c.intent_id)
        .where((fills.c.filled_at >= since) & (fills.c.filled_at < until))
        .order_by(fills.c.seq)
    )
    return list(connection.execute(statement))
