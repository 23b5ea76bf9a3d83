"""Contracts to try things on."""

from datetime import date
from decimal import Decimal
from typing import Any

from gateway.domain.contract import Contract, OptionType

DEC_01, DEC_08, DEC_15, DEC_29 = (date(2026, 12, day) for day in (1, 8, 15, 29))
JAN_05, JAN_25 = date(2027, 1, 5), date(2027, 1, 25)


def contract(**changes: Any) -> Contract:
    """The NIFTY 24000 call of 1 December 2026."""
    fields = {
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124000CE",
        "instrument_token": 1001,
        "name": "NIFTY",
        "expiry": DEC_01,
        "strike": Decimal(24000),
        "option_type": OptionType.CE,
        "lot_size": 65,
        "tick_size": Decimal("0.05"),
    }
    return Contract(**{**fields, **changes})
