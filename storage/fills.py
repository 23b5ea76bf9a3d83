"""Fills read back with what they belong to, for the reckoning of profit and loss."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, select

from gateway.domain.order import Side
from storage.tables import alerts, fills, intents

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


def held_before(connection: Connection, venue: str, alert: Row[Any]) -> list[tuple[Row[Any], int]]:
    """What an alert's strategy held when it came, by the fills that were known then: an intent of each
    contract, and its units (below zero: short)."""
    statement = (
        select(intents, fills.c.side.label("fill_side"), fills.c.quantity.label("fill_quantity"))
        .join(fills, fills.c.intent_id == intents.c.id)
        .join(alerts, alerts.c.id == intents.c.alert_id)
        .where(_of_earlier_alerts(venue, alert) & (fills.c.filled_at <= alert.received_at))
        .order_by(fills.c.seq)
    )
    units: defaultdict[tuple[str, str], int] = defaultdict(int)
    first: dict[tuple[str, str], Row[Any]] = {}
    for row in connection.execute(statement):
        key = (row.tradingsymbol, row.product)
        first.setdefault(key, row)
        units[key] += row.fill_quantity if row.fill_side == Side.BUY else -row.fill_quantity
    return [(first[key], count) for key, count in units.items() if count]


def is_under_way_before(connection: Connection, venue: str, alert: Row[Any]) -> bool:
    """Whether an order for an earlier alert of its strategy (a guard's apart) was filled after it came."""
    late = (fills.c.filled_at > alert.received_at) & intents.c.guard_id.is_(None)
    statement = (
        select(fills.c.seq)
        .join(intents, intents.c.id == fills.c.intent_id)
        .join(alerts, alerts.c.id == intents.c.alert_id)
        .where(_of_earlier_alerts(venue, alert) & late)
        .limit(1)
    )
    return connection.scalar(statement) is not None


def _of_earlier_alerts(venue: str, alert: Row[Any]) -> ColumnElement[bool]:
    ours = (fills.c.venue == venue) & (fills.c.strategy == alert.strategy)
    return and_(ours, alerts.c.seq < alert.seq)
