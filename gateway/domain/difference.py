"""A difference between our holdings and the broker's positions, in one contract and product. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum, unique

from gateway.domain.order import BrokerOrder, Side

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@unique
class DifferenceKind(StrEnum):
    """Which way they differ."""

    #: The account has fewer than we hold: sold by hand, or by the broker.
    FEWER = "fewer"
    #: The account has more: bought by hand, or an order of ours that we never heard of.
    MORE = "more"
    #: The broker lists no such position: closed on an earlier day, perhaps; or its answer is not whole.
    UNLISTED = "unlisted"
    #: The contract's last session is over: it was settled in cash.
    EXPIRED = "expired"


@unique
class DifferenceState(StrEnum):
    """What became of one that was told."""

    OPEN = "open"
    #: The owner wants it left as it is: not told again while the numbers stay.
    LEFT = "left"
    #: Booked as the owner said.
    BOOKED = "booked"
    #: The numbers have changed since: they agree again, or another difference was told.
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """What other hands traded of a contract today: units and their average price (rupees)."""

    units: int = 0
    average: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Together:
    """What all strategies of ours hold of one contract and product, in units."""

    longs: int = 0
    shorts: int = 0
    #: What exits of ours that were sent and not seen filled are selling, or buying back.
    selling: int = 0
    buying: int = 0

    def lacking(self, side: Side, net: int) -> int:
        """Units of what we hold on that side that the account may not have, by its net position.

        The broker nets all strategies and the owner's own hand. Ours on the other side explain a net that is
        nearer to zero; not those that are just being closed: the net may show their fills already.
        """
        if side is Side.BUY:
            return max(self.longs - max(self.shorts - self.buying, 0) - net, 0)
        return max(self.shorts - max(self.longs - self.selling, 0) + net, 0)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One contract in the broker's positions: its net, and the units that it may lack of what we hold long
    and short."""

    net: int
    longs: int
    shorts: int

    def lacking(self, side: Side) -> int:
        """Units of what we hold on that side that the account may not have."""
        return self.longs if side is Side.BUY else self.shorts


def shown(net: int, books: Sequence[Together]) -> Shown:
    """What a net position says beside our book before and after it was read: a fill came in between perhaps,
    and then nobody knows on which side of it the net was."""
    longs, shorts = (max(book.lacking(side, net) for book in books) for side in (Side.BUY, Side.SELL))
    return Shown(net=net, longs=longs, shorts=shorts)


def kind_of(held: int, net: int | None, *, expired: bool) -> DifferenceKind | None:
    """How `net` (None: not listed) differs from the units held (short: below zero); None when they agree."""
    if expired:
        return DifferenceKind.EXPIRED if held else None
    if net is None:
        return DifferenceKind.UNLISTED if held else None
    if net == held:
        return None
    if held < 0:  # a short: nearer to zero is fewer
        return DifferenceKind.FEWER if net > held else DifferenceKind.MORE
    return DifferenceKind.FEWER if net < held else DifferenceKind.MORE


def units_of(kind: DifferenceKind, held: int, net: int | None) -> int:
    """Units that could be booked: what we hold and the account has not, or what it has beyond ours."""
    if held < 0:
        held, net = -held, -net if net is not None else None
    match kind:
        case DifferenceKind.MORE:
            return max((net or 0) - held, 0)
        case DifferenceKind.FEWER:
            return max(held - max(net or 0, 0), 0)
    return held


def side_of(kind: DifferenceKind, held: int) -> Side:
    """Which way another hand has traded: a SELL closes what is held, a BUY what is short."""
    closing, opening = (Side.BUY, Side.SELL) if held < 0 else (Side.SELL, Side.BUY)
    return opening if kind is DifferenceKind.MORE else closing


def by_other_hands(
    book: Iterable[BrokerOrder], ours: frozenset[str], contract: tuple[str, str], side: Side, wanted: int
) -> Strangers:
    """What today's orders that are not ours filled of a contract (tradingsymbol and product), up to the
    units wanted, the newest first: earlier ones may have been booked before."""
    found = [
        order
        for order in book
        if order.order_id not in ours
        and (order.tradingsymbol, order.product) == contract
        and order.side is side
        and order.filled_quantity > 0
        and order.average_price > 0
    ]
    units, value = 0, Decimal(0)
    for order in sorted(found, key=lambda order: (order.order_timestamp or _EARLIEST, order.order_id))[::-1]:
        taken = min(order.filled_quantity, wanted - units)
        units, value = units + taken, value + order.average_price * taken
    if not units:
        return Strangers()
    return Strangers(units=units, average=(value / units).quantize(Decimal("0.01")))
