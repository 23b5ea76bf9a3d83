"""The side doors over HTTP, and the alert composer behind one of them."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import aiohttp
import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.phone import AlertReply, PhoneServer
from bot.phone.composer import Composer, substitute
from tests.phone.conftest import OWNER, TOKEN


@pytest.fixture
async def http(phone):
    async with aiohttp.ClientSession(base_url=phone.url) as session:
        yield session


async def test_say_press_and_read_over_http(phone, app, http):
    said = await (await http.post("/_phone/say", json={"text": "/start", "from": 7})).json()
    assert (said["chat_id"], said["sender_id"], said["from_bot"]) == (7, 7, False)
    keys = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Approve", callback_data="a:1"))
    asked = await app.bot.send_message(OWNER, "<b>Approve?</b>", parse_mode="HTML", reply_markup=keys)
    press = await (
        await http.post("/_phone/press", json={"message_id": asked.message_id, "label": "approve"})
    ).json()
    await app.bot.answer_callback_query(press["query_id"], "fine")
    (answer,) = await (await http.get("/_phone/answers")).json()
    assert (answer["text"], answer["data"], answer["user_id"]) == ("fine", "a:1", OWNER)
    (message,) = await (await http.get(f"/_phone/messages?chat_id={OWNER}")).json()
    assert (message["html"], message["text"]) == ("<b>Approve?</b>", "Approve?")
    assert message["keyboard"] == [[{"text": "Approve", "callback_data": "a:1"}]]
    edited = await (
        await http.post("/_phone/edit", json={"message_id": said["message_id"], "text": "/stop"})
    ).json()
    assert (edited["text"], edited["edits"][0]["text"]) == ("/stop", "/start")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_phone/say", {"text": "  "}, 400),
        ("/_phone/say", {"text": "x", "from": "me"}, 400),
        ("/_phone/say", ["x"], 400),
        ("/_phone/press", {"label": "Nothing"}, 404),
        ("/_phone/edit", {"message_id": 99, "text": "x"}, 404),
        ("/_phone/faults", {"method": "getMe", "kind": "magic"}, 400),
        ("/_phone/alert", {"body": "x"}, 503),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(http, path, body, status):
    answer = await http.post(path, json=body)
    assert answer.status == status
    assert (await answer.json())["error"]


async def test_reading_can_wait_for_a_message(app, http):
    waiting = asyncio.create_task(http.get("/_phone/messages?contains=Filled&wait=5"))
    await app.bot.send_message(OWNER, "Sent")
    await app.bot.send_message(OWNER, "Filled at 150.45")
    assert [message["text"] for message in await (await waiting).json()] == ["Filled at 150.45"]


async def test_faults_are_scripted_and_calls_remembered_over_http(app, http):
    script = [{"method": "sendMessage", "kind": "flood", "retry_after": 3, "times": 2}]
    assert await (await http.post("/_phone/faults", json=script)).json() == [
        {**script[0], "seconds": 0.0, "chat_id": None}
    ]
    assert await (await http.delete("/_phone/faults")).json() == []
    await app.bot.send_message(OWNER, "x")
    (call,) = await (await http.get("/_phone/calls?method=sendMessage")).json()
    assert call["fields"]["text"] == "x"


def test_placeholders_are_replaced_as_text_and_unknown_ones_stay():
    values = {"close": "24013.45", "ticker": "NIFTY"}
    template = '{"strike": {{close}} + 100, "id": "{{ ticker }}-{{plot_3}}"}'
    assert substitute(template, values) == '{"strike": 24013.45 + 100, "id": "NIFTY-{{plot_3}}"}'


def test_times_are_utc_with_whole_seconds():
    values = Composer(send_alert=None, placeholders=None).values(
        "SENSEX", datetime(2026, 11, 23, 4, 5, 6, 7, tzinfo=UTC)
    )
    assert (values["timenow"], values["time"], values["exchange"]) == (
        "2026-11-23T04:05:06Z",
        "2026-11-23T04:05:00Z",
        "BSE",
    )


async def test_a_composed_alert_is_filled_sent_and_its_answer_shown():
    sent = []

    async def send(body: str, query: str) -> AlertReply:
        sent.append((body, query))
        return AlertReply(status=200, body='{"success": true}')

    server = PhoneServer(
        token=TOKEN, owner_id=OWNER, send_alert=send, placeholders=lambda symbol: {"close": f"1 {symbol}"}
    )
    await server.start()
    async with aiohttp.ClientSession() as session:
        request = {"body": '{"strike": {{close}}}', "symbol": "SENSEX", "query": "wait=5"}
        answer = await (await session.post(f"{server.url}/_phone/alert", json=request)).json()
    await server.stop()
    assert sent == [('{"strike": 1 SENSEX}', "wait=5")]
    assert answer == {"sent": '{"strike": 1 SENSEX}', "status": 200, "body": '{"success": true}'}


async def test_the_event_stream_begins_with_all_and_goes_on_with_changes(clock):
    market = {"spots": {"NIFTY": Decimal("24013.45")}}
    server = PhoneServer(token=TOKEN, owner_id=OWNER, market_view=lambda: market, clock=clock)
    server.say("before")
    await server.start()
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/_phone/events") as stream:
        kind, snapshot = await next_event(stream)
        assert (kind, [message["text"] for message in snapshot["messages"]]) == ("snapshot", ["before"])
        assert await next_event(stream) == ("market", {"spots": {"NIFTY": "24013.45"}})
        server.say("elsewhere", from_id=7)
        server.say("after")
        kind, message = await next_event(stream)
        assert (kind, message["text"]) == ("message", "after")
        await server.stop()
        assert await stream.content.read() == b""


async def next_event(stream: aiohttp.ClientResponse):
    lines = (await stream.content.readuntil(b"\n\n")).decode().splitlines()
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
