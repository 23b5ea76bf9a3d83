"""Binary ticks: Kite's own sample packets, every segment and length, and frames that are cut short."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from struct import pack

import pytest

from gateway.kite.ticks import BadFrameError, parse_ticks
from tests.kite.stub import FIXTURES


def framed(*packets: bytes) -> bytes:
    return pack(">H", len(packets)) + b"".join(pack(">H", len(each)) + each for each in packets)


def sample(name: str) -> tuple[bytes, dict]:
    packet = base64.b64decode((FIXTURES / f"{name}.packet").read_bytes())
    return packet, json.loads((FIXTURES / f"{name}.json").read_text())


def test_kites_sample_of_a_full_packet():
    packet, said = sample("ticker_full")
    (tick,) = parse_ticks(framed(packet))
    assert tick.instrument_token == said["instrument_token"]
    assert tick.last_price == Decimal(str(said["last_price"]))
    assert (tick.volume, tick.open_interest) == (said["volume"], said["oi"])
    assert tick.bid == Decimal(str(said["depth"]["buy"][0]["price"]))
    assert tick.ask == Decimal(str(said["depth"]["sell"][0]["price"]))
    assert tick.at == datetime.fromisoformat(said["timestamp"])
    assert tick.traded_at == datetime.fromisoformat(said["last_trade_time"])
    assert tick.at.tzinfo is UTC


def test_kites_sample_of_a_quote_packet():
    packet, said = sample("ticker_quote")
    (tick,) = parse_ticks(framed(packet))
    assert (tick.last_price, tick.volume) == (Decimal(str(said["last_price"])), said["volume"])
    assert (tick.bid, tick.at, tick.open_interest) == (None, None, None)


def test_one_frame_carries_packets_of_every_length():
    index = pack(">8I", 256265, 2401345, 1, 2, 3, 4, 5, 1625461887)
    frame = framed(pack(">2I", 408065, 157315), index[:28], index, sample("ticker_full")[0])
    ltp, index_quote, index_full, full = parse_ticks(frame)
    assert (ltp.last_price, index_quote.last_price) == (Decimal("1573.15"), Decimal("24013.45"))
    assert index_full.at == datetime(2021, 7, 5, 5, 11, 27, tzinfo=UTC)
    assert full.last_price == Decimal("1573.7")


@pytest.mark.parametrize(
    ("segment", "price"),
    [
        (1, "7275000"),
        (2, "7275000"),
        (3, "72.75"),
        (5, "7275000"),
        (6, "72750"),
        (9, "7275000"),
        (12, "72750"),
    ],
)
def test_the_segment_of_the_token_says_how_many_places_a_price_has(segment, price):
    (tick,) = parse_ticks(framed(pack(">2I", 1000 * 256 + segment, 727500000)))
    assert tick.last_price == Decimal(price)


def test_where_nobody_stands_there_is_no_price_and_no_time():
    (tick,) = parse_ticks(framed(pack(">2I", 513, 100) + bytes(176)))
    assert (tick.bid, tick.ask, tick.at, tick.traded_at) == (None, None, None, None)


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\0"], ids=["empty", "heartbeat", "no packets"])
def test_a_heartbeat_has_no_ticks(frame):
    assert parse_ticks(frame) == []


def test_a_packet_of_unknown_length_is_left_out():
    ticks = parse_ticks(framed(b"\0" * 12, pack(">2I", 513, 100), b""))
    assert [tick.instrument_token for tick in ticks] == [513]


def test_a_frame_cut_short_anywhere_is_told_apart():
    whole = framed(sample("ticker_full")[0])
    for length in range(2, len(whole)):
        with pytest.raises(BadFrameError):
            parse_ticks(whole[:length])
