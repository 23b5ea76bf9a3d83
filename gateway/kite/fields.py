"""Strict readers of the fields in Kite's JSON: what is there must make sense, what may be missing may."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from gateway.domain.errors import BrokerError, Outcome
from gateway.domain.market import IST

Row = Mapping[str, object]


def odd(what: str, detail: str) -> BrokerError:
    """The error of an answer that cannot be read: it says nothing about what is true at the broker."""
    return BrokerError(f"Kite's {what} cannot be read: {detail}", outcome=Outcome.UNKNOWN)


def one_row(answer: object, what: str) -> Row:
    """The answer as one object."""
    if not isinstance(answer, Mapping):
        raise odd(what, f"an object was expected, not {type(answer).__name__}")
    return answer


def rows(answer: object, what: str) -> list[Row]:
    """The answer as a list of objects."""
    if not isinstance(answer, list):
        raise odd(what, f"a list was expected, not {type(answer).__name__}")
    return [one_row(each, what) for each in answer]


def text(row: Row, key: str, what: str) -> str:
    """A field that must be there, and not empty."""
    found = optional_text(row, key)
    if found is None:
        raise odd(what, f"it has no {key}")
    return found


def optional_text(row: Row, key: str) -> str | None:
    """A field that may be missing, null or empty; a number counts as its digits."""
    found = row.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def number(row: Row, key: str, what: str, default: Decimal | None = None) -> Decimal:
    """A price or an amount in rupees; raises without one, unless there is a default."""
    found = row.get(key)
    if found is None or found == "":
        if default is None:
            raise odd(what, f"it has no {key}")
        return default
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        raise odd(what, f"{key} is {found!r}")
    return _finite(found, key, what)


def _finite(found: float | str, key: str, what: str) -> Decimal:
    try:
        value = Decimal(str(found))
    except ArithmeticError:
        raise odd(what, f"{key} is {found!r}") from None
    if not value.is_finite():
        raise odd(what, f"{key} is {found!r}")
    return value


def integer(row: Row, key: str, what: str, default: int | None = None) -> int:
    """A whole number; raises on a broken one, and without one, unless there is a default."""
    value = number(row, key, what, None if default is None else Decimal(default))
    if value != value.to_integral_value():
        raise odd(what, f"{key} is {value}")
    return int(value)


def units(row: Row, key: str, what: str, default: int | None = None) -> int:
    """A quantity of units that cannot be negative."""
    value = integer(row, key, what, default)
    if value < 0:
        raise odd(what, f"{key} is {value}")
    return value


def moment(found: object) -> datetime | None:
    """A time of Kite's, naive and Indian, as an aware one; None for null, zero dates, bare times of day."""
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError:
            return None
    if not isinstance(found, datetime) or found.year < 2000:
        return None
    return found if found.tzinfo else found.replace(tzinfo=IST)
