"""Binary ticks: the packets of Kite's WebSocket, big-endian (facts/kite.md 4.3)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from struct import pack
from typing import Final

from gateway.paper.instruments import Contract
from gateway.paper.market import DEPTH, Level, Quote

HEARTBEAT: Final = b"\x00"
_NO_LEVEL: Final = Level(price=0, quantity=0, orders=0)


class Mode(StrEnum):
    LTP = "ltp"
    QUOTE = "quote"
    FULL = "full"


def frame(packets: Iterable[bytes]) -> bytes:
    """One message: the count, then each packet behind its length."""
    all_of_them = list(packets)
    return pack(">H", len(all_of_them)) + b"".join(pack(">H", len(packet)) + packet for packet in all_of_them)


def packet(contract: Contract, quote: Quote, mode: Mode, at: datetime) -> bytes:
    """The packet of one contract: 8, 44 or 184 bytes; 8, 28 or 32 for an index. Prices in paise."""
    if mode is Mode.LTP:
        return pack(">II", contract.token, quote.last)
    if not contract.tradable:
        return _index_packet(contract, quote, mode, at)
    head = _quote_packet(contract, quote)
    return head if mode is Mode.QUOTE else head + _full_tail(quote, at)


def _index_packet(contract: Contract, quote: Quote, mode: Mode, at: datetime) -> bytes:
    """An index has high, low, open, close in this order, then the change."""
    body = pack(
        ">IIIIIIi",
        contract.token,
        quote.last,
        quote.high,
        quote.low,
        quote.open,
        quote.close,
        quote.last - quote.close,
    )
    return body if mode is Mode.QUOTE else body + pack(">I", _epoch(at))


def _quote_packet(contract: Contract, quote: Quote) -> bytes:
    return pack(
        ">11I",
        contract.token,
        quote.last,
        contract.lot_size,
        quote.last,
        quote.volume,
        sum(level.quantity for level in quote.buy),
        sum(level.quantity for level in quote.sell),
        quote.open,
        quote.high,
        quote.low,
        quote.close,
    )


def _full_tail(quote: Quote, at: datetime) -> bytes:
    interest = quote.open_interest
    head = pack(">5I", _epoch(at), interest, interest, interest, _epoch(at))
    return head + _depth(quote.buy) + _depth(quote.sell)


def _depth(levels: tuple[Level, ...]) -> bytes:
    padded = (*levels, *(_NO_LEVEL,) * DEPTH)[:DEPTH]
    return b"".join(pack(">IIHH", level.quantity, level.price, level.orders, 0) for level in padded)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
