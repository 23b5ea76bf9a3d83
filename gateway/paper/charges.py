"""What an order costs and what margin a short takes; the rates are config/market/charges.toml."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import config.market
from gateway.paper.words import Side


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Fractions (0.18 is 18 %), brokerage in rupees."""

    brokerage: Decimal
    stt_on_sell: Decimal
    sebi: Decimal
    stamp_on_buy: Decimal
    gst: Decimal
    turnover: dict[str, Decimal]
    span: Decimal
    exposure: Decimal


@dataclass(frozen=True, kw_only=True)
class Charges:
    """The charges of one order, in rupees."""

    stt: Decimal
    turnover: Decimal
    sebi: Decimal
    brokerage: Decimal
    stamp: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        return self.stt + self.turnover + self.sebi + self.brokerage + self.stamp + self.gst


FREE = Charges(
    stt=Decimal(), turnover=Decimal(), sebi=Decimal(), brokerage=Decimal(), stamp=Decimal(), gst=Decimal()
)


@cache
def rates() -> Rates:
    """The rates in force."""
    raw = tomllib.loads((Path(config.market.__file__).parent / "charges.toml").read_text(encoding="utf-8"))
    fees, margin = raw["charges"], raw["short_margin"]
    return Rates(
        brokerage=Decimal(fees["brokerage_per_order"]),
        stt_on_sell=_fraction(fees["stt_on_sell"]),
        sebi=_fraction(fees["sebi_turnover"]),
        stamp_on_buy=_fraction(fees["stamp_duty_on_buy"]),
        gst=_fraction(fees["gst"]),
        turnover={exchange: _fraction(percent) for exchange, percent in fees["exchange_turnover"].items()},
        span=_fraction(margin["span"]),
        exposure=_fraction(margin["exposure"]),
    )


def charges_of(exchange: str, side: Side, quantity: int, price: Decimal) -> Charges:
    """What one executed order costs at `price` rupees a unit."""
    rate, premium = rates(), quantity * price
    turnover = premium * rate.turnover.get(exchange, Decimal())
    sebi = premium * rate.sebi
    return Charges(
        stt=premium * rate.stt_on_sell if side is Side.SELL else Decimal(),
        turnover=turnover,
        sebi=sebi,
        brokerage=rate.brokerage,
        stamp=premium * rate.stamp_on_buy if side is Side.BUY else Decimal(),
        gst=(rate.brokerage + turnover + sebi) * rate.gst,
    )


def charges_row(charges: Charges, tax: str = "stt") -> dict[str, Any]:
    """As in the sample virtual_contract_note.json."""
    return {
        "transaction_tax": float(charges.stt),
        "transaction_tax_type": tax,
        "exchange_turnover_charge": float(charges.turnover),
        "sebi_turnover_charge": float(charges.sebi),
        "brokerage": float(charges.brokerage),
        "stamp_duty": float(charges.stamp),
        "gst": {"igst": float(charges.gst), "cgst": 0, "sgst": 0, "total": float(charges.gst)},
        "total": float(charges.total),
    }


def _fraction(percent: str) -> Decimal:
    return Decimal(percent) / 100
