"""Kite's binary ticks, big-endian (facts/kite.md 4.3). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from struct import unpack_from

#: Decimal places of a price, by segment (the token's last byte); 2 for all that are not here.
_PLACES = {3: 7, 6: 4, 12: 4}
_LTP, _INDEX, _INDEX_FULL, _QUOTE, _FULL = 8, 28, 32, 44, 184
#: Where the price of the best offer on each side stands in a full packet.
_BID, _ASK = 68, 128


class BadFrameError(ValueError):
    """The frame's lengths do not fit its bytes."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One packet. Prices in rupees; times aware, UTC; what its mode does not carry is None."""

    instrument_token: int
    last_price: Decimal
    volume: int | None = None
    open_interest: int | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    traded_at: datetime | None = None
    at: datetime | None = None


def parse_ticks(frame: bytes) -> list[Tick]:
    """The ticks of a frame; a heartbeat has none, packets of unknown length are left out.

    Raises BadFrameError when the frame is cut short.
    """
    return [_tick(packet) for packet in _packets(frame) if len(packet) in _READERS]


def _packets(frame: bytes) -> Iterator[bytes]:
    if len(frame) < 2:  # a heartbeat
        return
    (count,) = unpack_from(">H", frame)
    start = 2
    for _ in range(count):
        if start + 2 > len(frame):
            raise BadFrameError(f"{count} packets announced, the frame ends at byte {len(frame)}")
        (length,) = unpack_from(">H", frame, start)
        packet = frame[start + 2 : start + 2 + length]
        if len(packet) != length:
            raise BadFrameError(f"a packet of {length} bytes announced, {len(packet)} there")
        yield packet
        start += 2 + length


def _tick(packet: bytes) -> Tick:
    token, last = unpack_from(">II", packet)
    return _READERS[len(packet)](packet, token, _price(last, token))


def _short(_packet: bytes, token: int, last: Decimal) -> Tick:
    """A last price; an index's quote adds nothing that is used."""
    return Tick(instrument_token=token, last_price=last)


def _index_full(packet: bytes, token: int, last: Decimal) -> Tick:
    return Tick(instrument_token=token, last_price=last, at=_moment(packet, 28))


def _quote(packet: bytes, token: int, last: Decimal) -> Tick:
    return Tick(instrument_token=token, last_price=last, volume=_number(packet, 16))


def _full(packet: bytes, token: int, last: Decimal) -> Tick:
    return Tick(
        instrument_token=token,
        last_price=last,
        volume=_number(packet, 16),
        traded_at=_moment(packet, 44),
        open_interest=_number(packet, 48),
        at=_moment(packet, 60),
        bid=_price(_number(packet, _BID), token) or None,
        ask=_price(_number(packet, _ASK), token) or None,
    )


_READERS = {_LTP: _short, _INDEX: _short, _INDEX_FULL: _index_full, _QUOTE: _quote, _FULL: _full}


def _number(packet: bytes, offset: int) -> int:
    value: int = unpack_from(">I", packet, offset)[0]
    return value


def _price(raw: int, token: int) -> Decimal:
    return Decimal(raw).scaleb(-_PLACES.get(token & 0xFF, 2))


def _moment(packet: bytes, offset: int) -> datetime | None:
    """An epoch; 0 where there is none."""
    seconds = _number(packet, offset)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
