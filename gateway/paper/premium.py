"""What a contract is worth on the synthetic market: Black-Scholes with one volatility a underlying."""

from datetime import datetime
from math import erf, exp, log, sqrt
from typing import Final

from gateway.paper.instruments import Contract
from gateway.paper.trading_days import close_of
from gateway.paper.words import Kind

RATE: Final = 0.065
_YEAR_SECONDS: Final = 365 * 86_400.0


def fair_price(contract: Contract, spot: float, volatility: float, now: datetime) -> int:
    """The price in paise, on the contract's tick and never below one tick. `spot` in index points."""
    years = _years_left(contract, now)
    points = _points(contract, spot, volatility, years)
    ticks = round(points * 100 / contract.tick)
    return max(1, ticks) * contract.tick


def _points(contract: Contract, spot: float, volatility: float, years: float) -> float:
    if contract.kind is Kind.FUTURE:
        return spot * exp(RATE * years)
    return _option(contract.kind, spot, contract.strike, volatility, years)


def _option(kind: Kind, spot: float, strike: int, volatility: float, years: float) -> float:
    spread = volatility * sqrt(years)
    d1 = (log(spot / strike) + (RATE + volatility**2 / 2) * years) / spread
    discounted = strike * exp(-RATE * years)
    if kind is Kind.CALL:
        return spot * _normal(d1) - discounted * _normal(d1 - spread)
    return discounted * _normal(spread - d1) - spot * _normal(-d1)


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def _years_left(contract: Contract, now: datetime) -> float:
    if contract.expiry is None:
        return 0.0
    return max((close_of(contract.expiry) - now).total_seconds(), 60.0) / _YEAR_SECONDS
