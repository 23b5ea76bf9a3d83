"""Guards: the stop and target around each holding; each attempt to place one is a row of its own."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update

from gateway.domain.guarding import GuardKind, Levels
from gateway.domain.order import OPEN_GUARDS, GuardState
from storage import audit
from storage.tables import fills, guards, holdings, intents
from storage.transition import move

#: The reason of a guard that no list of the broker's ever showed.
NEVER_SEEN = "Kite's list of triggers never showed it"

#: Of the entry that opened the holding.
_ENTRY = (
    intents.c.alert_id,
    intents.c.strategy,
    intents.c.exchange,
    intents.c.tradingsymbol,
    intents.c.instrument_token,
    intents.c.name,
    intents.c.expiry,
    intents.c.strike,
    intents.c.option_type,
    intents.c.lot_size,
    intents.c.tick_size,
    intents.c.product,
    #: BUY, or SELL where the holding is a short.
    intents.c.side.label("opened_by"),
)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What is placed, or about to be: triggers and limits in rupees, None where there is no such leg."""

    stop_trigger: Decimal | None = None
    stop_limit: Decimal | None = None
    target_trigger: Decimal | None = None
    target_limit: Decimal | None = None


def _with_entry() -> Select[Any]:
    return select(guards, *_ENTRY).join(intents, intents.c.id == guards.c.holding).order_by(guards.c.id)


def get(connection: Connection, guard_id: str) -> Row[Any] | None:
    """A guard with its entry's contract columns."""
    return connection.execute(_with_entry().where(guards.c.id == guard_id)).one_or_none()


def known(connection: Connection, guard_id: str) -> Row[Any]:
    """The same, of a guard that is there."""
    return connection.execute(_with_entry().where(guards.c.id == guard_id)).one()


def open_(connection: Connection, venue: str) -> list[Row[Any]]:
    """The venue's guards that are not at an end."""
    return list(
        connection.execute(_with_entry().where((guards.c.venue == venue) & guards.c.state.in_(OPEN_GUARDS)))
    )


def of_holding(connection: Connection, holding: str) -> list[Row[Any]]:
    """All guards there ever were around a holding, oldest first."""
    statement = _with_entry().where(guards.c.holding == holding)
    return sorted(connection.execute(statement), key=_number)


def latest(connection: Connection, holdings_: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """By holding the guards that tell how it stands: those that are open, else the last one."""
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    rows = connection.execute(_with_entry().where(guards.c.holding.in_(list(holdings_))))
    for row in sorted(rows, key=_number):
        found[row.holding].append(row)
    return {
        holding: [row for row in rows if row.state in OPEN_GUARDS] or rows[-1:]
        for holding, rows in found.items()
    }


def _number(row: Row[Any]) -> int:
    return int(row.id.rpartition("-g")[2])


def by_trigger(connection: Connection, venue: str, trigger_id: int) -> Row[Any] | None:
    """The guard that is (or was) this GTT."""
    same = (guards.c.venue == venue) & (guards.c.trigger_id == trigger_id)
    return connection.execute(_with_entry().where(same)).one_or_none()


def known_triggers(connection: Connection, venue: str) -> set[int]:
    """Every GTT that is or was ours."""
    same = (guards.c.venue == venue) & guards.c.trigger_id.is_not(None)
    return set(connection.scalars(select(guards.c.trigger_id).where(same)))


def given_up(connection: Connection, venue: str, since: datetime) -> list[Row[Any]]:
    """GTTs that count as not placed and whose call was made since then: each may show up all the same."""
    same = (guards.c.venue == venue) & (guards.c.state == GuardState.FAILED) & guards.c.trigger_id.is_(None)
    same &= guards.c.kind == GuardKind.GTT
    return list(connection.execute(_with_entry().where(same & (guards.c.placing_at >= since))))


def wishes(connection: Connection, venue: str) -> list[Row[Any]]:
    """Holdings, oldest first, whose alert named a stop or a target: `seq`, `holding` (the entry's id),
    `bought`, `quantity`, `cost_paise`, `opened_at`, `peak`, the contract's columns, `stop_said`,
    `target_said`, `trail_said`."""
    statement = (
        select(
            holdings.c.seq,
            holdings.c.intent_id.label("holding"),
            holdings.c.venue,
            holdings.c.bought,
            holdings.c.quantity,
            holdings.c.cost_paise,
            holdings.c.opened_at,
            *_ENTRY,
            intents.c.stop_loss.label("stop_said"),
            intents.c.target.label("target_said"),
            intents.c.trailing_stop.label("trail_said"),
            holdings.c.peak,
        )
        .join(intents, intents.c.id == holdings.c.intent_id)
        .where(
            (holdings.c.venue == venue)
            & (holdings.c.quantity > 0)
            & or_(
                intents.c.stop_loss.is_not(None),
                intents.c.target.is_not(None),
                intents.c.trailing_stop.is_not(None),
            )
        )
        .order_by(holdings.c.seq)
    )
    return list(connection.execute(statement))


def sold_by(connection: Connection, guard_ids: Iterable[str]) -> dict[str, int]:
    """Units closed by each guard's orders."""
    statement = (
        select(intents.c.guard_id, func.sum(fills.c.quantity))
        .join(intents, intents.c.id == fills.c.intent_id)
        .where(intents.c.guard_id.in_(list(guard_ids)))
        .group_by(intents.c.guard_id)
    )
    return {guard_id: int(units) for guard_id, units in connection.execute(statement)}


def orders_of(connection: Connection, guard_id: str) -> list[Row[Any]]:
    """The intents of a guard, oldest first."""
    statement = select(intents).where(intents.c.guard_id == guard_id)
    return list(connection.execute(statement.order_by(intents.c.planned_at, intents.c.part)))


def want(
    connection: Connection,
    wish: Row[Any],
    kind: GuardKind,
    quantity: int,
    levels: Levels,
    *,
    at: datetime,
    due_at: datetime,
    attempts: int = 0,
) -> str:
    """A new guard around a holding, to be placed; its id."""
    number = connection.scalar(select(func.count()).where(guards.c.holding == wish.holding)) or 0
    guard_id = f"{wish.holding}-g{number + 1}"
    connection.execute(
        insert(guards).values(
            id=guard_id,
            holding=wish.holding,
            venue=wish.venue,
            kind=kind,
            state=GuardState.WANTED,
            quantity=quantity,
            stop=levels.stop,
            target=levels.target,
            by_hand=False,
            attempts=attempts,
            due_at=due_at,
            final=False,
            wanted_at=at,
        )
    )
    detail = {"guard": guard_id, "kind": kind, "quantity": quantity, **_texts(levels)}
    audit.append(connection, at, "guard.wanted", alert_id=wish.alert_id, intent_id=wish.holding, **detail)
    return guard_id


def _texts(levels: Levels) -> dict[str, str | None]:
    return {"stop": _text(levels.stop), "target": _text(levels.target)}


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def claim(connection: Connection, row: Row[Any], placed: Placed, at: datetime) -> None:
    """From wanted to placing: from this commit on it may exist at the broker. Raises IllegalMove."""
    _step(connection, row, GuardState.PLACING, at, placing_at=at, **placed.__dict__)


def activate(connection: Connection, row: Row[Any], at: datetime, **values: Any) -> None:
    """It is at the broker (`trigger_id` with a GTT), or set up."""
    _step(connection, row, GuardState.ACTIVE, at, **values)


def lose_sight(connection: Connection, row: Row[Any], reason: str, at: datetime) -> None:
    """The call's outcome is not known: it may exist."""
    _step(connection, row, GuardState.UNKNOWN, at, reason=reason)


def trigger(connection: Connection, row: Row[Any], reason: str, at: datetime, **values: Any) -> None:
    """It went off. Not sold yet."""
    _step(connection, row, GuardState.TRIGGERED, at, reason=reason, **values)


def finish(connection: Connection, row: Row[Any], at: datetime) -> None:
    """What it guarded is sold."""
    _step(connection, row, GuardState.DONE, at, settled_at=at)


def remove(connection: Connection, row: Row[Any], reason: str, at: datetime) -> None:
    """Nothing of it is left at the broker."""
    _step(connection, row, GuardState.REMOVED, at, reason=reason, settled_at=at)


def fail(connection: Connection, row: Row[Any], reason: str, at: datetime, *, final: bool = False) -> None:
    """It came to nothing; `final`: nothing more is tried for its holding."""
    _step(connection, row, GuardState.FAILED, at, reason=reason, settled_at=at, final=final)


def change(connection: Connection, row: Row[Any], at: datetime, **values: Any) -> None:
    """An open guard with other units or levels, in the same state."""
    same = (guards.c.id == row.id) & (guards.c.state == row.state)
    connection.execute(update(guards).where(same).values(**values))
    shown = {name: str(value) for name, value in values.items()}
    audit.append(
        connection,
        at,
        "guard.changed",
        alert_id=row.alert_id,
        intent_id=row.holding,
        guard=row.id,
        **shown,
    )


def _step(connection: Connection, row: Row[Any], goal: GuardState, at: datetime, **values: Any) -> None:
    shown = ("reason", "trigger_id", "stop_trigger", "target_trigger")
    detail = {name: str(values[name]) for name in shown if values.get(name) is not None}
    move(
        connection,
        guards,
        row.id,
        GuardState(row.state),
        goal,
        at=at,
        alert_id=row.alert_id,
        intent_id=row.holding,
        detail={"guard": row.id, **detail},
        **values,
    )
