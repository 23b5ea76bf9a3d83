"""Between the exchange's figures (integer paise, aware times) and those on the wire (rupees, IST text)."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

IST = timezone(timedelta(hours=5, minutes=30), "IST")


def rupees(paise: int) -> int | float:
    """Rupees as Kite writes them: whole amounts without a fraction (sample answer orders.json)."""
    return paise // 100 if paise % 100 == 0 else paise / 100


def average(value_paise: int, quantity: int) -> int | float:
    """The average price in rupees of `quantity` units that cost `value_paise` together; 0 for none."""
    if not quantity:
        return 0
    mean = round(value_paise / quantity / 100, 6)
    return int(mean) if mean.is_integer() else mean


def paise(text: object) -> int:
    """Rupees as sent by a client, in paise. Raises ValueError for all but whole paisa amounts."""
    try:
        amount = Decimal(str(text)) * 100
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(f"not a whole number of paise: {text!r}")
    return int(amount)


def ist(now: datetime) -> datetime:
    """The same instant on an Indian clock."""
    return now.astimezone(IST)


def stamp(now: datetime) -> str:
    """`2026-11-23 09:15:00`, IST without a zone (facts/kite.md 3.2)."""
    return ist(now).strftime("%Y-%m-%d %H:%M:%S")
