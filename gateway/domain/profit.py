"""Profit and loss from fills: realised after charges, open at the last prices; what is not known is None."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from itertools import takewhile

from config.market import ChargeRates
from gateway.domain.charges import charges_of
from gateway.domain.market import trading_date
from gateway.domain.money import Paise, to_rupees
from gateway.domain.order import Side


@dataclass(frozen=True, kw_only=True)
class Deal:
    """One fill. `quantity` in units; `realised` (before charges) is 0 for what opens a holding."""

    at: datetime
    strategy: str
    alert_id: str
    #: The order it belongs to, and whether it is that order's first fill.
    order: str
    begins: bool
    closes: bool
    exchange: str
    tradingsymbol: str
    side: Side
    quantity: int
    value: Paise
    realised: Paise

    def charges(self, rates: ChargeRates) -> Paise:
        """What the broker and the state take of it."""
        return _charges(rates, self.exchange, self.side, self.value, self.begins)


@lru_cache(maxsize=4096)
def _charges(rates: ChargeRates, exchange: str, side: Side, value: Paise, begins: bool) -> Paise:
    """The day's fills are reckoned up at every claim: each once."""
    return charges_of(rates, exchange, side, to_rupees(value), begins=begins).paise


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What one alert closed of one contract (an exit, or what a guard sold), however many orders it took."""

    at: datetime
    strategy: str
    tradingsymbol: str
    quantity: int
    realised: Paise
    #: Of the closing orders; those of the purchase were charged when it was bought.
    charges: Paise

    @property
    def net(self) -> Paise:
        """After charges."""
        return Paise(self.realised - self.charges)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What some fills came to. `orders`: executed; `trades`: closed; `wins`: of these, net above zero."""

    realised: Paise
    charges: Paise
    orders: int
    trades: int
    wins: int

    @property
    def net(self) -> Paise:
        """Realised after the charges of all orders executed, purchases of what is still held included."""
        return Paise(self.realised - self.charges)


@dataclass(frozen=True, kw_only=True)
class Point:
    """Realised after charges since the day began, right after a fill that closed something."""

    at: datetime
    net: Paise


@dataclass(frozen=True, kw_only=True)
class OpenHolding:
    """One holding at the last price: rupees a unit, None when it is not known; `quantity` in units, short
    ones below zero."""

    strategy: str
    exchange: str
    tradingsymbol: str
    product: str
    quantity: int
    average: Decimal
    price: Decimal | None

    @property
    def quote_key(self) -> str:
        """Kite's key for quotes."""
        return f"{self.exchange}:{self.tradingsymbol}"

    @property
    def gain(self) -> Paise | None:
        """What it is worth more than was paid, before the charges of selling it; None: not known."""
        if self.price is None:
            return None
        gain = (self.price - self.average) * self.quantity * 100
        return Paise(int(gain.to_integral_value(rounding=ROUND_FLOOR)))


@dataclass(frozen=True, kw_only=True)
class DayNet:
    """One trading date's result."""

    day: date
    result: Result


def result_of(deals: Sequence[Deal], rates: ChargeRates) -> Result:
    """The sum of some fills."""
    trades = trades_of(deals, rates)
    return Result(
        realised=Paise(sum(deal.realised for deal in deals)),
        charges=Paise(sum(deal.charges(rates) for deal in deals)),
        orders=len({deal.order for deal in deals}),
        trades=len(trades),
        wins=sum(trade.net > 0 for trade in trades),
    )


def trades_of(deals: Iterable[Deal], rates: ChargeRates) -> tuple[Trade, ...]:
    """What was closed, in the order in which it ended."""
    groups: dict[tuple[str, str, str], list[Deal]] = {}
    for deal in deals:
        if deal.closes:
            groups.setdefault((deal.strategy, deal.alert_id, deal.tradingsymbol), []).append(deal)
    trades = [
        Trade(
            at=max(deal.at for deal in group),
            strategy=strategy,
            tradingsymbol=tradingsymbol,
            quantity=sum(deal.quantity for deal in group),
            realised=Paise(sum(deal.realised for deal in group)),
            charges=Paise(sum(deal.charges(rates) for deal in group)),
        )
        for (strategy, _, tradingsymbol), group in groups.items()
    ]
    return tuple(sorted(trades, key=lambda trade: trade.at))


def losses_in_a_row(deals: Iterable[Deal], rates: ChargeRates) -> int:
    """How many of the last trades lost, without a gain between them."""
    newest_first = reversed(trades_of(deals, rates))
    return sum(1 for _ in takewhile(lambda trade: trade.net < 0, newest_first))


def equity_of(deals: Iterable[Deal], rates: ChargeRates) -> tuple[Point, ...]:
    """The day's curve: a point after each fill that closed something, charges of all before it taken off."""
    points, net = [], 0
    for deal in deals:
        net += deal.realised - deal.charges(rates)
        if deal.closes:
            points.append(Point(at=deal.at, net=Paise(net)))
    return tuple(points)


def by_strategy(deals: Iterable[Deal]) -> dict[str, list[Deal]]:
    """The fills of each strategy, strategies by name."""
    groups: dict[str, list[Deal]] = {}
    for deal in deals:
        groups.setdefault(deal.strategy, []).append(deal)
    return dict(sorted(groups.items()))


def by_day(deals: Iterable[Deal], rates: ChargeRates) -> tuple[DayNet, ...]:
    """The result of each trading date on which something was filled, oldest first."""
    groups: dict[date, list[Deal]] = {}
    for deal in deals:
        groups.setdefault(trading_date(deal.at), []).append(deal)
    return tuple(DayNet(day=day, result=result_of(group, rates)) for day, group in sorted(groups.items()))


def open_gain(holdings: Iterable[OpenHolding]) -> Paise | None:
    """What the open holdings gain together; None when the price of any is not known. Nothing held: 0."""
    gains = [holding.gain for holding in holdings]
    known = [gain for gain in gains if gain is not None]
    return Paise(sum(known)) if len(known) == len(gains) else None
