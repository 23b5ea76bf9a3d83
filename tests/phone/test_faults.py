"""Scripted misfortune, as python-telegram-bot feels it."""

import asyncio
import time

import pytest
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.phone import Fault, FaultKind
from bot.phone.faults import fault_from_json
from tests.phone.conftest import OWNER, application
from tests.phone.helpers import eventually


def test_faults_happen_in_order_each_to_its_method(phone):
    phone.faults.add(Fault(method="sendMessage", kind=FaultKind.BLOCKED, times=2))
    phone.faults.add(Fault(method="*", kind=FaultKind.SERVER_ERROR))
    kinds = [phone.faults.take(method) for method in ("getMe", "SENDMESSAGE", "sendmessage", "sendMessage")]
    assert [fault and fault.kind for fault in kinds] == ["server_error", "blocked", "blocked", None]
    assert phone.faults.pending() == ()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAUTHORIZED, InvalidToken),
        (FaultKind.BLOCKED, Forbidden),
        (FaultKind.NOT_FOUND, InvalidToken),
        (FaultKind.SERVER_ERROR, NetworkError),
        (FaultKind.DROP_BEFORE, NetworkError),
    ],
)
async def test_a_fault_is_the_librarys_own_error_and_nothing_is_sent(phone, app, kind, error):
    phone.faults.add(Fault(method="sendMessage", kind=kind))
    with pytest.raises(error) as raised:
        await app.bot.send_message(OWNER, "x")
    assert not isinstance(raised.value, BadRequest)
    assert phone.messages() == []
    assert await app.bot.send_message(OWNER, "x")


async def test_a_flood_says_when_to_come_back(phone, app, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # without it the library warns about itself
    phone.faults.add(Fault(method="sendMessage", kind=FaultKind.FLOOD, retry_after=7))
    with pytest.raises(RetryAfter) as flood:
        await app.bot.send_message(OWNER, "x")
    assert flood.value.retry_after.total_seconds() == 7


async def test_a_dropped_answer_leaves_the_message_delivered(phone, app):
    phone.faults.add(Fault(method="sendMessage", kind=FaultKind.DROP_AFTER))
    with pytest.raises(NetworkError):
        await app.bot.send_message(OWNER, "delivered")
    assert [message.content.text for message in phone.messages()] == ["delivered"]


async def test_a_delay_answers_late_but_truly(phone, app):
    phone.faults.add(Fault(method="getMe", kind=FaultKind.DELAY, seconds=0.05))
    begun = time.monotonic()
    assert await app.bot.get_me()
    assert time.monotonic() - begun >= 0.05


async def test_polling_recovers_from_a_conflict_and_delivers(phone, app):
    errors: list[TelegramError] = []
    seen = asyncio.Queue()
    app.process_update = lambda update: seen.put(update)
    phone.faults.add(Fault(method="getUpdates", kind=FaultKind.CONFLICT))
    await app.updater.start_polling(error_callback=errors.append)
    phone.say("still there?")
    assert (await asyncio.wait_for(seen.get(), 5)).message.text == "still there?"
    assert "terminated by other getupdates request" in str(errors[0]).lower()


async def test_two_pollers_end_in_a_conflict_for_the_older(phone, app):
    other = application(phone.api_url)
    await other.initialize()
    older = asyncio.create_task(app.bot.get_updates(timeout=30))
    await eventually(lambda: phone.calls("getUpdates"))
    newer = asyncio.create_task(other.bot.get_updates(timeout=30))
    with pytest.raises(TelegramError, match=r"(?i)terminated by other getUpdates request"):
        await asyncio.wait_for(older, 5)
    phone.say("hi")
    assert len(await asyncio.wait_for(newer, 5)) == 1
    await other.shutdown()


@pytest.mark.parametrize(
    "record", [{}, {"method": "getMe"}, {"method": "getMe", "kind": "magic"}, {"kind": "flood"}]
)
def test_nonsense_is_no_fault(record):
    with pytest.raises((TypeError, ValueError)):
        fault_from_json(record)
