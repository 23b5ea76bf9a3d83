"""The chat in a real Chromium: what the owner sees, and what a tap does."""

import asyncio

from playwright.async_api import expect
from telegram import (
    BotCommand,
    CopyTextButton,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyKeyboardMarkup,
)
from telegram.ext import CallbackQueryHandler

from tests.phone.conftest import OWNER
from tests.phone.page.conftest import BROWSER_TEST
from tests.phone.pictures import png

pytestmark = BROWSER_TEST

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


async def test_an_empty_chat_offers_to_start(page, phone):
    await page.get_by_role("button", name="Start").click()
    await phone.wait_for_message("/start")
    await expect(page.locator("#empty")).to_be_hidden()
