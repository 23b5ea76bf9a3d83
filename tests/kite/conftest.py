"""A stub of Kite and a client logged in to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest

from gateway.domain.order import OrderTicket, Side, Tag
from gateway.kite.client import KiteClient
from tests.kite.stub import StubKite, stub_kite

KEY, SECRET, TOKEN = "the-api-key", "the-api-secret", "the-access-token"


def make_client(url: str, *, token: str | None = TOKEN, **options: object) -> KiteClient:
    client = KiteClient(
        api_key=KEY, api_secret=SECRET, api_url=url, login_url=None, **{"timeout": (0.5, 0.5), **options}
    )
    if token:
        client.use_token(token)
    return client


def ticket(**changes: object) -> OrderTicket:
    fields = {
        "tag": Tag("MJABCDEFGH234567AA"),
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124000CE",
        "side": Side.BUY,
        "quantity": 65,
        "product": "NRML",
        "order_type": "LIMIT",
        "price": Decimal("150.55"),
    }
    return OrderTicket(**{**fields, **changes})


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Waits for something that announces itself by nothing."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.fixture
async def stub() -> AsyncIterator[StubKite]:
    async with stub_kite() as running:
        yield running


@pytest.fixture
async def client(stub: StubKite) -> AsyncIterator[KiteClient]:
    made = make_client(stub.url)
    yield made
    await made.close(grace=0)
