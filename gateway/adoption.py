"""Adoption: what the owner says of a difference is booked as said. Nothing here can place an order."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.difference import DifferenceKind, DifferenceState, side_of, units_of
from gateway.domain.money import format_rupees
from gateway.domain.order import Side
from gateway.wakeups import Wakeups
from storage import by_hand, differences, sells
from storage.differences import held_by_contract
from storage.engine import Database
from storage.notices import Outbox

_SETTLED = "This is settled already, or the numbers have changed since."
_NOT_KNOWN = "This difference is not known any more."


@unique
class Answer(StrEnum):
    """What the owner may say; the letter travels in the button."""

    #: At the average price at which another hand traded it today.
    AT_AVERAGE = "a"
    #: Closed at a price that nobody knows: booked at what it cost, with neither profit nor loss.
    AT_COST = "c"
    #: At the last price that the broker shows with the position.
    AT_LAST = "l"
    #: Expired without value.
    WORTHLESS = "w"
    LEAVE = "k"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One way to settle a difference: for whom, how many units, at which price (None: at cost)."""

    answer: Answer
    strategy: str
    units: int
    price: Decimal | None
    #: Its place in the buttons: the strategy's number.
    number: int


@dataclass(frozen=True, kw_only=True)
class DifferenceView:
    """What a difference's card shows: its row, the strategies that hold the contract, what is offered."""

    row: Row[Any]
    owners: dict[str, int]
    offers: tuple[Offer, ...]


def view_of(connection: Connection, difference_id: str) -> DifferenceView | None:
    """The difference as it stands; offers only while it is open or left."""
    row = differences.get(connection, difference_id)
    if row is None:
        return None
    owners = differences.owners(connection, row)
    is_standing = row.state in (DifferenceState.OPEN, DifferenceState.LEFT)
    return DifferenceView(row=row, owners=owners, offers=_offers(row, owners) if is_standing else ())


def _offers(row: Row[Any], owners: dict[str, int]) -> tuple[Offer, ...]:
    """Each price that is known, for each strategy that it may concern."""
    whole = units_of(DifferenceKind(row.kind), row.held, row.net)
    prices = _prices(row, whole)
    return tuple(
        Offer(answer=answer, strategy=strategy, units=units, price=price, number=number)
        for number, (strategy, held) in enumerate(owners.items())
        if (units := whole if row.kind == DifferenceKind.MORE else min(whole, held)) > 0
        for answer, price in prices
    )


def _prices(row: Row[Any], units: int) -> list[tuple[Answer, Decimal | None]]:
    found: list[tuple[Answer, Decimal | None]] = []
    if row.average_price is not None and row.traded >= units:
        found.append((Answer.AT_AVERAGE, row.average_price))
    if row.kind == DifferenceKind.EXPIRED:
        found.append((Answer.WORTHLESS, Decimal(0)))
    if row.last_price is not None and not (found and row.kind != DifferenceKind.EXPIRED):
        found.append((Answer.AT_LAST, row.last_price))
    if row.kind != DifferenceKind.MORE:
        found.append((Answer.AT_COST, None))
    return found


class Adoption:
    """Takes the owner's answers."""

    def __init__(
        self, database: Database, outbox: Outbox, wakeups: Wakeups, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._wakeups = wakeups
        self._clock = clock

    async def answer(self, difference_id: str, answer: str, number: int, by: str) -> str:
        """Books what the button says, once; the sentence for the owner. Raises StorageFailed."""
        sentence = await self._database.write(
            lambda connection: self._answer(connection, difference_id, answer, number, by)
        )
        self._wakeups.told()
        return sentence

    def _answer(self, connection: Connection, difference_id: str, answer: str, number: int, by: str) -> str:
        view = view_of(connection, difference_id)
        if view is None:
            return _NOT_KNOWN
        row, now = view.row, self._clock()
        if row.state not in (DifferenceState.OPEN, DifferenceState.LEFT):
            return _SETTLED
        if answer == Answer.LEAVE:
            return self._leave(connection, row, by, now)
        offer = next((o for o in view.offers if (o.answer, o.number) == (answer, number)), None)
        held = held_by_contract(connection, row.venue).get((row.tradingsymbol, row.product), 0)
        if offer is None or held != row.held:
            return _SETTLED
        if _is_under_way(connection, row):
            return "An order of Manjha's for it is under way. Its end comes first; press again then."
        return self._book(connection, row, offer, by, now)

    def _leave(self, connection: Connection, row: Row[Any], by: str, now: datetime) -> str:
        if row.state == DifferenceState.LEFT:
            return "Left as it is."
        outcome = f"left as it is by {by}"
        differences.decide(connection, row, DifferenceState.LEFT, by=by, outcome=outcome, at=now)
        self._outbox.show(connection, f"difference:{row.id}", at=now)
        return "Left as it is. It is told again when the numbers change."

    def _book(self, connection: Connection, row: Row[Any], offer: Offer, by: str, now: datetime) -> str:
        like = differences.like(connection, row.venue, row.tradingsymbol, row.product, offer.strategy)
        if like is None:
            return _SETTLED
        opens = row.kind == DifferenceKind.MORE
        side = side_of(DifferenceKind(row.kind), row.held)
        why = f"{row.kind}: booked as said by {by}"
        made = by_hand.book(
            connection,
            like,
            side=side,
            opens=opens,
            quantity=offer.units,
            price=offer.price,
            by=by,
            why=why,
            at=now,
        )
        outcome = outcome_of(offer, side, made, by, opens=opens)
        differences.decide(connection, row, DifferenceState.BOOKED, by=by, outcome=outcome, at=now)
        self._outbox.show(connection, f"difference:{row.id}", at=now)
        text = f"🧭 {html.escape(outcome)} · {html.escape(row.tradingsymbol)} {row.product}"
        self._outbox.tell(connection, text, at=now, subject=f"difference:{row.id}")
        return "Booked."


def outcome_of(offer: Offer, side: Side, made: int, by: str, *, opens: bool) -> str:
    """What was booked, as a sentence."""
    if opens:
        verb = "bought" if side is Side.BUY else "sold short"
        return (
            f"{offer.units} units booked as {verb} by {offer.strategy} at ₹{offer.price:.2f}, as {by} said; "
            "no stop and no target"
        )
    at = "at what they cost (the price is not known)" if offer.price is None else f"at ₹{offer.price:.2f}"
    result = format_rupees(made, sign=True)
    return f"{offer.units} units of {offer.strategy} booked as closed {at}, {result}, as {by} said"


def _is_under_way(connection: Connection, row: Row[Any]) -> bool:
    """Whether a sell of ours, other than a stop at rest, may still fill."""
    return any(
        (sell.tradingsymbol, sell.product) == (row.tradingsymbol, row.product)
        and not sells.is_resting_stop(sell)
        for sell in sells.live(connection, row.venue)
    )
