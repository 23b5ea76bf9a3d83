"""Money as integer paise, option prices as Decimal rupees on the tick; never a float in a decision."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NewType

#: An amount in paise (1 rupee = 100 paise).
Paise = NewType("Paise", int)


def to_paise(rupees: Decimal | int | float | str) -> Paise:
    """Rupees, as the broker's JSON has them, in whole paise (half-even). Raises ValueError."""
    try:
        amount = rupees if isinstance(rupees, Decimal) else Decimal(str(rupees))
        return Paise(int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)))
    except InvalidOperation as error:
        raise ValueError(f"{rupees!r} is not an amount of money") from error


def to_rupees(paise: int) -> Decimal:
    """Paise as Decimal rupees with two places."""
    return Decimal(paise).scaleb(-2)


def format_rupees(paise: int, *, sign: bool = False) -> str:
    """Rupees for a reader, grouped as in India: ₹1,23,456.50; with `sign` a plus on gains."""
    whole, cents = divmod(abs(paise), 100)
    mark = "-" if paise < 0 else "+" if sign and paise > 0 else ""
    return f"{mark}₹{_indian_groups(whole)}.{cents:02d}"


def _indian_groups(whole: int) -> str:
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*pairs, tail])


def round_to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """The nearest price on the tick at or above (`up`) or at or below `price`."""
    steps = (price / tick).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return steps * tick
