"""Presses as they come in bad faith and bad order (facts/reliability.md 6.5, T3 to T7, T9)."""

import asyncio
from typing import Any

import pytest

from bot.phone import Fault, FaultKind
from tests.bot.commands.thumb import STRANGER
from tests.usecases.world import OWNER, buy

PARTNER = 4712


async def asked(world) -> tuple[str, str]:
    """An alert that waits for the owner's word; its id, and its question's."""
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "awaiting_approval")
    row = await world.approval(alert_id)
    return alert_id, f"{row.id}:{row.version}"


def press(thumb, data: str, *, user: int = OWNER, chat: int = OWNER, **changes: Any) -> dict[str, Any]:
    """One press as Telegram brings it; returned so that it can be brought again."""
    phone = thumb.phone._phone
    made = phone.presses.add(message_id=1, chat_id=chat, user_id=user, data=data, label="Approve")
    number = next(phone.updates._ids)
    message = {
        "message_id": 1,
        "date": int(phone.clock()),
        "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup", "title": "G"},
        "from": {"id": phone.identity.bot_id, "is_bot": True, "first_name": "Manjha"},
        "text": "Approve?",
    }
    person = {"id": user, "is_bot": False, "first_name": f"User {user}"}
    query = {"id": made.query_id, "from": person, "message": message, "chat_instance": "1", "data": data}
    update = {"update_id": number, "callback_query": {**query, **changes}}
    thumb.phone.hand_over(update)
    return update


async def test_ten_presses_at_once_are_one_decision(thumb, world):
    alert_id, key = await asked(world)
    for _ in range(10):
        press(thumb, f"a:{key}")
    await thumb.settled()
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == 1


async def test_approve_and_reject_at_once_are_one_decision_that_all_are_told(thumb, world):
    alert_id, key = await asked(world)
    press(thumb, f"r:{key}")
    press(thumb, f"a:{key}")
    await thumb.settled()
    assert await world.status(alert_id) == "rejected"
    assert world.attempts() == []
    assert "rejected" in (thumb.toast() or "").lower()


async def test_approve_and_the_kill_switch_at_once_never_place_after_the_switch(thumb, world):
    alert_id, key = await asked(world)
    press(thumb, "k:stop")
    press(thumb, f"a:{key}")
    await thumb.settled()
    view = await world.view(alert_id)
    assert view.status in {"rejected", "refused", "filled", "placing", "open", "expired"}
    assert len(world.attempts()) == (1 if view.status in {"filled", "placing", "open"} else 0)


@pytest.mark.parametrize(("chat", "user"), [(STRANGER, STRANGER), (-100200, STRANGER), (-100200, OWNER + 7)])
async def test_a_strangers_press_does_nothing_wherever_it_is_made(thumb, world, chat, user):
    alert_id, key = await asked(world)
    press(thumb, f"a:{key}", user=user, chat=chat)
    await thumb.settled()
    assert await world.status(alert_id) == "awaiting_approval"
    assert thumb.phone.calls("answerCallbackQuery") == []


async def test_a_channels_post_and_an_update_of_an_unknown_kind_do_nothing(thumb, world):
    await asked(world)
    numbers = thumb.phone._phone.updates._ids
    post = {
        "message_id": 5,
        "date": 1,
        "chat": {"id": -1007, "type": "channel", "title": "C"},
        "text": "/buy",
    }
    thumb.phone.hand_over({"update_id": next(numbers), "channel_post": post})
    thumb.phone.hand_over({"update_id": next(numbers), "telepathy": {"from": {"id": OWNER}}})
    await thumb.ask("/version")
    assert thumb.words == []


async def test_a_late_press_expires_and_says_so(thumb, world):
    alert_id, key = await asked(world)
    world.clock.forward(seconds=61)
    press(thumb, f"a:{key}")
    await thumb.settled()
    assert await world.status(alert_id) == "expired"
    assert "too late" in (thumb.toast() or "").lower()
    assert world.attempts() == []


@pytest.mark.parametrize(
    "data", ["", "a:", "a:nobody:1", "z:::::", "f:x:y", "d:1:2:x", "x" * 64, "\x00", "a:💥:1", "k:", "s:none"]
)
async def test_forged_and_garbled_buttons_do_nothing(thumb, world, logged, data):
    alert_id, _ = await asked(world)
    press(thumb, data)
    await thumb.settled()
    assert await world.status(alert_id) == "awaiting_approval"
    assert world.attempts() == []
    assert [line for line in logged if line["event"] == "handler_failed"] == []


async def test_an_update_that_comes_again_is_worked_on_once(thumb, world):
    numbers = thumb.phone._phone.updates._ids
    text = "/buy NIFTY ATM CE 1 lot"
    number = next(numbers)
    said = {
        "message_id": 9,
        "date": int(thumb.phone._phone.clock()),
        "chat": {"id": OWNER, "type": "private", "first_name": "Asha"},
        "from": {"id": OWNER, "is_bot": False, "first_name": "Asha"},
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": 4}],
    }
    for _ in range(3):
        thumb.phone.hand_over({"update_id": number, "message": said})
        await thumb.settled()
    assert thumb.words == [text.removeprefix("/")]
    # A gap, and an older number that was never seen: both are news.
    for later in (number + 500, number + 10):
        thumb.phone.hand_over({"update_id": later, "message": said})
        await thumb.settled()
    assert len(thumb.words) == 3


async def test_an_answer_that_comes_too_late_for_the_phone_leaves_the_decision_as_it_is(thumb, world):
    alert_id, key = await asked(world)
    thumb.phone.faults.add(Fault(method="answerCallbackQuery", kind=FaultKind.STALE_QUERY))
    press(thumb, f"a:{key}")
    await thumb.settled()
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == 1


async def test_a_slow_answer_to_one_press_holds_up_no_other(thumb, world):
    (first, slow), (second, quick) = await asked(world), await asked(world)
    thumb.phone.faults.add(Fault(method="answerCallbackQuery", kind=FaultKind.DELAY, seconds=30))
    press(thumb, f"r:{slow}")
    press(thumb, f"a:{quick}")
    async with asyncio.timeout(20):
        await world.reaches(second, "filled")
    assert await world.status(first) in {"rejected", "awaiting_approval"}
