"""The synthetic market: a seeded random walk of each index, and quotes of every contract derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import exp, sqrt
from random import Random
from typing import Final
from zlib import crc32

from config.market import Underlying, underlyings
from gateway.paper.instruments import Contract
from gateway.paper.premium import fair_price
from gateway.paper.words import Kind

_TRADED_SECONDS_A_YEAR: Final = 250 * 6.4 * 3600
_SMILE: Final = 2.0
DEPTH: Final = 5


@dataclass(frozen=True, kw_only=True)
class Index:
    """One index's day so far, in paise; `close` is the previous day's."""

    last: int
    open: int
    high: int
    low: int
    close: int

    @classmethod
    def at(cls, price: int) -> "Index":
        return cls(last=price, open=price, high=price, low=price, close=price)

    def moved(self, price: int) -> "Index":
        return replace(self, last=price, high=max(self.high, price), low=min(self.low, price))

    def next_day(self) -> "Index":
        return Index.at(self.last)


@dataclass(frozen=True, kw_only=True)
class Level:
    """One line of the market depth; price in paise."""

    price: int
    quantity: int
    orders: int


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A contract's price now, in paise; an index has no depth (bid and ask equal the last price)."""

    last: int
    bid: int
    ask: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    open_interest: int
    lower_circuit: int
    upper_circuit: int
    buy: tuple[Level, ...]
    sell: tuple[Level, ...]


class Market:
    """Prices from the seed and the number of steps alone; the clock matters only for the time to expiry."""

    def __init__(self, seed: int, seconds_a_step: float, now: datetime) -> None:
        self._seed = seed
        self._seconds = seconds_a_step
        self._underlyings = underlyings()
        self._quotes: dict[int, Quote] = {}
        self.steps = 0
        self.as_of = now
        self.indices = {u.name: Index.at(int(u.spot * 100)) for u in self._underlyings.values()}

    def step(self, now: datetime) -> None:
        """Moves every index once."""
        self.steps += 1
        for name, index in self.indices.items():
            self.indices[name] = index.moved(self._walk(self._underlyings[name], index.last))
        self.revalue(now)

    def set_spot(self, name: str, price: int, now: datetime) -> None:
        """Puts one index at `price` (paise); the walk goes on from there."""
        self.indices[name] = self.indices[name].moved(price)
        self.revalue(now)

    def next_day(self, now: datetime) -> None:
        self.indices = {name: index.next_day() for name, index in self.indices.items()}
        self.revalue(now)

    def restore(self, steps: int, indices: Mapping[str, Index], now: datetime) -> None:
        """Goes on where an earlier process stopped."""
        self.steps = steps
        self.indices |= indices
        self.revalue(now)

    def quote(self, contract: Contract) -> Quote:
        """The contract's quote; the same one until prices move again."""
        found = self._quotes.get(contract.token)
        if found is None:
            found = self._quotes[contract.token] = self._compute(contract)
        return found

    def revalue(self, now: datetime) -> None:
        """Prices every contract anew: an index has moved, or time has passed that matters."""
        self.as_of = now
        self._quotes.clear()

    def _walk(self, underlying: Underlying, price: int) -> int:
        # Seeded anew at each step, so that a restarted process walks the very same path on.
        shock = Random(f"{self._seed}:{self.steps}:{underlying.name}").gauss(0, 1)  # noqa: S311 - a price, no secret
        sigma = underlying.volatility * sqrt(self._seconds / _TRADED_SECONDS_A_YEAR)
        return max(100, round(price * exp(sigma * shock) / 5) * 5)

    def _compute(self, contract: Contract) -> Quote:
        index = self.indices[contract.name]
        if contract.kind is Kind.INDEX:
            return _index_quote(index)
        last, *day = (self._price(contract, spot) for spot in (index.last, index.open, index.high, index.low))
        bid, ask = _spread(last, contract.tick)
        lower, upper = _circuit(self._price(contract, index.close), index.close, contract.tick)
        return Quote(
            last=last,
            bid=bid,
            ask=ask,
            open=day[0],
            high=max(last, *day),
            low=min(last, *day),
            close=self._price(contract, index.close),
            volume=contract.lot_size * (_noise(contract, "volume") % 20_000 + self.steps),
            open_interest=contract.lot_size * (_noise(contract, "oi") % 50_000),
            lower_circuit=lower,
            upper_circuit=upper,
            buy=self._levels(contract, bid, -contract.tick),
            sell=self._levels(contract, ask, contract.tick),
        )

    def _price(self, contract: Contract, spot: int) -> int:
        volatility = self._underlyings[contract.name].volatility
        if contract.strike:
            volatility *= 1 + _SMILE * abs(contract.strike * 100 / spot - 1)
        return fair_price(contract, spot / 100, volatility, self.as_of)

    def _levels(self, contract: Contract, best: int, tick: int) -> tuple[Level, ...]:
        prices = (best + tick * place for place in range(DEPTH))
        return tuple(self._level(contract, price) for price in prices if price > 0)

    def _level(self, contract: Contract, price: int) -> Level:
        noise = _noise(contract, f"{price}:{self.steps}")
        return Level(price=price, quantity=contract.lot_size * (1 + noise % 40), orders=1 + noise // 64 % 20)


def _spread(last: int, tick: int) -> tuple[int, int]:
    """Bid and ask: a tick around cheap contracts, two around dear ones."""
    half = tick if last < 20_000 else 2 * tick
    return max(tick, last - half), last + half


def _circuit(close: int, index_close: int, tick: int) -> tuple[int, int]:
    """The daily price band in paise, wide as that of options: it follows the index, not the premium."""
    reach = index_close // 10
    return max(tick, (close - reach) // tick * tick), (close + reach) // tick * tick


def _index_quote(index: Index) -> Quote:
    return Quote(
        last=index.last,
        bid=index.last,
        ask=index.last,
        open=index.open,
        high=index.high,
        low=index.low,
        close=index.close,
        volume=0,
        open_interest=0,
        lower_circuit=0,
        upper_circuit=0,
        buy=(),
        sell=(),
    )


def _noise(contract: Contract, what: str) -> int:
    return crc32(f"{contract.token}:{what}".encode())
