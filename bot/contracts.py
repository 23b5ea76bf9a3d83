"""How a contract is written in a narrow column."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Row


def short_name(row: Row[Any]) -> str:
    """`NIFTY 24000CE`, of a row with name, strike and option_type."""
    return f"{row.name} {Decimal(row.strike).normalize():f}{row.option_type}"
