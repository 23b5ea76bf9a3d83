"""Holdings: what each strategy holds, long or short, built from fills alone; closed oldest first."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from gateway.domain.money import Paise
from gateway.domain.order import Side
from storage import audit
from storage.tables import fills, guards, holdings


def enter(connection: Connection, intent: Row[Any], quantity: int, value: Paise, at: datetime) -> None:
    """Units bought by an entry, or sold by one that opens a short: its holding begins or grows."""
    same = holdings.c.intent_id == intent.id
    grown = connection.execute(
        update(holdings)
        .where(same)
        .values(
            bought=holdings.c.bought + quantity,
            quantity=holdings.c.quantity + quantity,
            cost_paise=holdings.c.cost_paise + value,
            closed_at=None,
        )
    )
    if grown.rowcount == 0:
        connection.execute(
            insert(holdings).values(
                intent_id=intent.id,
                venue=intent.venue,
                strategy=intent.strategy,
                exchange=intent.exchange,
                tradingsymbol=intent.tradingsymbol,
                product=intent.product,
                side=intent.side,
                bought=quantity,
                quantity=quantity,
                cost_paise=value,
                opened_at=at,
            )
        )


def revalue(connection: Connection, intent: Row[Any], difference: Paise) -> None:
    """What an entry paid (or received) is known better now."""
    same = holdings.c.intent_id == intent.id
    connection.execute(update(holdings).where(same).values(cost_paise=holdings.c.cost_paise + difference))


def raise_peak(connection: Connection, intent_id: str, peak: Decimal) -> None:
    """The highest price since the fill, in rupees: a trailing stop follows it."""
    connection.execute(update(holdings).where(holdings.c.intent_id == intent_id).values(peak=peak))


def leave(connection: Connection, intent: Row[Any], quantity: int, value: Paise, at: datetime) -> Paise:
    """Units closed by an exit, taken from the strategy's oldest holdings; returns the profit (or loss) made.

    A SELL closes what was bought, a BUY what was sold short. What a guard closes is taken first from the
    holding that it is around.

    More closed than held can only come from the broker's side; it is written to the audit trail, and
    what was closed beyond the holding counts with no cost.
    """
    left, cost = quantity, 0
    for row in _in_order(connection, intent):
        taken = min(left, row.quantity)
        cost += _cost_of(row, taken)
        remaining = row.quantity - taken
        connection.execute(
            update(holdings)
            .where(holdings.c.seq == row.seq)
            .values(quantity=remaining, closed_at=at if remaining == 0 else None)
        )
        left -= taken
        if left == 0:
            break
    if left:
        audit.append(
            connection, at, "holding.oversold", alert_id=intent.alert_id, intent_id=intent.id, quantity=left
        )
    return Paise(cost - value if intent.side == Side.BUY else value - cost)


def _cost_of(row: Row[Any], taken: int) -> int:
    """As the difference of two totals: sold in however many parts, the parts' costs add up to the whole."""
    before: int = row.bought - row.quantity
    return int(row.cost_paise * (before + taken) // row.bought - row.cost_paise * before // row.bought)


def cost_of_oldest(connection: Connection, intent: Row[Any], quantity: int) -> Paise:
    """What the units cost that a sell of so many would take; units not held cost nothing."""
    left, cost = quantity, 0
    for row in _in_order(connection, intent):
        taken = min(left, row.quantity)
        cost += _cost_of(row, taken)
        left -= taken
    return Paise(cost)


def _in_order(connection: Connection, intent: Row[Any]) -> list[Row[Any]]:
    key = (intent.venue, intent.strategy, intent.tradingsymbol, intent.product)
    rows = [row for row in of_contract(connection, *key) if row.side != intent.side]
    if intent.guard_id is None:
        return rows
    guarded = connection.scalar(select(guards.c.holding).where(guards.c.id == intent.guard_id))
    return sorted(rows, key=lambda row: row.intent_id != guarded)


def signed(row: Row[Any]) -> int:
    """Units of a holding as the broker counts them: those of a short below zero."""
    return int(-row.quantity if row.side == Side.SELL else row.quantity)


def of_contract(
    connection: Connection, venue: str, strategy: str, tradingsymbol: str, product: str
) -> list[Row[Any]]:
    """A strategy's open holdings in one contract and product, oldest first."""
    return list(
        connection.execute(
            select(holdings)
            .where(
                (holdings.c.venue == venue)
                & (holdings.c.strategy == strategy)
                & (holdings.c.tradingsymbol == tradingsymbol)
                & (holdings.c.product == product)
                & (holdings.c.quantity > 0)
            )
            .order_by(holdings.c.seq)
        )
    )


def of_all(connection: Connection, venue: str, tradingsymbol: str, product: str, side: str) -> int:
    """Units of one contract that all strategies together hold on that side."""
    same = (holdings.c.venue == venue) & (holdings.c.tradingsymbol == tradingsymbol)
    same &= (holdings.c.product == product) & (holdings.c.side == side)
    return int(connection.scalar(select(func.sum(holdings.c.quantity)).where(same)) or 0)


def open_(connection: Connection, strategy: str | None = None, venue: str | None = None) -> list[Row[Any]]:
    """Open holdings, oldest first; of one strategy or venue where named."""
    named = {"strategy": strategy, "venue": venue}
    given = {name: value for name, value in named.items() if value is not None}
    return list(connection.execute(_open(*given), given))


@cache
def _open(*columns: str) -> Select[Any]:
    """Built once: building a statement costs more than SQLite takes to run it."""
    statement = select(holdings).where(holdings.c.quantity > 0)
    for name in columns:
        statement = statement.where(holdings.c[name] == bindparam(name))
    return statement.order_by(holdings.c.seq)


def realised_since(connection: Connection, since: datetime, venue: str | None = None) -> Paise:
    """Profit (or loss) realised by fills since that moment."""
    statement = select(func.sum(fills.c.realised_paise)).where(fills.c.filled_at >= since)
    if venue is not None:
        statement = statement.where(fills.c.venue == venue)
    return Paise(connection.scalar(statement) or 0)
