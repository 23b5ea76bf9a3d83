"""Fat and slow senders, on raw sockets: each is cut off in time, and costs the others nothing."""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from gateway.ingress import middleware, protocol
from gateway.ingress.app import build_app, serve
from gateway.metrics import Metrics
from tests.ingress.conftest import BUY, SECRET, House, running, settings

HEAD = f"POST /webhook/tradingview/{SECRET} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def everything(reader: asyncio.StreamReader, seconds: float = 5.0) -> bytes:
    async with asyncio.timeout(seconds):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)


async def test_a_body_up_to_the_limit_is_taken(house: House) -> None:
    limit = house.door.settings.server.max_body_bytes
    body = f'{{"action": "exit", "note": "{"x" * (limit - 30)}"}}'
    body = body + " " * (limit - len(body))
    assert len(body) == limit
    assert (await house.post(body)).status == 200
    answer = await house.post(body + " ")
    assert (answer.status, answer.json["success"]) == (413, False)


async def test_a_chunked_body_over_the_limit_is_refused(house: House) -> None:
    async def chunks():
        for _ in range(100):
            yield b" " * 1024

    answer = await house.request("POST", f"/webhook/tradingview/{SECRET}", data=chunks())
    assert answer.status == 413
    assert await house.rows() == []


async def test_a_gzip_bomb_is_refused_and_not_unpacked(house: House) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000, 9)[:100_000]
    assert len(bomb) < 100_001
    began = time.monotonic()
    for body in (bomb[:16_000], bomb):
        answer = await house.post(body, headers={"Content-Encoding": "gzip"})
        assert answer.status == 413
    assert time.monotonic() - began < 2


async def test_an_alert_may_be_compressed(house: House) -> None:
    body = gzip.compress(b'{"action": "exit"}')
    assert (await house.post(body, headers={"Content-Encoding": "gzip"})).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_what_is_not_compressed_as_it_says_is_refused(
    house: House, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    for body in (b"no such thing", b'{"action": "exit"}', zlib.compress(b"x" * 999)[:9] + b"\xff" * 99):
        with capture_logs() as lines:
            answer = await house.post(body, headers={"Content-Encoding": encoding})
            await house.get("/healthz")
        assert (answer.status, answer.json["success"]) == (400, False)
        if "not encoded as it says" in answer.json["error"]:  # of what is no HTTP, the answer is HTTP/1.0
            assert answer.headers["Connection"] == "close"
        assert not any("exc_info" in line for line in lines)
    assert not [record for record in caplog.records if record.exc_info]
    assert await house.rows() == []


async def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(house: House) -> None:
    async with connected(house) as (reader, writer):
        writer.write((HEAD + "Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n").encode())
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_sender_that_asks_first_is_told_to_continue(house: House) -> None:
    async with connected(house) as (reader, writer):
        writer.write(
            (HEAD + "Content-Length: 18\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n").encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b'{"action": "exit"}')
        assert (await everything(reader)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", ["", "POST /webh", HEAD, HEAD + "X-Slow: "])
@pytest.mark.usefixtures("impatient")
async def test_headers_that_do_not_come_in_time_end_the_connection(house: House, sent: str) -> None:
    async with connected(house) as (reader, writer):
        writer.write(sent.encode())
        assert await everything(reader) == b""


@pytest.mark.usefixtures("impatient")
async def test_headers_that_drip_end_the_connection_as_well(house: House) -> None:
    async with connected(house) as (reader, writer):
        writer.write(HEAD.encode())
        ended = asyncio.create_task(everything(reader))
        began = time.monotonic()
        while not ended.done():
            writer.write(b"X-Drip: 1\r\n")
            await asyncio.sleep(0.05)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("sent", ["", '{"action":'])
@pytest.mark.usefixtures("impatient")
async def test_a_body_that_does_not_come_in_time_is_408(house: House, sent: str) -> None:
    async with connected(house) as (reader, writer):
        writer.write((HEAD + "Content-Length: 18\r\n\r\n" + sent).encode())
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"success":false' in answer
    assert await house.rows() == []


@pytest.mark.usefixtures("impatient")
async def test_two_hundred_slow_senders_do_not_hold_up_an_alert(house: House) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write(("", HEAD, HEAD + "Content-Length: 18\r\n\r\n{")[number % 3].encode())
    answer = await house.post(BUY)
    assert answer.status == 200
    await asyncio.gather(*(everything(reader) for reader, _ in slow))
    for _, writer in slow:
        writer.close()
    assert (await house.get("/healthz")).status == 200


async def test_an_idle_connection_is_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(protocol._OPTIONS, "keepalive_timeout", 0.3)
    async with connected(house) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await everything(reader)).startswith(b"HTTP/1.1 200")


async def test_one_connection_carries_several_alerts(house: House) -> None:
    async with connected(house) as (reader, writer):
        for number in range(3):
            body = f'{{"action": "exit", "id": "{number}"}}'
            writer.write((HEAD + f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")


async def test_more_connections_than_there_is_room_for_are_dropped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 3)
    held = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(3)]
    async with connected(house) as (reader, _):
        assert await everything(reader) == b""
    held[0][1].close()
    await held[0][1].wait_closed()
    assert (await house.get("/healthz")).status == 200
    for _, writer in held:
        writer.close()


def test_one_sender_may_hold_so_many_connections_and_no_more() -> None:
    metrics = Metrics()
    proxies = settings(server={"trusted_proxies": ["10.0.0.1"]}).server.trusted_proxies
    connections = protocol.Connections(proxies, metrics)
    limit = protocol.MAX_CONNECTIONS_PER_SENDER
    entered = [connections.enter(("2001:db8::1", number, 0, 0)) for number in range(limit)]
    assert entered == ["2001:db8::/64"] * limit
    assert connections.enter(("2001:db8::2", 1, 0, 0)) is None
    assert connections.enter(("203.0.113.7", 1)) == "203.0.113.7"
    assert all(connections.enter(("10.0.0.1", number)) for number in range(2 * limit))
    connections.leave("2001:db8::/64")
    assert connections.enter(("2001:db8::1", 1, 0, 0)) == "2001:db8::/64"


async def test_a_port_that_is_taken_says_so(house: House, tmp_path) -> None:
    with pytest.raises(OSError, match="in use"):
        await serve(build_app(house.door), "127.0.0.1", house.port)
    async with running(tmp_path / "other") as other:
        assert other.port != house.port
