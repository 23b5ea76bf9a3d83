"""What every answer keeps to: the envelope, the headers, the log's one line; garbage costs a line at most."""

import asyncio
import gc
import logging
import socket
import struct

import pytest
from structlog.testing import capture_logs

from gateway.ingress.quiet import Quiet
from tests.ingress.conftest import BUY, SECRET, House
from tests.ingress.test_limits import HEAD, connected, everything


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/webhook", "/webhook/tradingview/", "/webhook/a/b/c", "/alerts/"]
)
async def test_an_unknown_address_is_404(house: House, path: str) -> None:
    answer = await house.post(BUY, path)
    assert answer.status == 404
    assert answer.json == {"success": False, "error": "there is nothing at this address"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhook/tradingview"),
        ("PUT", f"/webhook/tradingview/{SECRET}"),
        ("POST", "/alerts/abc"),
        ("DELETE", "/healthz"),
        ("POST", "/readyz"),
        ("PATCH", "/metrics"),
        ("HEAD", "/kite/login"),
        ("POST", "/kite/callback"),
        ("GET", "/kite/postback"),
    ],
)
async def test_an_unknown_method_is_405_and_says_which_are_allowed(
    house: House, method: str, path: str
) -> None:
    answer = await house.request(method, path)
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"] or "GET" in answer.headers["Allow"]
    if method != "HEAD":
        assert answer.json == {"success": False, "error": "this method is not allowed here"}


async def test_no_answer_names_its_server_software(house: House) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/nothing", "/kite/callback", "/kite/login"):
        assert (await house.get(path)).headers["Server"] == "Manjha"


async def test_no_answer_may_be_kept_by_a_cache(house: House) -> None:
    for answer in (await house.post(BUY), await house.get("/nothing"), await house.get("/healthz")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("application/json")


async def test_the_log_names_the_route_and_never_path_query_or_body(house: House) -> None:
    with capture_logs() as lines:
        await house.post(
            {**BUY, "secret": SECRET}, f"/webhook/tradingview/{SECRET}?strategy=RSI%20Divergence"
        )
        await house.post(BUY, "/webhook/tradingview/some-guess")
        await house.get("/nothing?token=abc")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/webhook/tradingview/{secret}", 200),
        ("POST", "/webhook/tradingview/{secret}", 401),
        ("GET", "-", 404),
    ]
    assert all(line["ms"] >= 0 for line in requests)
    assert not any(word in str(lines) for word in (SECRET, "some-guess", "token", "abc", "strategy="))


@pytest.mark.parametrize("path", [f"/webhook/tradingview/{SECRET}", "/webhook/tradingview/guess", "/guess"])
async def test_a_flood_is_a_few_lines_of_the_log(house: House, path: str) -> None:
    with capture_logs() as lines:
        for _ in range(200):
            await house.post(BUY, path)
    assert 60 <= len(lines) <= 60 + 20 + 10


def test_what_was_left_out_of_the_log_is_counted() -> None:
    now = [0.0]
    quiet = Quiet(lines=2, seconds=60, clock=lambda: now[0])
    assert [quiet.speak("a") for _ in range(5)] == [0, 0, None, None, None]
    assert quiet.speak("b") == 0
    now[0] = 61.0
    assert [quiet.speak("a"), quiet.speak("a"), quiet.speak("a")] == [3, 0, None]


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /webhook/tradingview HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /webhook/tradingview HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /webhook/tradingview HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"\r\n\r\n\r\n\x00\xff\n",
    b"POST /kite/postback HTTP/1.1\r\nHost: \xff\r\nContent-Length: 0\r\n\r\n",
    b"GET http://[::bad/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_is_no_http_gets_a_short_answer_and_no_traceback(
    house: House, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        async with connected(house) as (reader, writer):
            writer.write(garbage)
            writer.write_eof()
            answer = await everything(reader)
    status = answer[9:12]
    assert status in {b"", b"400", b"401", b"404", b"405", b"413"}, answer
    assert status != b"400" or b'"success":false' in answer
    assert not any("exc_info" in line for line in lines)
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING]
    assert await house.rows() == []
    assert (await house.get("/healthz")).status == 200


async def test_senders_that_vanish_leave_no_traceback(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A reset in the very moment of the request may trip aiohttp's own task (facts/reliability.md 4.2)."""
    body = b'{"action": "exit"}'
    request = (HEAD + f"Content-Length: {len(body)}\r\n\r\n").encode()
    with capture_logs() as lines:
        for number in range(300):
            sock = socket.create_connection(("127.0.0.1", house.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.send((request + body)[: len(request) + (number % 3) * 9])
            if number % 2:
                await asyncio.sleep(0)
            sock.close()
            await asyncio.sleep(0)
        assert (await house.get("/healthz")).status == 200
    gc.collect()
    await asyncio.sleep(0)
    assert not any("exc_info" in line for line in lines)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_handler_that_fails_says_nothing_of_its_inside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_work):
        raise ZeroDivisionError("inside story")

    monkeypatch.setattr(house.door.database, "read", broken)
    with capture_logs() as lines:
        answer = await house.get("/alerts/abc", headers={"Authorization": f"Bearer {SECRET}"})
    assert (answer.status, answer.json["success"]) == (500, False)
    assert "inside" not in answer.text
    assert [line["event"] for line in lines] == ["request_failed", "request"]
