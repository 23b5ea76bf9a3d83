"""Kite's quotes, funds, margins and charges as the domain's words. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.domain.funds import Funds
from gateway.domain.money import Paise, to_paise
from gateway.domain.quote import Quote
from gateway.kite.fields import Row, integer, moment, number, one_row

_ZERO = Decimal(0)


def parse_last_prices(answer: object) -> dict[str, Decimal]:
    """`/quote/ltp`: the keys that Kite knows and that have traded, each with its last price in rupees."""
    found = one_row(answer, "last prices")
    prices = {
        key: _price(one_row(row, f"last price of {key}"), "last_price", key) for key, row in found.items()
    }
    return {key: price for key, price in prices.items() if price is not None}


def parse_quotes(answer: object) -> dict[str, Quote]:
    """`/quote`: the keys that Kite knows."""
    return {
        key: _quote(one_row(row, f"quote of {key}"), key) for key, row in one_row(answer, "quotes").items()
    }


def _quote(row: Row, key: str) -> Quote:
    depth = row.get("depth")
    sides: Row = depth if isinstance(depth, Mapping) else {}
    return Quote(
        last_price=number(row, "last_price", key),
        bid=_best(sides.get("buy"), key),
        ask=_best(sides.get("sell"), key),
        lower_circuit=_price(row, "lower_circuit_limit", key),
        upper_circuit=_price(row, "upper_circuit_limit", key),
        volume=integer(row, "volume", key, 0),
        open_interest=integer(row, "oi", key, 0),
        at=moment(row.get("timestamp")),
    )


def _best(levels: object, key: str) -> Decimal | None:
    """The first level of the depth; Kite fills the levels where nobody stands with zeros."""
    if not isinstance(levels, list) or not levels:
        return None
    return _price(one_row(levels[0], f"depth of {key}"), "price", key)


def _price(row: Row, name: str, key: str) -> Decimal | None:
    return number(row, name, key, _ZERO) or None


def parse_funds(answer: object) -> Funds:
    """`/user/margins`, equity side. Cash is derived: `available.cash` was seen at 0 (facts/kite.md 2.8)."""
    equity = one_row(one_row(answer, "funds").get("equity"), "funds")
    available = one_row(equity.get("available") or {}, "funds")
    utilised = one_row(equity.get("utilised") or {}, "funds")
    net = number(equity, "net", "funds")
    used = number(utilised, "debits", "funds", _ZERO)
    collateral = number(available, "collateral", "funds", _ZERO)
    return Funds(
        available=to_paise(net),
        cash=to_paise(net + used - collateral),
        collateral=to_paise(collateral),
        used=to_paise(used),
        option_premium=to_paise(number(utilised, "option_premium", "funds", _ZERO)),
        realised=to_paise(number(utilised, "m2m_realised", "funds", _ZERO)),
        unrealised=to_paise(number(utilised, "m2m_unrealised", "funds", _ZERO)),
    )


def parse_margin(row: Row) -> Paise:
    """What one order of `/margins/orders` would block; for a bought option its premium."""
    return to_paise(number(row, "total", "margin"))


def parse_charges(row: Row) -> Paise:
    """All charges on one order of `/charges/orders`: brokerage, taxes and duties."""
    return to_paise(number(one_row(row.get("charges"), "charges"), "total", "charges"))
