"""The Bot API as the real python-telegram-bot sees it."""

import asyncio
import io

import aiohttp
import pytest
from telegram import (
    BotCommand,
    BotCommandScopeChat,
    CopyTextButton,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    MenuButtonCommands,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from telegram.error import BadRequest, InvalidToken
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot.phone import UnknownButtonError
from tests.phone.conftest import OWNER, application
from tests.phone.pictures import png

KEYS = InlineKeyboardMarkup(
    [
        [
            InlineKeyboardButton("✅ Approve", callback_data="a:1", style="success"),
            InlineKeyboardButton("Reject", callback_data="r:1", style="danger"),
        ],
        [
            InlineKeyboardButton("Log in", url="https://kite.zerodha.com/"),
            InlineKeyboardButton("Copy", copy_text=CopyTextButton("24000")),
        ],
    ]
)


async def test_the_bot_knows_itself(app):
    me = await app.bot.get_me()
    assert (me.id, me.is_bot, me.first_name) == (700, True, "Manjha")


async def test_a_wrong_token_is_refused(phone):
    stranger = application(phone.api_url, token="700:other")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    for request in stranger.bot._request:  # a failed initialize() leaves its connections open
        await request.shutdown()


async def test_a_command_reaches_its_handler_and_the_answer_the_chat(phone, app):
    async def status(update, context):
        await update.message.reply_html(f"<b>{update.effective_user.first_name}</b> {' '.join(context.args)}")

    app.add_handler(CommandHandler("status", status))
    await app.updater.start_polling()
    phone.say("/status of all")
    message = await phone.wait_for_message("Asha of all")
    assert phone.view(message)["html"] == "<b>Asha</b> of all"


async def test_a_press_is_answered_and_the_message_edited_in_place(phone, app):
    async def pressed(update, context):
        await update.callback_query.answer("Approved", show_alert=True)
        await update.callback_query.edit_message_text(f"Sent by {update.effective_user.id}")

    app.add_handler(CallbackQueryHandler(pressed, pattern="^a:"))
    await app.updater.start_polling()
    asked = await app.bot.send_message(OWNER, "Approve?", reply_markup=KEYS)
    phone.press(label="approve")
    edited = await phone.wait_for_message(f"Sent by {OWNER}")
    view = phone.view(edited)
    assert (view["message_id"], view["keyboard"]) == (asked.message_id, [])
    assert view["edits"][0]["text"] == "Approve?"
    assert view["edits"][0]["keyboard"][0][0]["style"] == "success"
    (press,) = phone.presses()
    assert (press.text, press.show_alert, press.data) == ("Approved", True, "a:1")


async def test_a_press_names_the_presser_not_the_chat(phone, app):
    seen = asyncio.Queue()
    app.add_handler(CallbackQueryHandler(lambda update, context: seen.put(update)))
    await app.updater.start_polling()
    await app.bot.send_message(-100, "Approve?", reply_markup=KEYS)
    phone.press(data="r:1", from_id=666)
    update = await asyncio.wait_for(seen.get(), 5)
    assert (update.effective_user.id, update.effective_chat.id) == (666, -100)


async def test_an_unknown_button_cannot_be_pressed(phone, app):
    await app.bot.send_message(OWNER, "Approve?", reply_markup=KEYS)
    with pytest.raises(UnknownButtonError):
        phone.press(label="Delete everything")
    with pytest.raises(UnknownButtonError):
        phone.press(999, label="Approve")


async def test_edited_messages_of_the_owner_arrive_as_edited(phone, app):
    seen = asyncio.Queue()
    handler = MessageHandler(filters.UpdateType.EDITED_MESSAGE, lambda update, context: seen.put(update))
    app.add_handler(handler)
    await app.updater.start_polling()
    message = phone.say("/buy 1")
    phone.correct(message.message_id, "/buy 2")
    assert (await asyncio.wait_for(seen.get(), 5)).edited_message.text == "/buy 2"


async def test_an_answer_comes_once_and_in_time(phone, app, clock):
    await app.bot.send_message(OWNER, "Approve?", reply_markup=KEYS)
    first, second = phone.press(label="Approve"), phone.press(label="Reject")
    assert await app.bot.answer_callback_query(first.query_id, "ok")
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await app.bot.answer_callback_query(first.query_id, "ok again")
    clock.forward(151)
    for query_id in (second.query_id, "no such query"):
        with pytest.raises(BadRequest, match=r"(?i)query is too old and response timeout expired"):
            await app.bot.answer_callback_query(query_id)


async def test_telegrams_refusals_of_texts(app):
    send = app.bot.send_message
    with pytest.raises(BadRequest, match=r"(?i)Message is too long"):
        await send(OWNER, "x" * 4097)
    with pytest.raises(BadRequest, match=r"(?i)Message text is empty"):
        await send(OWNER, "   ")
    with pytest.raises(BadRequest, match=r'(?i)unsupported start tag "h1"'):
        await send(OWNER, "<h1>x</h1>", parse_mode="HTML")
    with pytest.raises(BadRequest, match=r"(?i)unsupported parse_mode"):
        await send(OWNER, "x", parse_mode="RTF")
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await send(
            OWNER,
            "x",
            reply_markup=InlineKeyboardMarkup.from_button(InlineKeyboardButton("x", callback_data="x" * 65)),
        )
    with pytest.raises(BadRequest, match=r"(?i)Message to be replied not found"):
        await send(OWNER, "x", reply_parameters=ReplyParameters(999))
    with pytest.raises(BadRequest, match=r"(?i)Chat not found"):
        await send("@nobody", "x")


async def test_4096_counts_what_is_read_not_the_tags(app):
    assert await app.bot.send_message(OWNER, f"<b>{'x' * 4096}</b>", parse_mode="HTML")


async def test_edits_that_change_nothing_or_hit_nothing_are_refused(app):
    message = await app.bot.send_message(OWNER, "<b>x</b>", parse_mode="HTML", reply_markup=KEYS)
    with pytest.raises(BadRequest, match=r"(?i)Message is not modified"):
        await message.edit_text("<strong>x</strong>", parse_mode="HTML", reply_markup=KEYS)
    with pytest.raises(BadRequest, match=r"(?i)Message to edit not found"):
        await app.bot.edit_message_text("y", OWNER, 999)
    with pytest.raises(BadRequest, match=r"(?i)There is no caption"):
        await message.edit_caption("y")
    assert (await message.edit_reply_markup(None)).reply_markup is None
    with pytest.raises(BadRequest, match=r"(?i)Message is not modified"):
        await message.edit_reply_markup(None)


async def test_an_edit_without_keyboard_removes_it(phone, app):
    message = await app.bot.send_message(OWNER, "x", reply_markup=KEYS)
    edited = await message.edit_text("y")
    assert edited.reply_markup is None
    assert edited.edit_date is not None


async def test_a_message_with_a_reply_keyboard_cannot_be_edited(app):
    message = await app.bot.send_message(OWNER, "x", reply_markup=ReplyKeyboardMarkup([["/status"]]))
    with pytest.raises(BadRequest, match=r"(?i)Message can't be edited"):
        await message.edit_text("y")
    assert (await app.bot.send_message(OWNER, "x", reply_markup=ForceReply())).message_id


async def test_replies_silence_reactions_and_pins_are_kept(phone, app):
    first = await app.bot.send_message(OWNER, "first")
    reply = await first.reply_text("second", do_quote=True, disable_notification=True)
    assert reply.reply_to_message.message_id == first.message_id
    await first.set_reaction("👍")
    await first.pin()
    assert (await app.bot.get_chat(OWNER)).pinned_message.message_id == first.message_id
    shown = [phone.view(message) for message in phone.messages(OWNER)]
    assert (shown[0]["reaction"], shown[0]["pinned"]) == ("👍", True)
    assert (shown[1]["silent"], shown[1]["reply_to"]["text"]) == (True, "first")
    await app.bot.unpin_chat_message(OWNER)
    assert (await app.bot.get_chat(OWNER)).pinned_message is None


async def test_deleting_works_for_48_hours(phone, app, clock):
    old = await app.bot.send_message(OWNER, "old")
    young = await app.bot.send_message(OWNER, "young")
    assert await young.delete()
    with pytest.raises(BadRequest, match=r"(?i)Message to delete not found"):
        await young.delete()
    clock.forward(48 * 3600 + 1)
    with pytest.raises(BadRequest, match=r"(?i)Message can't be deleted"):
        await old.delete()
    assert [message.content.text for message in phone.messages()] == ["old"]


async def test_a_photo_is_uploaded_measured_replaced_and_downloaded(app):
    message = await app.bot.send_photo(OWNER, png(30, 20), caption="<i>P&amp;L</i>", parse_mode="HTML")
    photo = message.photo[-1]
    assert (photo.width, photo.height, message.caption) == (30, 20, "P&L")
    content = await (await photo.get_file()).download_as_bytearray()
    assert bytes(content) == png(30, 20)
    edited = await message.edit_media(InputMediaPhoto(png(8, 8), caption="later"), reply_markup=KEYS)
    assert (edited.photo[-1].width, edited.caption) == (8, "later")
    assert (await message.edit_caption("last")).caption == "last"
    assert (await app.bot.send_photo(OWNER, photo.file_id)).photo[-1].file_size == photo.file_size
    with pytest.raises(BadRequest, match=r"(?i)There is no text in the message to edit"):
        await message.edit_text("y")


async def test_what_is_no_picture_is_refused_as_a_photo(app):
    with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
        await app.bot.send_photo(OWNER, b"<svg onload=alert(1)>")


async def test_a_document_keeps_its_name_and_bytes(app):
    sent = await app.bot.send_document(
        OWNER, io.BytesIO(b"a,b\n1,2\n"), filename="trades.csv", caption="Trades"
    )
    assert (sent.document.file_name, sent.document.file_size) == ("trades.csv", 8)
    assert bytes(await (await sent.document.get_file()).download_as_bytearray()) == b"a,b\n1,2\n"


async def test_commands_are_kept_by_scope(app, phone):
    scope = BotCommandScopeChat(OWNER)
    await app.bot.set_my_commands([BotCommand("status", "What runs")])
    await app.bot.set_my_commands([BotCommand("killswitch", "Stop")], scope=scope)
    assert [command.command for command in await app.bot.get_my_commands()] == ["status"]
    assert [command["command"] for command in phone.commands()] == ["killswitch"]
    await app.bot.delete_my_commands(scope=scope)
    assert await app.bot.get_my_commands(scope=scope) == ()
    await app.bot.set_chat_menu_button(OWNER, MenuButtonCommands())
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await app.bot.set_my_commands([("Bad Name", "x")])


async def test_a_webhook_forbids_polling_until_it_is_deleted(phone, app):
    await app.bot.set_webhook("https://example.com/hook")
    assert (await app.bot.get_webhook_info()).url == "https://example.com/hook"
    with pytest.raises(Exception, match=r"(?i)can't use getUpdates method while webhook is active"):
        await app.bot.get_updates()
    phone.say("waits")
    assert (await app.bot.get_webhook_info()).pending_update_count == 1
    await app.bot.delete_webhook(drop_pending_updates=True)
    assert await app.bot.get_updates() == ()
    with pytest.raises(BadRequest, match=r"(?i)HTTPS"):
        await app.bot.set_webhook("http://example.com/hook")


async def test_an_unknown_method_is_not_found(app):
    with pytest.raises(Exception, match=r"(?i)Not Found"):
        await app.bot.do_api_request("sendRichMessage", {"chat_id": OWNER})


async def test_every_body_encoding_says_the_same(phone, app):
    address = f"{phone.api_url}/bot700:test-token/SENDMESSAGE"
    fields = {"chat_id": str(OWNER), "text": "hi"}
    form = aiohttp.FormData(fields, default_to_multipart=True)
    async with aiohttp.ClientSession() as session:
        for request in (
            session.post(address, json={"chat_id": OWNER, "text": "hi"}),
            session.post(address, data=fields),
            session.post(address, data=form),
            session.get(address, params=fields),
        ):
            async with request as response:
                assert (await response.json())["result"]["text"] == "hi"
        async with session.post(address, data=b"{", headers={"Content-Type": "application/json"}) as response:
            assert response.status == 400
            assert (await response.json())["description"] == "Bad Request: can't parse JSON encoded request"
    assert [message.content.text for message in phone.messages()] == ["hi"] * 4
