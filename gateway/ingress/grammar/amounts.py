"""Amounts: quantities in units and lots, prices, position sizes, stop-loss and target levels."""

import re
from decimal import Decimal

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Level, LevelKind
from gateway.ingress.grammar.actions import Parts
from gateway.ingress.grammar.arithmetic import ascii_signs, is_plain, number
from gateway.ingress.grammar.text import quoted

MAX_PRICE = Decimal(10_000_000)
MAX_UNITS = Decimal(1_000_000)
MAX_LOTS = Decimal(10_000)
MAX_POSITION = Decimal(10) ** 9
MAX_PERCENT = Decimal(10_000)
_HUNDRED = Decimal(100)
_COUNTED = re.compile(r"([^a-z]+?)\s*(lots?|units?|qty|quantity)", re.IGNORECASE)
_NEGATIVE = "send a positive number; the action says the side"


def read_quantity(field: str, text: str) -> Parts:
    """Units, or lots where the text says so: `65`, `65.0`, `1 lot`. Raises InvalidAlert."""
    return _counted(field, text)


def read_lots(field: str, text: str) -> Parts:
    """Lots: `1`, `"2 lots"`. Raises InvalidAlert."""
    return _counted(field, text)


def _counted(field: str, text: str) -> Parts:
    match = _COUNTED.fullmatch(text)
    if match is None:
        return ((field, _count(field, field, text, text)),)
    unit = "lots" if match[2].lower().startswith("lot") else "quantity"
    if field == "lots" and unit != field:
        raise InvalidAlert(field, f"lots {quoted(text)} speaks of units; send them as quantity.")
    return ((unit, _count(field, unit, match[1], text)),)


def _count(field: str, unit: str, digits: str, text: str) -> int:
    what = f"{field} {quoted(text)}"
    noun, limit = ("lots", MAX_LOTS) if unit == "lots" else ("units", MAX_UNITS)
    value = number(field, digits, f"write a whole number of {noun}")
    if value <= 0:
        raise InvalidAlert(field, f"{what} is not above zero; {_NEGATIVE}.")
    if value != value.to_integral_value():
        raise InvalidAlert(field, f"{what} is not whole; write a whole number of {noun}.")
    if value > limit:
        raise InvalidAlert(field, f"{what} is too large; at most {limit:f} {noun} are understood.")
    return int(value)


def read_price(field: str, text: str) -> Parts:
    """A price in rupees or index points; 0 is absent. Raises InvalidAlert."""
    value = price(field, text, "write a number such as 150.5")
    return ((field, value),) if value else ()


def price(field: str, text: str, right: str) -> Decimal:
    """A number from zero up to MAX_PRICE, not included; zero only if written so. Raises InvalidAlert."""
    value = number(field, text, right)
    if not value and not is_plain(text):
        raise InvalidAlert(field, f"{field} {quoted(text)} comes to zero; {right}.")
    if value < 0:
        raise InvalidAlert(field, f"{field} {quoted(text)} is below zero; {right}.")
    if value >= MAX_PRICE:
        raise InvalidAlert(field, f"{field} {quoted(text)} is too large; {right}.")
    return value


def read_position_size(field: str, text: str) -> Parts:
    """TradingView's signed position size. Raises InvalidAlert."""
    value = number(field, text, "write a number, or leave it out")
    if abs(value) > MAX_POSITION:
        raise InvalidAlert(field, f"{field} {quoted(text)} is too large; write a number, or leave it out.")
    return ((field, value),)


def read_market_position(field: str, text: str) -> Parts:
    """long, short or flat. Raises InvalidAlert."""
    word = text.lower()
    if word not in {"long", "short", "flat"}:
        raise InvalidAlert(field, f"{field} {quoted(text)} is not known; it must be long, short or flat.")
    return ((field, word),)


def read_stop_loss(field: str, text: str) -> Parts:
    """A stop: an option price, or percent below the fill (`-20%`); 0 is absent. Raises InvalidAlert."""
    right = "write an option price such as 140, or a percent such as -20%"
    if not text.endswith("%"):
        return _price_level(field, text, right)
    value = _percent(field, text, right)
    if not value:
        return ()
    below = value if ascii_signs(text)[0] in "+-" else -value
    if not -_HUNDRED < below < 0:
        where = "above the fill" if below > 0 else "at or below a price of zero"
        raise InvalidAlert(field, f"{field} {quoted(text)} lies {where}; {right}.")
    return ((field, Level(kind=LevelKind.PERCENT, value=below)),)


def read_target(field: str, text: str) -> Parts:
    """A target: an option price, or percent above the fill (`30%`); 0 is absent. Raises InvalidAlert."""
    right = "write an option price such as 180, or a percent such as +30%"
    if not text.endswith("%"):
        return _price_level(field, text, right)
    value = _percent(field, text, right)
    if value < 0 or value > MAX_PERCENT:
        where = "below the fill" if value < 0 else "out of reach"
        raise InvalidAlert(field, f"{field} {quoted(text)} lies {where}; {right}.")
    return ((field, Level(kind=LevelKind.PERCENT, value=value)),) if value else ()


def read_trailing_stop(field: str, text: str) -> Parts:
    """How far the stop follows below the highest price: rupees, or percent (`10%`); 0 is absent. Raises
    InvalidAlert."""
    right = "write rupees of the option price such as 15, or a percent such as 10%"
    if not text.endswith("%"):
        return _price_level(field, text, right)
    value = abs(_percent(field, text, right))
    if value >= _HUNDRED:
        raise InvalidAlert(field, f"{field} {quoted(text)} is out of reach; {right}.")
    return ((field, Level(kind=LevelKind.PERCENT, value=value)),) if value else ()


def _price_level(field: str, text: str, right: str) -> Parts:
    value = price(field, text, right)
    return ((field, Level(kind=LevelKind.PRICE, value=value)),) if value else ()


def _percent(field: str, text: str, right: str) -> Decimal:
    return number(field, ascii_signs(text)[:-1].strip(), right)
