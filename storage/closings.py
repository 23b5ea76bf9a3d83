"""Closings: what is to be closed, for whom, and how far it is; a line a position. They outlive a restart."""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from gateway.domain.order import DECIDED_INTENTS, WORKING_ORDERS, GuardState, Purpose
from storage import audit
from storage.sells import ACCOUNT, Key
from storage.tables import closing_lines, closings, fills, guards, intents, orders


@unique
class Kind(StrEnum):
    """What is to be closed."""

    FLATTEN = "flatten"
    SQUARE_OFF = "square_off"
    BY_HAND = "by_hand"
    #: Of one venue, named in its id `daily_loss:<venue>:<day>`: the day has lost too much.
    DAILY_LOSS = "daily_loss"


@unique
class State(StrEnum):
    """How it stands."""

    OPEN = "open"
    #: All sold, and the broker's positions show it.
    FLAT = "flat"
    #: All of ours is sold; the broker's positions show something else than they should.
    DIFFERS = "differs"
    #: The time was over before all was sold.
    NOT_FLAT = "not_flat"
    #: Nobody wants it any more.
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class Line:
    """How one position stands: units at the beginning, units that remain, and what is to be said of it."""

    key: Key
    quantity: int
    remaining: int
    note: str | None = None


def begin(
    connection: Connection,
    kind: Kind,
    *,
    by: str,
    at: datetime,
    closing_id: str | None = None,
    chosen: Collection[int] | None = None,
    whole_account: bool = False,
) -> str:
    """A new closing, its id. With the id of one that has ended, that one is taken up again; a flatten that is
    under way goes on, for the whole account if it is asked for now."""
    known = _known(connection, kind, closing_id)
    if known is not None:
        whole = bool(known.whole_account or whole_account)
        same = closings.c.id == known.id
        connection.execute(
            update(closings).where(same).values(state=State.OPEN, ended_at=None, whole_account=whole)
        )
        if known.state != State.OPEN or whole != known.whole_account:
            audit.append(connection, at, "closing.resumed", closing=known.id, whole_account=whole)
        return str(known.id)
    new = closing_id or secrets.token_urlsafe(9)
    connection.execute(
        insert(closings).values(
            id=new,
            kind=kind,
            by=by[:64],
            began_at=at,
            chosen=None if chosen is None else json.dumps(sorted(chosen)),
            whole_account=whole_account,
            state=State.OPEN,
        )
    )
    audit.append(connection, at, "closing.begun", closing=new, kind=kind, by=by, whole_account=whole_account)
    return new


def _known(connection: Connection, kind: Kind, closing_id: str | None) -> Row[Any] | None:
    if closing_id is not None:
        return get(connection, closing_id)
    if kind is not Kind.FLATTEN:
        return None
    return next((row for row in open_(connection) if row.kind == Kind.FLATTEN), None)


def get(connection: Connection, closing_id: str) -> Row[Any] | None:
    """The row of a closing."""
    return connection.execute(select(closings).where(closings.c.id == closing_id)).one_or_none()


def open_(connection: Connection) -> list[Row[Any]]:
    """The closings under way, oldest first."""
    statement = select(closings).where(closings.c.state == State.OPEN).order_by(closings.c.began_at)
    return list(connection.execute(statement))


def chosen_of(row: Row[Any]) -> frozenset[int]:
    """The numbers of the holdings that a closing by hand means."""
    return frozenset(json.loads(row.chosen)) if row.chosen else frozenset()


def end(connection: Connection, closing_id: str, state: State, at: datetime) -> bool:
    """It is over; False when it was before."""
    same = (closings.c.id == closing_id) & (closings.c.state == State.OPEN)
    if connection.execute(update(closings).where(same).values(state=state, ended_at=at)).rowcount != 1:
        return False
    audit.append(connection, at, f"closing.{state}", closing=closing_id)
    return True


def lines(connection: Connection, closing_id: str) -> list[Row[Any]]:
    """The positions of a closing, in the order in which they were met."""
    statement = select(closing_lines).where(closing_lines.c.closing_id == closing_id)
    return list(connection.execute(statement.order_by(closing_lines.c.seq)))


def key_of(line: Row[Any]) -> Key:
    """Venue, strategy, tradingsymbol and product of a line."""
    return line.venue, line.strategy, line.tradingsymbol, line.product


def note(connection: Connection, closing_id: str, found: Collection[Line], footer: str | None) -> bool:
    """Writes down how each position stands; False when nothing of it is new."""
    known = {key_of(row): row for row in lines(connection, closing_id)}
    changed = False
    for line in found:
        venue, strategy, tradingsymbol, product = line.key
        row = known.get(line.key)
        if row is None:
            connection.execute(
                insert(closing_lines).values(
                    closing_id=closing_id,
                    venue=venue,
                    strategy=strategy,
                    tradingsymbol=tradingsymbol,
                    product=product,
                    quantity=line.quantity,
                    remaining=line.remaining,
                    note=line.note,
                )
            )
        elif (row.quantity, row.remaining, row.note) != (line.quantity, line.remaining, line.note):
            values = {"quantity": line.quantity, "remaining": line.remaining, "note": line.note}
            if line.remaining:  # an older proof says nothing of it
                values |= {"kite": None, "kite_at": None}
            same = closing_lines.c.seq == row.seq
            connection.execute(update(closing_lines).where(same).values(**values))
        else:
            continue
        changed = True
    same = (closings.c.id == closing_id) & closings.c.footer.is_distinct_from(footer)
    return connection.execute(update(closings).where(same).values(footer=footer)).rowcount > 0 or changed


def note_proof(connection: Connection, seq: int, kite: int | None, at: datetime) -> None:
    """What the broker's positions show of a line's contract; None: nothing that could be read."""
    same = closing_lines.c.seq == seq
    connection.execute(update(closing_lines).where(same).values(kite=kite, kite_at=at))


def moving(connection: Connection, venue: str) -> set[tuple[str, str]]:
    """The contracts (tradingsymbol, product) with an order of ours decided, under way or unknown: what the
    positions say of them is not settled. A stop at rest moves nothing, nor does a question."""
    working = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
    resting = (orders.c.intent_id == intents.c.id) & (orders.c.status == "TRIGGER PENDING")
    statement = select(intents.c.tradingsymbol, intents.c.product).where(
        (intents.c.venue == venue)
        & or_(intents.c.state.in_(DECIDED_INTENTS), intents.c.id.in_(working))
        & ~select(orders.c.seq).where(resting).exists()
    )
    return {(row.tradingsymbol, row.product) for row in connection.execute(statement)}


def standing(connection: Connection) -> tuple[int, int]:
    """Orders of alerts and guards that still work, and GTTs of ours that may still be at the broker."""
    working = (
        select(func.count())
        .select_from(orders.join(intents, intents.c.id == orders.c.intent_id))
        .where(orders.c.state.in_(WORKING_ORDERS) & (intents.c.purpose == Purpose.EXIT))
    )
    there = [GuardState.PLACING, GuardState.UNKNOWN, GuardState.ACTIVE]
    triggers = (
        select(func.count()).select_from(guards).where(guards.c.state.in_(there) & (guards.c.kind == "gtt"))
    )
    return connection.scalar(working) or 0, connection.scalar(triggers) or 0


def last_fill(connection: Connection, venue: str) -> int:
    """The number of the venue's newest fill: while it stays the same, nothing fills."""
    return connection.scalar(select(func.max(fills.c.seq)).where(fills.c.venue == venue)) or 0


def last_words(connection: Connection, key: Key, since: datetime) -> str | None:
    """What was said of the last order for this position that came to nothing since then."""
    venue, strategy, tradingsymbol, product = key
    statement = (
        select(intents.c.reason, orders.c.status_message)
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .where(
            (intents.c.venue == venue)
            & (intents.c.strategy == (strategy or ACCOUNT))
            & (intents.c.tradingsymbol == tradingsymbol)
            & (intents.c.product == product)
            & (intents.c.purpose == Purpose.CLOSE)
            & (intents.c.planned_at >= since)
        )
        .order_by(intents.c.planned_at.desc(), intents.c.part.desc())
    )
    found = (row.status_message or row.reason for row in connection.execute(statement))
    return next((words for words in found if words), None)
