"""A quote: what a contract last traded at and is offered at, at one moment."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Prices in rupees (`last_price` 0: never traded), volume and open interest in units.

    A side of the market where nobody stands, or an index's, is None.
    """

    last_price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    lower_circuit: Decimal | None
    upper_circuit: Decimal | None
    volume: int
    open_interest: int
    at: datetime | None
