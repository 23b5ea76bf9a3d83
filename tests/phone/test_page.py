"""The page in a real Chromium: what the owner sees and what their taps do."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from telegram import (
    BotCommand,
    CopyTextButton,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyKeyboardMarkup,
)
from telegram.ext import Application, CallbackQueryHandler

from bot.phone import AlertReply, PhoneServer
from tests.phone.conftest import OWNER, TOKEN, application
from tests.phone.test_bot_api import png

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
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"),
        reason="no Chromium on this machine: the page is not tested",
    ),
]

APPROVAL = InlineKeyboardMarkup(
    [
        [
            InlineKeyboardButton("Approve", callback_data="a:1", style="success"),
            InlineKeyboardButton("Reject", callback_data="r:1", style="danger"),
        ],
        [
            InlineKeyboardButton("Log in", url="http://127.0.0.1:5001/kite/login"),
            InlineKeyboardButton("Copy", copy_text=CopyTextButton("01K9")),
        ],
    ]
)


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


async def opened(browser: Browser, phone: PhoneServer, width: int = 1280, height: int = 800) -> Page:
    """The page, loaded and connected; it fails the test on any script error."""
    context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(5000)
    page.on("pageerror", lambda error: pytest.fail(f"script error on the page: {error}"))
    await page.goto(phone.url)
    await expect(page.locator("#presence")).to_have_text("bot")
    return page


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, phone: PhoneServer) -> AsyncIterator[Page]:
    made = await opened(browser, phone)
    yield made
    await made.context.close()


async def overflow(page: Page) -> list[str]:
    """Which parts stick out of the window sideways."""
    return await page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("main *, .tabs *")]
            .filter((node) => node.checkVisibility() && !node.closest("pre, svg") && !node.closest(".sprite")
                && node.getBoundingClientRect().right > innerWidth + 0.5)
            .map((node) => node.id || node.className || node.tagName)"""
    )


async def test_a_message_appears_with_its_formatting(page, app):
    await app.bot.send_message(
        OWNER,
        "<b>BUY</b> <i>x</i> <code>65</code> <a href='https://kite.trade/'>Kite</a>\n"
        "<pre>A  B</pre>\n<blockquote>quoted</blockquote><tg-spoiler>hidden</tg-spoiler>",
        parse_mode="HTML",
    )
    bubble = page.locator(".from-bot .bubble")
    await expect(bubble.locator("strong")).to_have_text("BUY")
    await expect(bubble.locator("em")).to_have_text("x")
    await expect(bubble.locator("code")).to_have_text("65")
    await expect(bubble.locator("pre")).to_have_text("A  B")
    await expect(bubble.locator("blockquote")).to_have_text("quoted")
    link = bubble.locator("a")
    assert await link.get_attribute("href") == "https://kite.trade/"
    assert await link.get_attribute("rel") == "noopener noreferrer"
    await bubble.locator(".spoiler").click()
    await expect(bubble.locator(".spoiler")).to_have_class("spoiler shown")


async def test_what_is_typed_reaches_the_bot_and_the_chat(page, app):
    seen: asyncio.Queue = asyncio.Queue()
    app.process_update = lambda update: seen.put(update)
    await app.updater.start_polling()
    await page.fill("#draft", "/status now")
    await page.press("#draft", "Enter")
    update = await asyncio.wait_for(seen.get(), 5)
    assert (update.message.text, update.effective_user.id) == ("/status now", OWNER)
    await expect(page.locator(".from-me .text")).to_contain_text("/status now")
    assert await page.input_value("#draft") == ""


async def test_a_press_waits_for_its_answer_and_the_bubble_changes_in_place(page, app):
    release = asyncio.Event()

    async def pressed(update, context):
        await release.wait()
        await update.callback_query.answer("Approved")
        await update.callback_query.edit_message_text("Filled at 150.45")

    app.add_handler(CallbackQueryHandler(pressed))
    await app.updater.start_polling()
    await app.bot.send_message(OWNER, "Approve?", reply_markup=APPROVAL)
    button = page.get_by_role("button", name="Approve")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    release.set()
    await expect(page.locator(".toast")).to_have_text("Approved")
    await expect(page.locator(".from-bot .text")).to_contain_text("Filled at 150.45")
    await expect(page.locator(".from-bot .marks")).to_contain_text("edited")
    assert await page.locator(".from-bot").count() == 1
    assert await page.locator(".keyboard").count() == 0


async def test_an_alert_answer_opens_a_dialog(page, phone, app):
    await app.bot.send_message(OWNER, "Approve?", reply_markup=APPROVAL)
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("button", name="Reject")).to_have_attribute("aria-busy", "true")
    (press,) = phone.presses()
    await app.bot.answer_callback_query(press.query_id, "Nothing was sent", show_alert=True)
    await expect(page.locator("#modal")).to_contain_text("Nothing was sent")
    await page.get_by_role("button", name="OK").click()
    await expect(page.locator("#modal")).to_be_hidden()


async def test_address_and_copy_buttons_work_without_the_bot(page, app):
    await app.bot.send_message(OWNER, "Log in", reply_markup=APPROVAL)
    link = page.get_by_role("link", name="Log in")
    assert await link.get_attribute("href") == "http://127.0.0.1:5001/kite/login"
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    await expect(page.locator(".toast")).to_have_text("Copied to the clipboard")
    assert await page.evaluate("navigator.clipboard.readText()") == "01K9"


async def test_hostile_text_is_shown_and_never_run(page, phone, app):
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    phone.say(attack)
    await app.bot.send_message(OWNER, attack)
    await app.bot.send_document(OWNER, b"x", filename='"><img src=x onerror=alert(1)>.csv', caption=attack)
    await app.bot.set_my_commands([BotCommand("x", attack)])
    await expect(page.locator("#messages .bubble")).to_have_count(3)
    assert await page.locator(".bubble .text").nth(1).inner_text() != ""
    await page.click("#menu")
    await expect(page.locator("#commands li span")).to_have_text(attack)
    assert (
        await page.evaluate("document.querySelectorAll('#messages :is(img, script), #commands img').length")
        == 0
    )
    assert await page.title() == "Manjha"


async def test_the_command_list_filters_completes_and_sends(page, phone, app):
    await app.bot.set_my_commands(
        [
            BotCommand("positions", "What is held"),
            BotCommand("pnl", "Profit"),
            BotCommand("status", "What runs"),
        ]
    )
    await page.click("#menu")
    await expect(page.locator("#commands li")).to_have_count(3)
    await page.fill("#draft", "/p")
    await expect(page.locator("#commands li strong")).to_have_text(["/positions", "/pnl"])
    await page.press("#draft", "ArrowDown")
    await page.press("#draft", "ArrowDown")
    await expect(page.locator('#commands [aria-selected="true"]')).to_contain_text("/pnl")
    await page.press("#draft", "Tab")
    assert await page.input_value("#draft") == "/pnl "
    await page.fill("#draft", "/st")
    await page.click("#commands li")
    await phone.wait_for_message("/status")
    await expect(page.locator("#commands")).to_be_hidden()


async def test_pictures_documents_replies_pins_and_reactions_are_shown(page, app):
    first = await app.bot.send_message(OWNER, "first words")
    await app.bot.send_photo(OWNER, png(60, 30), caption="P&L", disable_notification=True)
    await app.bot.send_document(OWNER, b"a,b", filename="trades.csv")
    await first.reply_text("a reply", do_quote=True)
    await first.set_reaction("👍")
    await first.pin()
    await expect(page.locator(".quote")).to_contain_text("first words")
    await expect(page.locator(".file")).to_contain_text("trades.csv")
    await expect(page.locator(".reaction")).to_have_text("👍")
    await expect(page.locator("#pinned")).to_contain_text("first words")
    await expect(page.locator(".silent")).to_have_count(1)
    assert await page.evaluate("document.querySelector('.photo img').naturalWidth") == 60
    async with page.expect_download() as download:
        await page.click(".file")
    assert (await download.value).suggested_filename == "trades.csv"
    await page.click(".photo")
    await expect(page.locator("#viewer")).to_be_visible()


async def test_reply_keyboards_and_forced_replies(page, phone, app):
    keyboard = ReplyKeyboardMarkup([["/status", "/pnl"]], one_time_keyboard=True)
    await app.bot.send_message(OWNER, "Choose", reply_markup=keyboard)
    await page.locator("#reply-keyboard").get_by_role("button", name="/pnl").click()
    await phone.wait_for_message("/pnl")
    await expect(page.locator("#reply-keyboard")).to_be_hidden()
    asked = await app.bot.send_message(OWNER, "How many lots?", reply_markup=ForceReply())
    await expect(page.locator("#replying-text")).to_have_text("How many lots?")
    await page.fill("#draft", "2")
    await page.press("#draft", "Enter")
    assert (await phone.wait_for_message("2")).reply_to == asked.message_id


async def test_typing_is_shown_and_a_deleted_message_goes(page, app):
    message = await app.bot.send_message(OWNER, "soon gone")
    await expect(page.locator(".from-bot")).to_have_count(1)
    await app.bot.send_chat_action(OWNER, "typing")
    await expect(page.locator("#presence")).to_have_text("typing…")
    await message.delete()
    await expect(page.locator(".from-bot")).to_have_count(0)


async def test_the_composer_fills_the_placeholders_and_shows_the_answer(page, gateway):
    box = page.locator("#message")
    await expect(box).to_have_value(
        '{\n  "action": "BUY",\n  "symbol": "NIFTY",\n  "option_type": "CE",\n'
        '  "strike": {{close}},\n  "quantity": 65,\n  "strategy": "My Strategy"\n}'
    )
    await page.fill("#strategy", "RSI Divergence")
    await page.check("#wait")
    await page.click("#send-alert")
    await expect(page.locator("#outcome-status")).to_have_text("200")
    await expect(page.locator("#outcome-body")).to_contain_text('"status": "queued"')
    await expect(page.locator("#outcome-sent")).to_contain_text('"strike": 24013.45')
    ((body, query),) = gateway.alerts
    assert '"strike": 24013.45,' in body
    assert query == "strategy=RSI+Divergence&wait=20"


async def test_the_composers_examples_follow_the_chart(page, gateway):
    await page.select_option("#symbol", "SENSEX")
    await page.get_by_role("button", name="BUY PE").click()
    await expect(page.locator("#message")).to_have_value(
        '{\n  "action": "BUY",\n  "symbol": "SENSEX",\n  "option_type": "PE",\n'
        '  "strike": {{close}},\n  "lots": 1,\n  "strategy": "My Strategy"\n}'
    )
    await page.get_by_role("button", name="Plain text").click()
    await page.get_by_role("button", name="{{timenow}}").click()
    await page.click("#send-alert")
    await expect(page.locator("#outcome")).to_be_visible()
    assert gateway.alerts[0][0].startswith("BUY CE20")


async def test_the_exchange_is_followed(page, gateway):
    await expect(page.locator("#spot-NIFTY .price")).to_have_text("24,013.45")
    await expect(page.locator("#positions")).to_contain_text("No positions")
    gateway.market = {
        "spots": {"NIFTY": 24020},
        "orders": [
            {
                "tradingsymbol": "NIFTY26N2424000CE", "transaction_type": "BUY", "status": "REJECTED",
                "quantity": 65, "filled_quantity": 0, "order_type": "MARKET", "price": 0, "average_price": 0,
                "order_timestamp": "2026-11-23 10:15:02", "status_message": "Insufficient <b>funds</b>",
            }
        ],
        "positions": [
            {
                "tradingsymbol": "NIFTY26N2424000CE", "quantity": 65, "average_price": 150.45,
                "last_price": 151, "pnl": 35.75, "product": "NRML",
            }
        ],
        "funds": {"equity": {"available": {"live_balance": 100}}},
    }  # fmt: skip
    await expect(page.locator("#spot-NIFTY .price")).to_have_text("24,020.00")
    await expect(page.locator("#spot-NIFTY .change")).to_have_text("+6.55")
    await expect(page.locator("#positions li")).to_contain_text("65 units · avg 150.45 · last 151.00 · NRML")
    await expect(page.locator("#day-pnl")).to_have_text("+35.75")
    await expect(page.locator("#orders li")).to_contain_text("Insufficient <b>funds</b>")
    await expect(page.locator("#funds")).to_contain_text("100.00")
    await expect(page.locator("#chart-price")).to_have_text("24,020.00")


async def test_nothing_sticks_out_of_a_narrow_window(browser, phone, app):
    await app.bot.send_message(
        OWNER, f"<b>{'W' * 300}</b>\n<pre>{'x' * 200}</pre>", parse_mode="HTML", reply_markup=APPROVAL
    )
    await app.bot.send_document(OWNER, b"x", filename=f"{'long-name-' * 12}.csv")
    phone.say("https://example.com/" + "a" * 300)
    page = await opened(browser, phone, 360, 640)
    for tab in ("Chat", "Alert", "Exchange"):
        await page.get_by_role("navigation").get_by_role("button", name=tab).click()
        assert await overflow(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.context.close()


async def test_a_message_behind_another_tab_leaves_an_unread_dot(browser, phone, app):
    page = await opened(browser, phone, 390, 844)
    await page.get_by_role("navigation").get_by_role("button", name="Alert").click()
    await app.bot.send_message(OWNER, "Approve?")
    await expect(page.locator("#tab-dot")).to_be_visible()
    assert await page.title() == "(1) Manjha"
    await page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    await expect(page.locator("#tab-dot")).to_be_hidden()
    assert await page.title() == "Manjha"
    await page.context.close()


async def test_an_empty_chat_offers_to_start(page, phone):
    await page.get_by_role("button", name="Start").click()
    await phone.wait_for_message("/start")
    await expect(page.locator("#empty")).to_be_hidden()
