"""A running phone, and the real python-telegram-bot on its other side."""

from collections.abc import AsyncIterator

import pytest
from telegram.ext import Application, ApplicationBuilder

from bot.phone import PhoneServer
from tests.phone.helpers import FakeClock

TOKEN = "700:test-token"
OWNER = 42


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def phone(clock: FakeClock) -> AsyncIterator[PhoneServer]:
    server = PhoneServer(token=TOKEN, owner_id=OWNER, owner_name="Asha", clock=clock)
    await server.start()
    yield server
    await server.stop()


def application(api_url: str, token: str = TOKEN) -> Application:
    """The builder calls are those of the gateway's own bot."""
    builder = ApplicationBuilder().token(token).job_queue(None)
    return builder.base_url(f"{api_url}/bot").base_file_url(f"{api_url}/file/bot").build()


@pytest.fixture
async def app(phone: PhoneServer) -> AsyncIterator[Application]:
    """An initialised application; tests that need updates start its polling themselves."""
    made = application(phone.api_url)
    await made.initialize()
    await made.start()
    yield made
    if made.updater.running:
        await made.updater.stop()
    await made.stop()
    await made.shutdown()
