"""Quotes as rows of /quote, /quote/ohlc and /quote/ltp."""

from datetime import datetime
from typing import Any

from gateway.paper.instruments import Contract
from gateway.paper.market import DEPTH, Level, Quote
from gateway.paper.wire import rupees, stamp


def ltp_row(contract: Contract, quote: Quote) -> dict[str, Any]:
    """As in the sample ltp.json."""
    return {"instrument_token": contract.token, "last_price": rupees(quote.last)}


def ohlc_row(contract: Contract, quote: Quote) -> dict[str, Any]:
    """As in the sample ohlc.json."""
    return ltp_row(contract, quote) | {"ohlc": _ohlc(quote)}


def quote_row(contract: Contract, quote: Quote, at: datetime) -> dict[str, Any]:
    """As in the sample quote.json."""
    return {
        "instrument_token": contract.token,
        "timestamp": stamp(at),
        "last_trade_time": stamp(at),
        "last_price": rupees(quote.last),
        "last_quantity": contract.lot_size if contract.tradable else 0,
        "buy_quantity": sum(level.quantity for level in quote.buy),
        "sell_quantity": sum(level.quantity for level in quote.sell),
        "volume": quote.volume,
        "average_price": rupees(quote.last),
        "oi": quote.open_interest,
        "oi_day_high": quote.open_interest,
        "oi_day_low": quote.open_interest,
        "net_change": rupees(quote.last - quote.close),
        "lower_circuit_limit": rupees(quote.lower_circuit),
        "upper_circuit_limit": rupees(quote.upper_circuit),
        "ohlc": _ohlc(quote),
        "depth": {"buy": _side(quote.buy), "sell": _side(quote.sell)},
    }


def _ohlc(quote: Quote) -> dict[str, Any]:
    return {
        "open": rupees(quote.open),
        "high": rupees(quote.high),
        "low": rupees(quote.low),
        "close": rupees(quote.close),
    }


def _side(levels: tuple[Level, ...]) -> list[dict[str, Any]]:
    rows = [
        {"price": rupees(level.price), "quantity": level.quantity, "orders": level.orders} for level in levels
    ]
    return rows + [{"price": 0, "quantity": 0, "orders": 0}] * (DEPTH - len(rows))
