"""Differences between the broker's positions and our holdings: each told once, with the owner's answer."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.domain.difference import DifferenceKind, DifferenceState
from gateway.domain.errors import IllegalMove
from storage import audit
from storage.holdings import signed
from storage.tables import differences, fills, holdings, intents, orders

#: A contract in the account: tradingsymbol and product.
Contract = tuple[str, str]
_STANDING = (DifferenceState.OPEN, DifferenceState.LEFT)


def get(connection: Connection, difference_id: str) -> Row[Any] | None:
    """One of them."""
    return connection.execute(select(differences).where(differences.c.id == difference_id)).one_or_none()


def standing(connection: Connection, venue: str) -> dict[Contract, Row[Any]]:
    """Those that were told and not booked, by contract."""
    same = (differences.c.venue == venue) & differences.c.state.in_(_STANDING)
    rows = connection.execute(select(differences).where(same).order_by(differences.c.found_at))
    return {(row.tradingsymbol, row.product): row for row in rows}


def add(connection: Connection, values: dict[str, Any], at: datetime) -> None:
    """A new one, open."""
    connection.execute(insert(differences).values(state=DifferenceState.OPEN, found_at=at, **values))
    detail = {
        name: str(values[name]) for name in ("venue", "tradingsymbol", "product", "kind", "held", "net")
    }
    audit.append(connection, at, "difference.found", difference=values["id"], **detail)


def decide(
    connection: Connection, row: Row[Any], goal: DifferenceState, *, by: str, outcome: str, at: datetime
) -> None:
    """From open or left to its end, or from open to left. Raises IllegalMove when it was decided before."""
    same = (differences.c.id == row.id) & (differences.c.state == row.state)
    if row.state not in _STANDING or goal == row.state:
        raise IllegalMove(f"difference {row.id} is {row.state}")
    values = {"state": goal, "decided_at": at, "decided_by": by[:64], "outcome": outcome}
    if connection.execute(update(differences).where(same).values(**values)).rowcount != 1:
        raise IllegalMove(f"difference {row.id} is not {row.state} any more")
    audit.append(connection, at, f"difference.{goal}", difference=row.id, by=by, outcome=outcome)


def held_by_contract(connection: Connection, venue: str) -> dict[Contract, int]:
    """Units that all strategies together hold at a venue; shorts count below zero."""
    found: defaultdict[Contract, int] = defaultdict(int)
    statement = select(holdings).where((holdings.c.venue == venue) & (holdings.c.quantity > 0))
    for row in connection.execute(statement):
        found[row.tradingsymbol, row.product] += signed(row)
    return dict(found)


def traded_since(connection: Connection, venue: str, since: datetime) -> set[Contract]:
    """Contracts of which something of ours was filled since that moment."""
    statement = (
        select(intents.c.tradingsymbol, intents.c.product)
        .join(fills, fills.c.intent_id == intents.c.id)
        .where((fills.c.venue == venue) & (fills.c.filled_at >= since))
    )
    return {(row.tradingsymbol, row.product) for row in connection.execute(statement.distinct())}


def last_fill(connection: Connection, venue: str) -> int:
    """The number of the newest fill: it changes with every one."""
    return connection.scalar(select(func.max(fills.c.seq)).where(fills.c.venue == venue)) or 0


def known_orders(connection: Connection, venue: str, since: datetime) -> frozenset[str]:
    """Ids of the broker's orders that are ours, those placed since that moment."""
    same = (orders.c.venue == venue) & (orders.c.placed_at >= since) & orders.c.intent_id.is_not(None)
    return frozenset(connection.scalars(select(orders.c.order_id).where(same)))


def like(
    connection: Connection, venue: str, tradingsymbol: str, product: str, strategy: str
) -> Row[Any] | None:
    """The newest intent of a strategy in a contract: what a booking copies the contract from."""
    statement = (
        select(intents)
        .where(
            (intents.c.venue == venue)
            & (intents.c.tradingsymbol == tradingsymbol)
            & (intents.c.product == product)
            & (intents.c.strategy == strategy)
        )
        .order_by(intents.c.planned_at.desc())
        .limit(1)
    )
    return connection.execute(statement).one_or_none()


def owners(connection: Connection, row: Row[Any]) -> dict[str, int]:
    """The strategies that a difference may be booked for, with the units each holds; who holds none of it
    stands here when it was the last to trade it."""
    same = (holdings.c.venue == row.venue) & (holdings.c.tradingsymbol == row.tradingsymbol)
    same &= (holdings.c.product == row.product) & (holdings.c.quantity > 0)
    found: defaultdict[str, int] = defaultdict(int)
    for held in connection.execute(select(holdings).where(same).order_by(holdings.c.seq)):
        found[held.strategy] += held.quantity
    if not found and row.kind == DifferenceKind.MORE and (name := _last_trader(connection, row)):
        found[name] = 0
    return dict(found)


def _last_trader(connection: Connection, row: Row[Any]) -> str | None:
    statement = (
        select(fills.c.strategy)
        .join(intents, fills.c.intent_id == intents.c.id)
        .where(
            (fills.c.venue == row.venue)
            & (intents.c.tradingsymbol == row.tradingsymbol)
            & (intents.c.product == row.product)
        )
        .order_by(fills.c.seq.desc())
        .limit(1)
    )
    return connection.scalar(statement)
