"""What an executed order costs: brokerage, taxes, duties; the rates are data (config/market/charges.toml)."""

from dataclasses import dataclass
from decimal import Decimal

from config.market import ChargeRates
from gateway.domain.money import Paise, to_paise
from gateway.domain.order import Side


@dataclass(frozen=True, kw_only=True)
class Charges:
    """The charges of one order, or of a part of it, in rupees."""

    stt: Decimal
    turnover: Decimal
    sebi: Decimal
    brokerage: Decimal
    stamp: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        """All of them, in rupees."""
        return self.stt + self.turnover + self.sebi + self.brokerage + self.stamp + self.gst

    @property
    def paise(self) -> Paise:
        """All of them, in whole paise."""
        return to_paise(self.total)


def charges_of(
    rates: ChargeRates, exchange: str, side: str, premium: Decimal, *, begins: bool = True
) -> Charges:
    """The charges on `premium` rupees traded (price x units); brokerage only where it `begins` the order.

    Brokerage is for each executed order, however many fills it has (facts/kite.md 2.8).
    """
    brokerage = rates.brokerage if begins else Decimal()
    turnover = premium * rates.turnover.get(exchange, Decimal())
    sebi = premium * rates.sebi
    return Charges(
        stt=premium * rates.stt_on_sell if side == Side.SELL else Decimal(),
        turnover=turnover,
        sebi=sebi,
        brokerage=brokerage,
        stamp=premium * rates.stamp_on_buy if side == Side.BUY else Decimal(),
        gst=(brokerage + turnover + sebi) * rates.gst,
    )
