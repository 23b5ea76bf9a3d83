"""The stream against a real WebSocket server: silence, bad frames, refusals, new logins, gaps."""

import asyncio
import base64
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from struct import pack

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from gateway.kite.stream import MOST_INSTRUMENTS, Mode, Stream, StreamState, StreamTimings
from tests.kite.certificates import self_signed
from tests.kite.conftest import until
from tests.kite.stub import FIXTURES

ORDER = json.loads((FIXTURES / "postback.json").read_text())
QUICK = StreamTimings(
    connect=2.0, silence=5.0, first_delay=0.01, longest_delay=0.04, refused_delay=60.0, look=0.01
)
IMPATIENT = StreamTimings(connect=2.0, silence=0.1, first_delay=0.01, longest_delay=0.04, look=0.01)


@dataclass
class Ticker:
    """A ticker that does as it is told: `status` other than 101 refuses the upgrade."""

    url: str = ""
    status: int = 101
    greets: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    wishes: list[dict] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({**request.query, "version": request.headers.get("X-Kite-Version", "")})
        if self.status != 101:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.sockets.append(socket)
        if self.greets:
            await socket.send_bytes(b"\0")
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.wishes.append(json.loads(message.data))
            elif message.type is WSMsgType.PONG:
                self.pongs.append(bytes(message.data))
        return socket


@asynccontextmanager
async def ticker_server(**options: object) -> AsyncIterator[Ticker]:
    ticker = Ticker()
    app = web.Application()
    app.router.add_get("/ws", ticker.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, **options).start()
    scheme = "wss" if options else "ws"
    ticker.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/ws?theirs=kept"
    try:
        yield ticker
    finally:
        await runner.cleanup()


@dataclass
class Listener:
    """What the stream told, and the session that it asks for."""

    session: tuple[str, str] | None = ("key", "token-1")
    orders: list = field(default_factory=list)
    prices: dict = field(default_factory=dict)
    gaps: int = 0
    looks: int = 0

    def credentials(self):
        self.looks += 1
        return self.session

    async def on_order(self, order):
        self.orders.append(order)

    def on_prices(self, prices):
        self.prices |= prices

    async def on_gap(self):
        self.gaps += 1


@asynccontextmanager
async def streaming(url: str, listener: Listener, timings: StreamTimings = QUICK) -> AsyncIterator[Stream]:
    stream = Stream(
        url,
        listener.credentials,
        on_order=listener.on_order,
        on_prices=listener.on_prices,
        on_gap=listener.on_gap,
        timings=timings,
    )
    running = asyncio.create_task(stream.run())
    try:
        yield stream
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert stream.state is StreamState.STOPPED


@pytest.fixture
async def ticker() -> AsyncIterator[Ticker]:
    async with ticker_server() as running:
        yield running


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_an_order_update_arrives_without_any_subscription(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        await ticker.socket.send_json({"type": "order", "data": ORDER})
        await until(lambda: listener.orders)
    assert listener.orders[0].order_id == ORDER["order_id"]
    assert ticker.asked == [{"theirs": "kept", "api_key": "key", "access_token": "token-1", "version": "3"}]
    assert listener.gaps == 1, "the book is to be read after the connect"


async def test_prices_of_the_wanted_instruments_arrive(ticker, listener):
    packet = base64.b64decode((FIXTURES / "ticker_full.packet").read_bytes())
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        await stream.subscribe([408065], Mode.FULL)
        await until(lambda: len(ticker.wishes) == 2)
        untraded = pack(">2I", 513, 0)
        await ticker.socket.send_bytes(pack(">HH", 2, 184) + packet + pack(">H", 8) + untraded)
        await until(lambda: listener.prices)
    assert ticker.wishes == [{"a": "subscribe", "v": [408065]}, {"a": "mode", "v": ["full", [408065]]}]
    assert listener.prices == {408065: Decimal("1573.7")}


async def test_what_was_wanted_before_and_is_wanted_still_is_asked_for_at_each_connect(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await stream.subscribe([1, 2])
        await stream.subscribe([3], Mode.FULL)
        await until(lambda: len(ticker.wishes) == 4)
        await stream.unsubscribe([2, 99])
        await until(lambda: len(ticker.wishes) == 5)
        assert ticker.wishes[4] == {"a": "unsubscribe", "v": [2]}
        await ticker.socket.close()
        await until(lambda: len(ticker.wishes) == 9)
    assert ticker.wishes[5:] == [
        {"a": "subscribe", "v": [1]},
        {"a": "mode", "v": ["ltp", [1]]},
        {"a": "subscribe", "v": [3]},
        {"a": "mode", "v": ["full", [3]]},
    ]
    assert listener.gaps == 2


async def test_more_instruments_than_kite_takes_are_refused(listener):
    stream = Stream(
        None,
        lambda: None,
        on_order=listener.on_order,
        on_prices=listener.on_prices,
        on_gap=listener.on_gap,
    )
    await stream.subscribe(range(MOST_INSTRUMENTS))
    with pytest.raises(ValueError, match="3000"):
        await stream.subscribe([MOST_INSTRUMENTS])


async def test_a_silent_connection_is_given_up_and_made_anew(ticker, listener):
    ticker.greets = False
    async with streaming(ticker.url, listener, IMPATIENT) as stream:
        await until(lambda: len(ticker.sockets) == 3)
        await until(lambda: listener.gaps == 3)
        assert "silent" in stream.detail or stream.connected


async def test_heartbeats_keep_a_connection(ticker, listener):
    async with streaming(ticker.url, listener, IMPATIENT) as stream:
        await until(lambda: stream.connected)
        end = time.monotonic() + 3 * IMPATIENT.silence
        while time.monotonic() < end:
            before = stream.last_frame_at
            await ticker.socket.send_bytes(b"\0")
            await until(lambda before=before: stream.last_frame_at != before)
        assert len(ticker.sockets) == 1


async def test_a_ping_alone_is_a_sign_of_life_and_is_answered(ticker, listener):
    ticker.greets = False
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        assert stream.last_frame_at is None
        await ticker.socket.ping(b"alive?")
        await until(lambda: ticker.pongs == [b"alive?"])
        assert stream.last_frame_at is not None


async def test_bad_frames_do_no_harm(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        await ticker.socket.send_bytes(b"\0\5\0")
        for text in ("", "{", "[]", "3", '{"type": "order"', '{"type": "other", "data": {}}'):
            await ticker.socket.send_str(text)
        await ticker.socket.send_json({"type": "error", "data": "Invalid"})
        await ticker.socket.send_json({"type": "message", "data": "Maintenance tonight"})
        await ticker.socket.send_json({"type": "order", "data": ORDER})
        await until(lambda: listener.orders)
    assert len(ticker.sockets) == 1
    assert listener.gaps == 1


@pytest.mark.parametrize("row", [{}, None, [], {**ORDER, "quantity": "many"}], ids=str)
async def test_news_of_an_order_that_cannot_be_read_sends_to_the_book(ticker, listener, row):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        await ticker.socket.send_json({"type": "order", "data": row})
        await until(lambda: listener.gaps == 2)
    assert listener.orders == []


async def test_a_broken_text_frame_leads_to_a_new_connection(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        await ticker.socket._writer.send_frame(b"\xff\xfe", WSMsgType.TEXT)
        await until(lambda: len(ticker.sockets) == 2)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_told_and_not_tried_again_and_again(ticker, listener, status):
    ticker.status = status
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.state is StreamState.REFUSED)
        looked = listener.looks
        await until(lambda: listener.looks == looked + 10)  # ten times the first delay
        assert len(ticker.asked) == 1
        assert str(status) in stream.detail
        assert not stream.connected


async def test_a_new_token_ends_the_wait_after_a_refusal(ticker, listener):
    ticker.status = 403
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.state is StreamState.REFUSED)
        ticker.status = 101
        listener.session = ("key", "token-2")
        await until(lambda: stream.connected)
    assert [asked["access_token"] for asked in ticker.asked] == ["token-1", "token-2"]


async def test_a_new_login_moves_the_stream_to_the_new_token(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        listener.session = ("key", "token-2")
        await ticker.socket.send_bytes(b"\0")
        await until(lambda: len(ticker.sockets) == 2)
    assert ticker.asked[1]["access_token"] == "token-2"


async def test_without_a_session_nothing_is_tried(ticker, listener):
    listener.session = None
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.state is StreamState.NO_SESSION)
        looked = listener.looks
        await until(lambda: listener.looks == looked + 5)
        assert ticker.asked == []
        listener.session = ("key", "token-1")
        await until(lambda: stream.connected)


async def test_the_end_of_the_session_ends_the_connection(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.connected)
        listener.session = None
        await ticker.socket.send_bytes(b"\0")
        await until(lambda: stream.state is StreamState.NO_SESSION)
        await until(lambda: ticker.socket.closed)


async def test_a_server_that_is_gone_is_tried_ever_less_often(listener):
    async with ticker_server() as ticker:
        gone = ticker.url
    async with streaming(gone, listener) as stream:
        await until(lambda: stream._delay == QUICK.longest_delay)
        assert stream.state in (StreamState.WAITING, StreamState.CONNECTING)
        assert "no connection" in stream.detail


@pytest.mark.parametrize("status", [200, 302, 429, 502])
async def test_another_answer_to_the_upgrade_is_tried_again(ticker, listener, status):
    ticker.status = status
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: len(ticker.asked) >= 2)
        ticker.status = 101
        await until(lambda: stream.connected)


async def test_a_connection_that_dies_young_does_not_start_a_storm(ticker, listener):
    async with streaming(ticker.url, listener) as stream:
        for turn in range(1, 5):
            await until(lambda turn=turn: len(ticker.sockets) == turn)
            await ticker.socket.close(code=WSCloseCode.GOING_AWAY)
        await until(lambda: stream._delay == QUICK.longest_delay)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path, listener):
    context: ssl.SSLContext = self_signed(tmp_path)
    async with ticker_server(ssl_context=context) as ticker, streaming(ticker.url, listener) as stream:
        await until(lambda: "Certificate" in stream.detail)
        assert ticker.asked == []


async def test_kite_is_asked_over_ipv4_and_without_a_proxy(ticker, listener, monkeypatch):
    families = []
    resolve = socket.getaddrinfo

    def noted(host, port, *args, **kwargs):
        families.append(kwargs.get("family", args[0] if args else 0))
        return resolve("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy", "ws_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with streaming(ticker.url.replace("127.0.0.1", "kite.test"), listener) as stream:
        await until(lambda: stream.connected)
    assert families == [socket.AF_INET]


async def test_no_log_line_holds_the_token(ticker, listener, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    ticker.status = 403
    async with streaming(ticker.url, listener) as stream:
        await until(lambda: stream.state is StreamState.REFUSED)
        assert "token-1" not in stream.detail
        ticker.status = 101
        listener.session = ("key", "token-2")
        await until(lambda: stream.connected)
        await ticker.socket.send_bytes(b"\0\5\0")
        await ticker.socket.close()
        await until(lambda: len(ticker.sockets) == 2)
    told = caplog.text + "".join(capsys.readouterr())
    assert "token-1" not in told
    assert "token-2" not in told


async def test_a_mistake_in_a_handler_is_the_supervisors_to_see(ticker, listener):
    def broken():
        raise ZeroDivisionError

    stream = Stream(
        ticker.url,
        listener.credentials,
        on_order=listener.on_order,
        on_prices=listener.on_prices,
        on_gap=broken,
        timings=QUICK,
    )
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(stream.run(), 5)
    assert stream.state is StreamState.STOPPED
