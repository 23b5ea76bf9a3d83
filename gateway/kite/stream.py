"""Kite's WebSocket: order updates and prices as hints; silence, a new login and a gap are noticed.

Not KiteTicker: that one never pings, does not verify TLS and keeps a dead token (facts/kite.md 4.4).
"""

import asyncio
import inspect
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from socket import AF_INET
from typing import Any

import aiohttp
import msgspec
import structlog
from aiohttp import ClientWebSocketResponse, WSMsgType
from yarl import URL

from gateway.domain.errors import BrokerError
from gateway.domain.market import utc_now
from gateway.domain.order import BrokerOrder
from gateway.kite.rows import parse_order
from gateway.kite.ticks import BadFrameError, parse_ticks

KITE_TICKER = "wss://ws.kite.trade"
#: Instruments on one connection (facts/kite.md 4.2).
MOST_INSTRUMENTS = 3000
_log = structlog.get_logger()

Credentials = tuple[str, str]
#: Handlers are quick, or tasks: while one runs no frame is read.
OnOrder = Callable[[BrokerOrder], Awaitable[None] | None]
OnPrices = Callable[[Mapping[int, Decimal]], Awaitable[None] | None]
OnGap = Callable[[], Awaitable[None] | None]


@unique
class Mode(StrEnum):
    """How much of an instrument is streamed."""

    LTP = "ltp"
    QUOTE = "quote"
    FULL = "full"


@unique
class StreamState(StrEnum):
    """What the stream is doing."""

    STOPPED = "stopped"
    NO_SESSION = "no_session"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    #: Lost, or not to be had; tried again after a while.
    WAITING = "waiting"
    #: Kite refuses this token: it is dead, or the app has no data plan (facts/kite.md 4.2).
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class StreamTimings:
    """Seconds."""

    connect: float = 10.0
    #: Without a frame for so long the connection is dead: Kite's heart beats every couple of seconds.
    silence: float = 10.0
    first_delay: float = 1.0
    longest_delay: float = 30.0
    #: Between two tries with a token that was refused.
    refused_delay: float = 300.0
    #: Between two looks for a new token.
    look: float = 0.5


class Stream:
    """One supervised connection. Its news are hints; after each (re)connect, and each refusal of the token,
    `on_gap` says: read the book."""

    def __init__(
        self,
        ticker_url: str | None,
        credentials: Callable[[], Credentials | None],
        *,
        on_order: OnOrder,
        on_prices: OnPrices,
        on_gap: OnGap,
        timings: StreamTimings | None = None,
    ) -> None:
        """`credentials`: key and access token of the present session, asked for at each connect and frame."""
        self._url = URL(ticker_url or KITE_TICKER)
        self._credentials = credentials
        self._on_order = on_order
        self._on_prices = on_prices
        self._on_gap = on_gap
        self._timings = timings or StreamTimings()
        self._modes: dict[int, Mode] = {}
        self._socket: ClientWebSocketResponse | None = None
        self._delay = self._timings.first_delay
        self.state = StreamState.STOPPED
        #: Why the last connection ended, or could not be had; never with a token in it.
        self.detail = ""
        #: When the last frame of any kind came, UTC.
        self.last_frame_at: datetime | None = None

    @property
    def connected(self) -> bool:
        """Whether news can come now."""
        return self.state is StreamState.CONNECTED

    async def run(self) -> None:
        """Keeps the stream alive until cancelled. Raises only what a handler raises."""
        connector = aiohttp.TCPConnector(family=AF_INET)  # Kite knows this machine by its IPv4 address
        try:
            async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
                while True:
                    await self._turn(http)
        finally:
            self._move(StreamState.STOPPED, "stopped")

    async def subscribe(self, tokens: Iterable[int], mode: Mode = Mode.LTP) -> None:
        """Wants the prices of these instruments, on this connection and on each after it.

        Raises ValueError when there would be too many for one connection.
        """
        wanted = dict.fromkeys(tokens, mode)
        if len(self._modes | wanted) > MOST_INSTRUMENTS:
            raise ValueError(f"more than {MOST_INSTRUMENTS} instruments on one stream")
        self._modes |= wanted
        await self._ask_for(wanted)

    async def unsubscribe(self, tokens: Iterable[int]) -> None:
        """Wants these no more."""
        unwanted = [token for token in tokens if self._modes.pop(token, None)]
        if unwanted:
            await self._say({"a": "unsubscribe", "v": unwanted})

    # one connection after another ----------------------------------------------------------------------

    async def _turn(self, http: aiohttp.ClientSession) -> None:
        credentials = self._credentials()
        if credentials is None:
            self._move(StreamState.NO_SESSION, "nobody has logged in")
            await asyncio.sleep(self._timings.look)
            return
        self._move(StreamState.CONNECTING, self.detail)
        socket = await self._connect(http, credentials)
        if socket is not None:
            await self._live(socket, credentials)
        await self._pause(credentials)

    async def _connect(
        self, http: aiohttp.ClientSession, credentials: Credentials
    ) -> ClientWebSocketResponse | None:
        """The open socket, or None and the reason in `state` and `detail`; errors' texts hold the token."""
        api_key, access_token = credentials
        url = self._url.update_query(api_key=api_key, access_token=access_token)
        try:
            async with asyncio.timeout(self._timings.connect):
                return await http.ws_connect(
                    url,
                    headers={"X-Kite-Version": "3"},
                    autoping=False,  # a ping is a sign of life too
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            refused = error.status in (401, 403)
            self._move(
                StreamState.REFUSED if refused else StreamState.WAITING, f"Kite answered HTTP {error.status}"
            )
            if refused:
                await _tell(self._on_gap)  # a book read with this token tells whether it is the token
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._move(StreamState.WAITING, f"no connection: {type(error).__name__}")
        return None

    async def _live(self, socket: ClientWebSocketResponse, credentials: Credentials) -> None:
        started = time.monotonic()
        self._socket = socket
        self._move(StreamState.CONNECTED, "")
        try:
            await self._ask_for(self._modes)
            await _tell(self._on_gap)
            reason = await self._listen(socket, credentials)
        finally:
            self._socket = None
            await socket.close()
        if time.monotonic() - started > self._timings.silence:
            self._delay = self._timings.first_delay
        self._move(StreamState.WAITING, reason)

    async def _listen(self, socket: ClientWebSocketResponse, credentials: Credentials) -> str:
        """Reads until the connection is of no use; the reason."""
        while self._credentials() == credentials:
            try:
                message = await socket.receive(self._timings.silence)
            except TimeoutError:
                return f"silent for {self._timings.silence:g} s"
            if message.type in _ENDS:
                return f"closed ({socket.close_code})"
            self.last_frame_at = utc_now()
            await self._take(socket, message)
        return "the session changed"

    async def _take(self, socket: ClientWebSocketResponse, message: aiohttp.WSMessage) -> None:
        if message.type is WSMsgType.PING:
            with suppress(aiohttp.ClientError, OSError):  # lost meanwhile: the next receive tells
                await socket.pong(message.data)
        elif message.type is WSMsgType.BINARY:
            await self._take_ticks(message.data)
        elif message.type is WSMsgType.TEXT:
            await self._take_text(message.data)

    async def _pause(self, tried: Credentials) -> None:
        """Waits before the next try: longer each time; long after a refusal, but not for a new token."""
        if self.state is StreamState.REFUSED:
            wait = self._timings.refused_delay
        else:
            wait = self._delay * random.uniform(0.5, 1.0)  # noqa: S311  spread, not secrecy
            self._delay = min(self._delay * 2, self._timings.longest_delay)
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0 and self._credentials() == tried:  # noqa: ASYNC110
            await asyncio.sleep(min(left, self._timings.look))

    def _move(self, state: StreamState, detail: str) -> None:
        if state is not self.state:
            _log.info("stream", state=state.value, detail=detail)
        self.state = state
        self.detail = detail

    # frames --------------------------------------------------------------------------------------------

    async def _take_ticks(self, frame: bytes) -> None:
        try:
            ticks = parse_ticks(frame)
        except BadFrameError as error:
            _log.warning("stream_bad_frame", detail=str(error))
            return
        prices = {tick.instrument_token: tick.last_price for tick in ticks if tick.last_price}
        if prices:
            await _tell(self._on_prices, prices)

    async def _take_text(self, text: str) -> None:
        try:
            news = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            _log.warning("stream_bad_frame", detail=str(error))
            return
        kind = news.get("type") if isinstance(news, dict) else None
        if kind == "order":
            await self._take_order(news.get("data"))
        elif kind in ("error", "message"):
            _log.warning("stream_says", kind=kind, text=str(news.get("data"))[:500])

    async def _take_order(self, row: object) -> None:
        """An order's news; of one that cannot be read the book is asked."""
        try:
            order = parse_order(row if isinstance(row, dict) else {})
        except BrokerError as error:
            _log.warning("stream_odd_order", detail=error.sentence)
            await _tell(self._on_gap)
            return
        await _tell(self._on_order, order)

    # wishes --------------------------------------------------------------------------------------------

    async def _ask_for(self, wanted: Mapping[int, Mode]) -> None:
        by_mode: defaultdict[Mode, list[int]] = defaultdict(list)
        for token, mode in wanted.items():
            by_mode[mode].append(token)
        for mode, tokens in by_mode.items():
            await self._say({"a": "subscribe", "v": tokens})
            await self._say({"a": "mode", "v": [mode.value, tokens]})

    async def _say(self, wish: Mapping[str, Any]) -> None:
        """Sends a wish; without a connection, or on a broken one, the next connect repeats it."""
        if self._socket is None or self._socket.closed:
            return
        try:
            await self._socket.send_str(msgspec.json.encode(wish).decode())
        except (aiohttp.ClientError, OSError):
            _log.info("stream_wish_unheard", wish=wish["a"])


_ENDS = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


async def _tell(handler: Callable[..., Awaitable[None] | None], *news: object) -> None:
    heard = handler(*news)
    if inspect.isawaitable(heard):
        await heard
