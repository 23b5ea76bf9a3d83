"""The alert composer, the view of the exchange, and small windows, in a real Chromium."""

from playwright.async_api import Page, expect

from tests.phone.conftest import OWNER
from tests.phone.page.conftest import BROWSER_TEST
from tests.phone.page.test_chat import APPROVAL

pytestmark = BROWSER_TEST


async def overflow(page: Page) -> list[str]:
    """Which parts stick out of the window sideways."""
    return await page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("main *, .tabs *")]
            .filter((node) => node.checkVisibility() && !node.closest("pre, svg") && !node.closest(".sprite")
                && node.getBoundingClientRect().right > innerWidth + 0.5)
            .map((node) => node.id || node.className || node.tagName)"""
    )


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


async def test_nothing_sticks_out_of_a_narrow_window(small_page, phone, app):
    await app.bot.send_message(
        OWNER, f"<b>{'W' * 300}</b>\n<pre>{'x' * 200}</pre>", parse_mode="HTML", reply_markup=APPROVAL
    )
    await app.bot.send_document(OWNER, b"x", filename=f"{'long-name-' * 12}.csv")
    phone.say("https://example.com/" + "a" * 300)
    for tab in ("Chat", "Alert", "Exchange"):
        await small_page.get_by_role("navigation").get_by_role("button", name=tab).click()
        assert await overflow(small_page) == []
        assert await small_page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_message_behind_another_tab_leaves_an_unread_dot(small_page, phone, app):
    await small_page.get_by_role("navigation").get_by_role("button", name="Alert").click()
    await app.bot.send_message(OWNER, "Approve?")
    await expect(small_page.locator("#tab-dot")).to_be_visible()
    assert await small_page.title() == "(1) Manjha"
    await small_page.get_by_role("navigation").get_by_role("button", name="Chat").click()
    await expect(small_page.locator("#tab-dot")).to_be_hidden()
    assert await small_page.title() == "Manjha"
