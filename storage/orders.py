"""Orders as the broker has them, and the fills they brought; applied in any order, any number of times."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from gateway.domain.checkpoints import checkpoint
from gateway.domain.money import Paise, to_paise
from gateway.domain.order import WORKING_ORDERS, BrokerOrder, IntentState, OrderState, Purpose, Side, may_move
from storage import audit, holdings
from storage.sells import ACCOUNT, RELEASED
from storage.tables import fills, intents, orders

#: Values of `orders.cancel_reason`. GUARD: a stop or a sell that made way so that nothing is sold twice.
TIMEOUT, CHASE, EXIT, KILL, GUARD = "timeout", "chase", "exit", "kill switch", "guard"
#: The status of a stop order that has not been released; what follows it is sells.RELEASED.
WAITING = "TRIGGER PENDING"
# Built once: building a statement costs more than SQLite takes to run it, and a book has many orders.
_NEWEST = (
    select(orders)
    .where((orders.c.venue == bindparam("venue")) & (orders.c.order_id == bindparam("order_id")))
    .order_by(orders.c.seq.desc())
    .limit(1)
)
_TAG = select(intents.c.tag).where(intents.c.id == bindparam("id"))
_WITH_TAGS = select(func.count()).where(intents.c.tag.in_(bindparam("tags", expanding=True)))
_OF_INTENTS = select(orders).where(orders.c.intent_id.in_(bindparam("ids", expanding=True)))
_INSERT = insert(orders)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an update changed: the order's row after it, where it came from, and the units newly filled."""

    row: Row[Any]
    before: OrderState | None
    newly_filled: int
    #: The average came, or changed, for units that were known to be filled before.
    priced: bool = False
    #: Units sold although the strategy did not hold them any more.
    oversold: int = 0

    @property
    def state(self) -> OrderState:
        """The order's state now."""
        return OrderState(self.row.state)

    @property
    def ended(self) -> bool:
        """Whether this very update ended the order."""
        return self.state not in WORKING_ORDERS and self.before != self.state


def place(connection: Connection, intent: Row[Any], order_id: str, variety: str, at: datetime) -> None:
    """The broker gave this order id for the intent: the order's first row."""
    connection.execute(
        _INSERT,
        {
            "venue": intent.venue,
            "order_id": order_id,
            "intent_id": intent.id,
            "variety": variety,
            "state": OrderState.PLACED,
            "status": "PUT ORDER REQ RECEIVED",
            "quantity": intent.quantity,
            "filled_quantity": 0,
            "average_price": Decimal(0),
            "placed_at": at,
            "updated_at": at,
        },
    )
    audit.append(
        connection, at, "order.placed", alert_id=intent.alert_id, intent_id=intent.id, order_id=order_id
    )


def note_stranger(connection: Connection, venue: str, order_id: str, intent: Row[Any], at: datetime) -> bool:
    """Remembers an order that carries the tag of an intent which has its order already; False when known."""
    if find(connection, venue, order_id) is not None:
        return False
    connection.execute(
        _INSERT,
        {
            "venue": venue,
            "order_id": order_id,
            "variety": "regular",
            "state": OrderState.PLACED,
            "status": "SECOND ORDER WITH ONE TAG",
            "quantity": intent.quantity,
            "filled_quantity": 0,
            "average_price": Decimal(0),
            "placed_at": at,
            "updated_at": at,
        },
    )
    audit.append(
        connection, at, "order.stranger", alert_id=intent.alert_id, intent_id=intent.id, order_id=order_id
    )
    return True


def find(
    connection: Connection, venue: str, order_id: str, tags: Collection[str] = frozenset()
) -> Row[Any] | None:
    """Our row of an order of the broker: the newest with this id, unless the tags name another intent's.

    Kite's ids do not come twice; those of a server that counts anew each day do.
    """
    row = connection.execute(_NEWEST, {"venue": venue, "order_id": order_id}).one_or_none()
    if row is None or row.intent_id is None or not tags:
        return row
    owner = connection.scalar(_TAG, {"id": row.intent_id})
    if owner in tags:
        return row
    return None if connection.scalar(_WITH_TAGS, {"tags": list(tags)}) else row


def of_intents(connection: Connection, intent_ids: list[str]) -> dict[str, Row[Any]]:
    """The orders of these intents, by intent id."""
    rows = connection.execute(_OF_INTENTS, {"ids": intent_ids})
    return {row.intent_id: row for row in rows}


def working(connection: Connection) -> list[Row[Any]]:
    """Orders that may still fill, with their intent's columns."""
    statement = select(
        orders,
        intents.c.alert_id,
        intents.c.part,
        intents.c.strategy,
        intents.c.purpose,
        intents.c.side,
        intents.c.tradingsymbol,
        intents.c.product,
        intents.c.order_type,
        intents.c.guard_id,
        intents.c.questioned_at,
    ).join(intents, intents.c.id == orders.c.intent_id)
    return list(
        connection.execute(statement.where(orders.c.state.in_(WORKING_ORDERS)).order_by(orders.c.seq))
    )


def note_cancellation(connection: Connection, venue: str, order_id: str, reason: str, at: datetime) -> None:
    """Its cancellation is about to be asked for; the first reason stays, but the kill switch's wins."""
    same = (orders.c.venue == venue) & (orders.c.order_id == order_id)
    newest = select(orders).where(same).order_by(orders.c.seq.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None:
        return
    if row.cancel_reason is not None and reason != KILL:
        reason = row.cancel_reason
    same = orders.c.seq == row.seq
    connection.execute(update(orders).where(same).values(cancel_asked_at=at, cancel_reason=reason))
    audit.append(
        connection, at, "order.cancel_asked", intent_id=row.intent_id, order_id=order_id, reason=reason
    )


def unfinished(connection: Connection, since: datetime) -> list[Row[Any]]:
    """Intents (all columns) planned since then that ended with a rest which nobody carries on and nobody was
    told to look after; with `order_id`, `status_message`, `filled_quantity` and `cancel_reason` of the order,
    where there was one."""
    successor = intents.alias("successor")
    ended = orders.c.state.in_([OrderState.CANCELLED, OrderState.REJECTED])
    refused = (intents.c.state == IntentState.REFUSED) & (intents.c.refused_by == "broker")
    statement = (
        select(
            intents,
            orders.c.order_id,
            orders.c.status_message,
            func.coalesce(orders.c.filled_quantity, 0).label("filled_quantity"),
            orders.c.cancel_reason,
        )
        .outerjoin(orders, orders.c.intent_id == intents.c.id)
        .outerjoin(successor, successor.c.follows == intents.c.id)
        .where(
            (intents.c.planned_at >= since)
            & (refused | (ended & (orders.c.filled_quantity < orders.c.quantity)))
            & successor.c.id.is_(None)
            & intents.c.questioned_at.is_(None)
        )
    )
    return list(connection.execute(statement))


def latest(connection: Connection, count: int) -> list[Row[Any]]:
    """The newest orders with their intent's columns, newest first."""
    statement = select(
        orders,
        intents.c.alert_id,
        intents.c.strategy,
        intents.c.side,
        intents.c.tradingsymbol,
        intents.c.product,
    ).join(intents, intents.c.id == orders.c.intent_id)
    return list(connection.execute(statement.order_by(orders.c.seq.desc()).limit(count)))


def apply(connection: Connection, venue: str, update_: BrokerOrder, at: datetime) -> Change | None:
    """Takes over what the broker says of an order of ours; None when it is not ours or says nothing new.

    Updates are hints in any order: a state is only left by an arrow of the table, the filled
    quantity only grows. A finished order still takes fills that were heard of late.
    """
    row = find(connection, venue, update_.order_id, update_.tags)
    if row is None or row.intent_id is None:
        return None
    before = OrderState(row.state)
    state = update_.state if may_move(before, update_.state) else before
    grown = update_.filled_quantity - row.filled_quantity
    released = before is OrderState.OPEN and (row.status, update_.status) == (WAITING, RELEASED)
    priced = grown == 0 and _is_priced_anew(row, update_)
    if state == before and grown <= 0 and not released and not priced:
        return None
    intent = connection.execute(select(intents).where(intents.c.id == row.intent_id)).one()
    oversold = _fill(connection, intent, row, update_, at) if grown > 0 else 0
    if priced:
        _revalue(connection, intent, row, update_)
    _write(connection, row, update_, state, at, reworded=released)
    audit.append(
        connection,
        at,
        f"order.{state}",
        alert_id=intent.alert_id,
        intent_id=intent.id,
        order_id=update_.order_id,
        status=update_.status,
        message=update_.status_message,
        filled=max(update_.filled_quantity, row.filled_quantity),
        average=str(update_.average_price),
    )
    after = find(connection, venue, update_.order_id, update_.tags)
    assert after is not None  # noqa: S101  it was found above, in this transaction
    return Change(row=after, before=before, newly_filled=max(grown, 0), oversold=oversold, priced=priced)


def _write(
    connection: Connection,
    row: Row[Any],
    update_: BrokerOrder,
    state: OrderState,
    at: datetime,
    *,
    reworded: bool,
) -> None:
    values: dict[str, Any] = {"state": state, "updated_at": at}
    if reworded or state != OrderState(row.state):
        values |= {"status": update_.status, "status_message": update_.status_message}
    if update_.filled_quantity > row.filled_quantity or _is_priced_anew(row, update_):
        values |= {"filled_quantity": update_.filled_quantity, "average_price": update_.average_price}
    connection.execute(update(orders).where(orders.c.seq == row.seq).values(**values))


def _is_priced_anew(row: Row[Any], update_: BrokerOrder) -> bool:
    """The same units at another average: some answers have 0 until the exchange's price is in."""
    same = update_.filled_quantity == row.filled_quantity > 0
    return bool(same and update_.average_price > 0 and update_.average_price != row.average_price)


def _revalue(connection: Connection, intent: Row[Any], row: Row[Any], update_: BrokerOrder) -> None:
    """The last fill of the order takes the difference, and the holding or the profit with it."""
    filled = update_.filled_quantity
    difference = to_paise(update_.average_price * filled) - to_paise(row.average_price * filled)
    newest = select(fills).where(fills.c.intent_id == intent.id).order_by(fills.c.seq.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    if last is None:
        return
    values = {"value_paise": last.value_paise + difference}
    if intent.purpose == Purpose.ENTRY:
        holdings.revalue(connection, intent, Paise(difference))
    elif intent.strategy != ACCOUNT:
        values["realised_paise"] = last.realised_paise + (
            -difference if intent.side == Side.BUY else difference
        )
    connection.execute(update(fills).where(fills.c.seq == last.seq).values(**values))


def _fill(connection: Connection, intent: Row[Any], row: Row[Any], update_: BrokerOrder, at: datetime) -> int:
    """The increment between two totals: the same whatever updates were missed or came twice.

    Returns the units that were closed although nothing of them was held.
    """
    quantity = update_.filled_quantity - row.filled_quantity
    total = to_paise(update_.average_price * update_.filled_quantity)
    value = Paise(total - to_paise(row.average_price * row.filled_quantity))
    if intent.strategy == ACCOUNT and intent.purpose == Purpose.CLOSE:
        realised, oversold = Paise(0), 0  # never held by us: its profit is not known here
    elif intent.purpose == Purpose.ENTRY:
        realised, oversold = Paise(0), 0
        holdings.enter(connection, intent, quantity, value, at)
    else:
        key = (intent.venue, intent.strategy, intent.tradingsymbol, intent.product)
        rows = holdings.of_contract(connection, *key)
        oversold = max(quantity - sum(each.quantity for each in rows if each.side != intent.side), 0)
        realised = holdings.leave(connection, intent, quantity, value, at)
    checkpoint("fill.held")
    connection.execute(
        insert(fills).values(
            venue=intent.venue,
            order_id=update_.order_id,
            up_to=update_.filled_quantity,
            intent_id=intent.id,
            strategy=intent.strategy,
            side=intent.side,
            tradingsymbol=intent.tradingsymbol,
            quantity=quantity,
            value_paise=value,
            realised_paise=realised,
            filled_at=at,
        )
    )
    return oversold


def realised_on(
    connection: Connection, venue: str, strategy: str, tradingsymbol: str, since: datetime
) -> Paise:
    """Profit (or loss) that a strategy realised on one contract since that moment."""
    statement = select(func.sum(fills.c.realised_paise)).where(
        (fills.c.venue == venue)
        & (fills.c.strategy == strategy)
        & (fills.c.tradingsymbol == tradingsymbol)
        & (fills.c.filled_at >= since)
    )
    return Paise(connection.scalar(statement) or 0)


def last_fill_at(connection: Connection, venue: str) -> datetime | None:
    """When the venue's newest fill was heard of."""
    found: datetime | None = connection.scalar(
        select(func.max(fills.c.filled_at)).where(fills.c.venue == venue)
    )
    return found


def fills_of(connection: Connection, intent_ids: list[str]) -> list[Row[Any]]:
    """The fills of these intents, oldest first."""
    statement = select(fills).where(fills.c.intent_id.in_(intent_ids)).order_by(fills.c.seq)
    return list(connection.execute(statement))
