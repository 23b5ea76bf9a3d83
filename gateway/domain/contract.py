"""The contract: the one listed option that is meant."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum, unique


@unique
class OptionType(StrEnum):
    """The two kinds of option."""

    CE = "CE"
    PE = "PE"


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One listed option, as the broker's instrument list carries it; strike in index points, lot in units."""

    exchange: str
    tradingsymbol: str
    instrument_token: int
    name: str
    expiry: date
    strike: Decimal
    option_type: OptionType
    lot_size: int
    tick_size: Decimal

    @property
    def quote_key(self) -> str:
        """Kite's key for quotes, `NFO:NIFTY26DEC24000CE`."""
        return f"{self.exchange}:{self.tradingsymbol}"

    @property
    def title(self) -> str:
        """For a reader: `NIFTY 24000 CE 01 Dec`."""
        return f"{self.name} {self.strike.normalize():f} {self.option_type} {self.expiry:%d %b}"
