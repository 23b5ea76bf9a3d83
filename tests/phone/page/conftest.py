"""A real Chromium, the page in it, and what stands behind the page."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from telegram.ext import Application

from bot.phone import AlertReply, PhoneServer
from tests.phone.conftest import OWNER, TOKEN, application

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER_TEST = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"),
        reason="no Chromium on this machine: the page is not tested",
    ),
]


class Gateway:
    """Stands where the gateway does: takes alerts, shows a market."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, str]] = []
        self.market: dict[str, Any] = {
            "spots": {"NIFTY": 24013.45, "BANKNIFTY": 51780.2, "SENSEX": 78911.05},
            "orders": [],
            "positions": [],
            "funds": {"equity": {"available": {"live_balance": 881234.5}, "utilised": {"debits": 0}}},
        }

    async def send_alert(self, body: str, query: str) -> AlertReply:
        self.alerts.append((body, query))
        return AlertReply(status=200, body='{"success":true,"status":"queued"}')

    def placeholders(self, symbol: str) -> dict[str, str]:
        return {"close": str(self.market["spots"][symbol]), "ticker": symbol}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM is not None, "CI is set, but there is no Chromium"
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest_asyncio.fixture(loop_scope="module")
async def phone(gateway: Gateway) -> AsyncIterator[PhoneServer]:
    server = PhoneServer(
        token=TOKEN,
        owner_id=OWNER,
        send_alert=gateway.send_alert,
        placeholders=gateway.placeholders,
        market_view=lambda: gateway.market,
    )
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def app(phone: PhoneServer) -> AsyncIterator[Application]:
    made = application(phone.api_url)
    await made.initialize()
    await made.start()
    yield made
    if made.updater.running:
        await made.updater.stop()
    await made.stop()
    await made.shutdown()


@asynccontextmanager
async def opened(browser: Browser, phone: PhoneServer, width: int, height: int) -> AsyncIterator[Page]:
    """The page, loaded and connected; a script error or a refused resource on it fails the test."""
    complaints: list[str] = []
    context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(5000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(phone.url)
    await expect(page.locator("#presence")).to_have_text("bot")
    yield page
    await context.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, phone: PhoneServer) -> AsyncIterator[Page]:
    async with opened(browser, phone, 1280, 800) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def small_page(browser: Browser, phone: PhoneServer) -> AsyncIterator[Page]:
    async with opened(browser, phone, 360, 640) as made:
        yield made
