"""Market protection: a MARKET order becomes a LIMIT order at a computed price (facts/kite.md 2.3)."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from typing import Final

from gateway.paper.words import Side

# Percent of the last price by the option's price in paise: below Rs 10, 100, 500 and above.
_BANDS: Final = ((1_000, Decimal(5)), (10_000, Decimal(3)), (50_000, Decimal(2)))
_WIDEST: Final = Decimal(1)
AUTOMATIC: Final = Decimal(-1)


@dataclass(frozen=True, kw_only=True)
class Protection:
    """The limit price in paise, and the marks that the order's row carries."""

    price: int
    marks: tuple[str, ...]


def protect(side: Side, last: int, tick: int, percent: Decimal) -> Protection:
    """The limit for an order sent at the last price `last` (paise); `percent` -1 takes the automatic band."""
    band = automatic_band(last) if percent == AUTOMATIC else percent
    reach = Decimal(last) * band / 100
    limit = last + reach if side is Side.BUY else last - reach
    ticks = floor(limit / tick) if side is Side.BUY else ceil(limit / tick)
    return Protection(price=max(tick, ticks * tick), marks=("mktp", f"mktp:{band:.2f}"))


def automatic_band(last: int) -> Decimal:
    """The percentage Kite applies for -1."""
    return next((percent for below, percent in _BANDS if last < below), _WIDEST)
