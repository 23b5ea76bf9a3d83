"""What is being closed of a contract: every exit that is decided, open or unknown, resting stops too; an exit
that the owner is still asked about closes nothing.

Of a short an exit is a BUY; a strategy is long or short in a contract, never both.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
    union,
    update,
)

from gateway.domain.errors import IllegalMove
from gateway.domain.order import DECIDED_INTENTS, LIVE_INTENTS, WORKING_ORDERS, IntentState, Purpose
from storage import audit
from storage.tables import approvals, holdings, intents, orders

#: The order type of a stop that rests at the exchange, and the status it has once it was released.
STOP_ORDER, RELEASED = "SL", "OPEN"

#: An exit that came so long before an entry, or is at work still, is filled before that entry goes out.
BEFORE = timedelta(seconds=60)
#: Of `approvals.decision`: a question that something else has overtaken.
VOID = "void"
#: Whose name the orders bear that close, with the whole account, what no strategy of ours holds.
ACCOUNT = "(account)"

#: A strategy's contract: venue, strategy, tradingsymbol, product.
Key = tuple[str, str, str, str]


def key_of(row: Row[Any]) -> Key:
    """The contract that an intent or a holding is about."""
    return row.venue, row.strategy, row.tradingsymbol, row.product


def live(connection: Connection, venue: str | None = None, key: Key | None = None) -> list[Row[Any]]:
    """Exits not ended yet, oldest first: the intents' columns, `rest` (units not filled), and of the order,
    where there is one, `order_id`, `variety`, `order_status`, `filled_quantity`, `cancel_asked_at`."""
    filled = func.coalesce(orders.c.filled_quantity, 0)
    statement = (
        select(
            intents,
            orders.c.order_id,
            orders.c.variety,
            orders.c.status.label("order_status"),
            orders.c.cancel_asked_at,
            filled.label("filled_quantity"),
            (intents.c.quantity - filled).label("rest"),
        )
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .where(
            (intents.c.purpose != Purpose.ENTRY)
            & (intents.c.strategy != ACCOUNT)
            & (intents.c.state.in_(DECIDED_INTENTS) | orders.c.state.in_(WORKING_ORDERS))
        )
        .order_by(intents.c.planned_at, intents.c.part)
    )
    if venue is not None:
        statement = statement.where(intents.c.venue == venue)
    if key is not None:
        statement = statement.where(_about(key))
    return list(connection.execute(statement))


def _about(key: Key) -> ColumnElement[bool]:
    venue, strategy, tradingsymbol, product = key
    return and_(
        intents.c.venue == venue,
        intents.c.strategy == strategy,
        intents.c.tradingsymbol == tradingsymbol,
        intents.c.product == product,
    )


def is_resting_stop(row: Row[Any]) -> bool:
    """Whether a live sell is a guard's stop that has not been released: it makes way for other exits."""
    stop = row.guard_id is not None and row.order_type == STOP_ORDER
    return stop and row.order_status != RELEASED and row.filled_quantity == 0


def resting_stop() -> ColumnElement[bool]:
    """The same as a condition on intents."""
    released = exists().where(
        (orders.c.intent_id == intents.c.id)
        & ((orders.c.status == RELEASED) | (orders.c.filled_quantity > 0))
    )
    return and_(intents.c.guard_id.is_not(None), intents.c.order_type == STOP_ORDER, ~released)


def free_for(connection: Connection, row: Row[Any]) -> int:
    """Units that this sell may take: what is held, less all other sells that are live, stops included."""
    key = key_of(row)
    held = holdings_of(connection, key, closed_by=row.side)
    busy: int = sum(other.rest for other in live(connection, key=key) if other.id != row.id)
    return held - busy


def is_unfilled_before(connection: Connection, row: Row[Any]) -> bool:
    """Whether exits of this entry's strategy that came before it have not sold all that they were to sell,
    while it is still held (what was bought after them is not theirs); one that is still asked about has sold
    nothing. A guard's orders are none of them; nor are exits that ended long before, nor those that were
    withdrawn for another exit."""
    values = {
        "of_venue": row.venue,
        "of_strategy": row.strategy,
        "until": row.planned_at,
        "since": row.planned_at - BEFORE,
    }
    return any(
        each.sold < each.wanted
        and holdings_of(
            connection, (row.venue, row.strategy, each.tradingsymbol, each.product), opened_by=each.latest
        )
        for each in connection.execute(_EXITS_BEFORE, values)
    )


def _exits_before() -> Select[Any]:
    ours = (
        (intents.c.venue == bindparam("of_venue"))
        & (intents.c.strategy == bindparam("of_strategy"))
        & (intents.c.purpose != Purpose.ENTRY)
        & intents.c.guard_id.is_(None)
    )
    working = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
    void = exists().where((approvals.c.alert_id == intents.c.alert_id) & (approvals.c.decision == VOID))
    earlier = ours & (intents.c.planned_at <= bindparam("until"))
    # Each by an index of its own: this stands between an entry and its order.
    before = union(
        select(intents.c.alert_id).where(earlier & (intents.c.planned_at >= bindparam("since"))),
        select(intents.c.alert_id).where(earlier & intents.c.state.in_(LIVE_INTENTS)),
        select(intents.c.alert_id).where(earlier & intents.c.id.in_(working)),
    )
    filled = func.coalesce(orders.c.filled_quantity, 0)
    return (
        select(
            intents.c.tradingsymbol,
            intents.c.product,
            func.sum(case((intents.c.follows.is_(None), intents.c.quantity), else_=0)).label("wanted"),
            func.sum(filled).label("sold"),
            func.max(intents.c.planned_at).label("latest"),
        )
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .where(ours & intents.c.alert_id.in_(before) & ~void)
        .group_by(intents.c.tradingsymbol, intents.c.product)
    )


# Built once: building it costs twenty times what SQLite takes to run it.
_EXITS_BEFORE = _exits_before()


def holdings_of(
    connection: Connection, key: Key, opened_by: datetime | None = None, closed_by: str | None = None
) -> int:
    """Units that a strategy holds of a contract, long or short; `opened_by`: of those alone that it held at
    this moment; `closed_by`: of those alone that this side closes."""
    venue, strategy, tradingsymbol, product = key
    same = and_(
        holdings.c.venue == venue,
        holdings.c.strategy == strategy,
        holdings.c.tradingsymbol == tradingsymbol,
        holdings.c.product == product,
    )
    if opened_by is not None:
        same &= holdings.c.opened_at <= opened_by
    if closed_by is not None:
        same &= holdings.c.side != closed_by
    return int(connection.scalar(select(func.sum(holdings.c.quantity)).where(same)) or 0)


def fit(connection: Connection, row: Row[Any], at: datetime) -> Row[Any] | None:
    """The sell as it may be claimed: cut to the whole lots that are free, where a guard sells the rest.

    None while a resting stop that came in between must make way first.
    """
    free = free_for(connection, row)
    if free >= row.quantity or row.order_type == STOP_ORDER:
        return row
    if any(is_resting_stop(other) for other in live(connection, key=key_of(row)) if other.id != row.id):
        return None
    whole_lots = max(free, 0) // row.lot_size * row.lot_size
    if not whole_lots:
        return row
    shrink(connection, row, whole_lots, at)
    return connection.execute(select(intents).where(intents.c.id == row.id)).one()


def shrink(connection: Connection, row: Row[Any], quantity: int, at: datetime) -> None:
    """An approved sell is to sell less: others sell the rest. Raises IllegalMove when it was claimed."""
    same = (intents.c.id == row.id) & (intents.c.state == IntentState.APPROVED)
    if connection.execute(update(intents).where(same).values(quantity=quantity)).rowcount != 1:
        raise IllegalMove(f"intent {row.id} is not approved any more")
    audit.append(connection, at, "intent.shrunk", alert_id=row.alert_id, intent_id=row.id, quantity=quantity)
