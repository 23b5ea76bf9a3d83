"""What was made and lost: each venue (an account), each strategy, any day; asked by phone, summary and rules.

`Profits.day` is the whole answer for one trading date, `Profits.days` the series for a picture;
`deals_of_day` is for who stands inside a transaction. Amounts are paise, and those called `net` are after
charges by the rates of config/market/charges.toml.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.market import charges
from gateway.domain.errors import BrokerError
from gateway.domain.market import IST, trading_date
from gateway.domain.money import Paise
from gateway.domain.order import Purpose, Side
from gateway.domain.profit import (
    DayNet,
    Deal,
    OpenHolding,
    Point,
    Result,
    by_day,
    by_strategy,
    equity_of,
    open_gain,
    result_of,
)
from gateway.venues import VenueAccess
from storage import fills, holdings
from storage.engine import Database

log = structlog.get_logger()

#: So long prices are waited for; what did not come is not known.
PRICE_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class StrategyDay:
    """One strategy's day at one venue. `open_gain` is None when a price it needs is not known."""

    strategy: str
    result: Result
    open: tuple[OpenHolding, ...]

    @property
    def open_gain(self) -> Paise | None:
        """What its holdings gain at the last prices, before the charges of selling them."""
        return open_gain(self.open)


@dataclass(frozen=True, kw_only=True)
class Day:
    """One trading date at one venue: the whole account, and each strategy that traded or holds something.

    `open` is empty for any day but today: what was held then is not valued afterwards.
    """

    venue: str
    day: date
    result: Result
    strategies: tuple[StrategyDay, ...]
    open: tuple[OpenHolding, ...]
    #: Realised after charges, after each fill that closed something: for a curve.
    equity: tuple[Point, ...]

    @property
    def open_gain(self) -> Paise | None:
        """What is held gains at the last prices since it was bought; None: a price is not known. Never 0 for
        that."""
        return open_gain(self.open)

    @property
    def net(self) -> Paise | None:
        """Realised after charges and open together; None while a price is not known."""
        gain = self.open_gain
        return None if gain is None else Paise(self.result.net + gain)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The contracts whose price is not known."""
        return tuple(dict.fromkeys(each.tradingsymbol for each in self.open if each.price is None))


class Profits:
    """Reads the book of fills and the last prices; changes nothing."""

    def __init__(
        self, database: Database, venues: Mapping[str, VenueAccess], clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._venues = venues
        self._clock = clock

    async def day(self, venue: str, day: date | None = None) -> Day:
        """A venue's trading date, today's without one. Waits a few seconds at most for prices.

        Raises StorageFailed; a broker that does not answer leaves prices unknown.
        """
        today = trading_date(self._clock())
        day = day or today
        deals = await self._database.read(lambda connection: deals_of_day(connection, venue, day))
        held = await self._open(venue) if day == today else ()
        rates = charges()
        each = by_strategy(deals)
        names = sorted(each.keys() | {holding.strategy for holding in held})
        return Day(
            venue=venue,
            day=day,
            result=result_of(deals, rates),
            strategies=tuple(
                StrategyDay(
                    strategy=name,
                    result=result_of(each.get(name, ()), rates),
                    open=tuple(holding for holding in held if holding.strategy == name),
                )
                for name in names
            ),
            open=held,
            equity=equity_of(deals, rates),
        )

    async def days(self, venue: str, count: int = 30, strategy: str | None = None) -> tuple[DayNet, ...]:
        """The days with a fill among the last `count` calendar days, today included, oldest first.

        Of all strategies together, or of the one named. Raises StorageFailed.
        """
        today = trading_date(self._clock())
        since, until = day_start(today - timedelta(days=count - 1)), day_start(today + timedelta(days=1))
        rows = await self._database.read(lambda connection: fills.between(connection, venue, since, until))
        deals = [_deal(row) for row in rows if strategy in {None, row.strategy}]
        return by_day(deals, charges())

    async def _open(self, venue: str) -> tuple[OpenHolding, ...]:
        rows = await self._database.read(lambda connection: holdings.open_(connection, venue=venue))
        keys = dict.fromkeys(f"{row.exchange}:{row.tradingsymbol}" for row in rows)
        prices = await last_prices(self._venues[venue], keys)
        return tuple(open_holding(row, prices.get(f"{row.exchange}:{row.tradingsymbol}")) for row in rows)


async def last_prices(access: VenueAccess, keys: Collection[str]) -> dict[str, Decimal]:
    """The last price of each key (`NFO:...`) in rupees, as far as they can be had soon; the rest is missing.

    Where quotes cannot be had (the Personal app has none), the account's positions carry them.
    """
    if not keys:
        return {}
    try:
        async with asyncio.timeout(PRICE_PATIENCE_SECONDS):
            found = await asyncio.gather(*(access.prices.last(key) for key in keys))
            prices = {key: price for key, price in zip(keys, found, strict=True) if price is not None}
            if len(prices) < len(keys):
                prices = await prices_of_positions(access) | prices
            return {key: price for key, price in prices.items() if key in keys}
    except TimeoutError:
        log.warning("no_prices_in_time", keys=sorted(keys))
        cached = {key: access.prices.cached(key, PRICE_PATIENCE_SECONDS) for key in keys}
        return {key: price for key, price in cached.items() if price is not None}


async def prices_of_positions(access: VenueAccess) -> dict[str, Decimal]:
    """The last prices that the account's positions carry, by quote key; none when they cannot be read."""
    try:
        rows = await access.book.positions()
    except BrokerError as error:
        log.warning("no_prices_of_positions", error=error.sentence)
        return {}
    return {f"{row.exchange}:{row.tradingsymbol}": row.last_price for row in rows if row.last_price > 0}


def open_holding(row: Row[Any], price: Decimal | None) -> OpenHolding:
    """A holding's row with the last price of its contract, None where it is not known."""
    return OpenHolding(
        strategy=row.strategy,
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        product=row.product,
        quantity=holdings.signed(row),
        average=Decimal(row.cost_paise) / row.bought / 100,
        price=price,
    )


def day_start(day: date) -> datetime:
    """Midnight IST."""
    return datetime.combine(day, datetime.min.time(), IST)


def deals_of_day(connection: Connection, venue: str, day: date) -> list[Deal]:
    """A venue's fills of a trading date, oldest first, inside a transaction of the caller's."""
    rows = fills.between(connection, venue, day_start(day), day_start(day + timedelta(days=1)))
    return [_deal(row) for row in rows]


def _deal(row: Row[Any]) -> Deal:
    return Deal(
        at=row.filled_at,
        strategy=row.strategy,
        alert_id=row.alert_id,
        order=row.intent_id,
        # The order's filled quantity after this fill is this fill's own: nothing came before it.
        begins=row.up_to == row.quantity,
        closes=row.purpose != Purpose.ENTRY,
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        side=Side(row.side),
        quantity=row.quantity,
        value=Paise(row.value_paise),
        realised=Paise(row.realised_paise),
    )
