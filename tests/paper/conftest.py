"""A paper exchange that stands still until told, and the real clients in front of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kiteconnect import KiteConnect
from kiteconnect.ticker import KiteTicker

from gateway.paper.instruments import Contract
from gateway.paper.limits import Limits
from gateway.paper.server import PaperServer
from gateway.paper.wire import IST
from gateway.paper.words import Kind

WEDNESDAY = datetime(2026, 11, 25, 10, 0, tzinfo=IST)
GENEROUS = Limits(
    orders_per_second=1000, orders_per_minute=1000, quotes_per_second=1000, others_per_second=1000
)


class Clock:
    """Time that moves only when told."""

    def __init__(self, now: datetime = WEDNESDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Kite:
    """The real KiteConnect, each call in a thread: `await kite.place_order(...)`."""

    def __init__(self, server: PaperServer) -> None:
        self.real = KiteConnect(server.broker.identity.api_key, root=server.url)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.real, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return call

    async def log_in(self, server: PaperServer) -> dict[str, Any]:
        return await self.generate_session(server.issue_request_token(), server.broker.identity.api_secret)

    async def order(self, order_id: str) -> dict[str, Any]:
        return next(row for row in await self.orders() if row["order_id"] == order_id)

    async def reaches(self, order_id: str, status: str) -> dict[str, Any]:
        """The order's row once it has that status."""
        return await eventually(lambda: self.order(order_id), lambda row: row["status"] == status)

    async def buy(self, contract: Contract, **changes: Any) -> str:
        return await self.place_order(**(wish(contract) | changes))

    def close(self) -> None:
        self.real.reqsession.close()


def wish(contract: Contract) -> dict[str, Any]:
    """One lot at the market, bought."""
    return {
        "variety": "regular",
        "exchange": contract.exchange,
        "tradingsymbol": contract.tradingsymbol,
        "transaction_type": "BUY",
        "quantity": contract.lot_size,
        "product": "NRML",
        "order_type": "MARKET",
        "market_protection": -1,
        "tag": "T1",
    }


async def eventually(look: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 3.0) -> Any:
    """What `look` finds once it is `good`; fails with the last thing found."""
    end = time.monotonic() + seconds
    while True:
        found = await look()
        if good(found):
            return found
        assert time.monotonic() < end, f"never came: {found}"
        await asyncio.sleep(0.005)


def at_the_money(
    server: PaperServer, name: str = "NIFTY", kind: Kind = Kind.CALL, steps: int = 0
) -> Contract:
    """The contract of the nearest expiry `steps` strikes above the money."""
    spot = float(server.spot(name))
    chain = [c for c in server.broker.listing.by_key.values() if c.name == name and c.kind is kind]
    nearest = min(c.expiry for c in chain if c.expiry)
    strikes = sorted((c for c in chain if c.expiry == nearest), key=lambda c: c.strike)
    place = min(range(len(strikes)), key=lambda at: abs(strikes[at].strike - spot))
    return strikes[place + steps]


def quote(server: PaperServer, contract: Contract) -> Any:
    return server.broker.market.quote(contract)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def paper(clock: Clock) -> AsyncIterator[PaperServer]:
    async with running(clock=clock) as server:
        yield server


@asynccontextmanager
async def running(**changes: Any) -> AsyncIterator[PaperServer]:
    """A server whose prices stand still."""
    server = PaperServer(**({"price_interval": 0, "latency": 0.002, "limits": GENEROUS} | changes))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def kite(paper: PaperServer) -> AsyncIterator[Kite]:
    async with logged_in(paper) as client:
        yield client


@asynccontextmanager
async def logged_in(server: PaperServer) -> AsyncIterator[Kite]:
    client = Kite(server)
    try:
        await client.log_in(server)
        yield client
    finally:
        client.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def signed(kite: Kite) -> dict[str, str]:
    return {"Authorization": f"token {kite.real.api_key}:{kite.real.access_token}", "X-Kite-Version": "3"}


class Stream:
    """A WebSocket client that sorts what arrives."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._parser = KiteTicker("k", "t")

    async def say(self, action: str, value: Any) -> None:
        await self.socket.send_json({"a": action, "v": value})

    async def message(self) -> aiohttp.WSMessage:
        return await self.socket.receive(timeout=3)

    async def update(self) -> dict[str, Any]:
        """The next order update."""
        while True:
            message = await self.message()
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            if message.type is aiohttp.WSMsgType.TEXT:
                body = json.loads(message.data)
                assert body["type"] == "order", body
                return dict(body["data"])

    async def ticks(self) -> list[dict[str, Any]]:
        """The next prices, read by the real KiteTicker."""
        while True:
            message = await self.message()
            assert message.type is aiohttp.WSMsgType.BINARY, message
            if len(message.data) > 1:
                return list(self._parser._parse_binary(message.data))


@asynccontextmanager
async def streaming(server: PaperServer, kite: Kite, http: aiohttp.ClientSession) -> AsyncIterator[Stream]:
    params = {"api_key": kite.real.api_key, "access_token": kite.real.access_token}
    async with http.ws_connect(server.ticker_url, params=params) as socket:
        first = await socket.receive(timeout=3)
        assert first.data == b"\x00"
        yield Stream(socket)


@pytest.fixture
async def stream(paper: PaperServer, kite: Kite, http: aiohttp.ClientSession) -> AsyncIterator[Stream]:
    async with streaming(paper, kite, http) as client:
        yield client


SAMPLES = Path(__file__).parents[1] / "fixtures" / "kite_mocks"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def rupees(paise: int) -> float:
    return float(Decimal(paise) / 100)
