"""What Telegram does to the outbox (facts/reliability.md 6.5, T1, T2, T8): all is sent in the end."""

import pytest

from bot.phone import FaultKind
from tests.bot.outbox.stage import OWNER, PARTNER


@pytest.mark.parametrize("seconds", [3, 60, 3600])
async def test_nothing_is_sent_before_retry_after_is_over(stage, seconds):
    stage.fault(FaultKind.FLOOD, retry_after=seconds)
    await stage.tell("first")
    await stage.settled()
    await stage.tell("second")
    await stage.forward(seconds - 1)
    assert stage.sent() == 1
    assert "retry" in stage.sender.trouble.lower() or "flood" in stage.sender.trouble.lower()
    await stage.forward(1.1)
    assert stage.texts() == ["first", "second"]
    assert stage.sender.trouble is None


async def test_a_heard_owner_does_not_shorten_retry_after(stage):
    stage.fault(FaultKind.FLOOD, retry_after=60)
    await stage.tell("first")
    await stage.settled()
    await stage.sender.retry_now()
    await stage.settled()
    assert stage.sent() == 1


async def test_retry_after_holds_over_a_restart(stage):
    stage.fault(FaultKind.FLOOD, retry_after=60)
    await stage.tell("first")
    await stage.settled()
    await stage.restart()
    await stage.settled()
    assert stage.sent() == 1
    await stage.forward(61)
    assert stage.texts() == ["first"]


async def test_one_chats_retry_after_holds_up_no_other(both):
    both.fault(FaultKind.FLOOD, retry_after=3600, chat_id=OWNER)
    await both.tell("news")
    await both.settled()
    assert both.texts(PARTNER) == ["news"]
    assert both.texts(OWNER) == []


async def test_a_send_that_timed_out_though_delivered_is_doubled_once_at_most_and_never_lost(stage):
    stage.fault(FaultKind.DROP_AFTER)
    stage.fault(FaultKind.DROP_BEFORE, "getMe", times=3)
    await stage.tell("filled", "next")
    for _ in range(6):
        await stage.forward(31)
    assert stage.texts() == ["filled", "filled", "next"]
    assert await stage.waiting() == 0


async def test_a_network_that_is_away_costs_nothing_but_time(stage):
    stage.fault(FaultKind.DROP_BEFORE, times=2)
    stage.fault(FaultKind.SERVER_ERROR, "getMe", times=2)
    await stage.tell("one", "two")
    await stage.settled()
    assert stage.sender.trouble
    for _ in range(6):
        await stage.forward(31)
    assert stage.texts() == ["one", "two"]
    assert stage.sender.trouble is None


async def test_a_blocked_bot_is_told_to_the_other_owner_and_the_blocked_one_gets_all_later(both):
    both.fault(FaultKind.BLOCKED, times=2, chat_id=OWNER)
    await both.tell("entry filled")
    await both.settled()
    assert both.texts(OWNER) == []
    assert both.texts(PARTNER)[0] == "entry filled"
    assert "Chat 42 hears nothing" in both.texts(PARTNER)[1]
    assert "blocked by the user" in both.sender.trouble
    await both.tell("stop triggered")
    await both.forward(61)
    assert sum("hears nothing" in text for text in both.texts(PARTNER)) == 1
    await both.forward(61)
    assert both.texts(OWNER) == ["entry filled", "stop triggered"]
    assert both.texts(PARTNER)[-1] == "✅ Chat 42 is reached again."
    assert both.sender.trouble is None


async def test_the_chat_of_an_owner_who_never_pressed_start_waits_for_him(both):
    both.fault(FaultKind.NO_CHAT, chat_id=OWNER)
    await both.tell("hello")
    await both.settled()
    assert both.texts(OWNER) == []
    await both.sender.retry_now()
    await both.settled()
    assert both.texts(OWNER) == ["hello"]


async def test_a_revoked_token_stops_messages_and_they_go_out_once_it_is_good_again(stage):
    stage.fault(FaultKind.UNAUTHORIZED, times=2)
    await stage.tell("news")
    await stage.settled()
    assert stage.sender.trouble
    await stage.forward(61)
    assert stage.texts() == []
    await stage.forward(61)
    assert stage.texts() == ["news"]


async def test_a_text_that_telegram_calls_malformed_goes_out_plain(stage):
    stage.fault(FaultKind.MALFORMED)
    await stage.tell("<b>5 &lt; 6</b>")
    await stage.settled()
    assert stage.texts() == ["5 < 6"]


async def test_what_telegram_never_takes_holds_up_nothing_behind_it(stage):
    stage.fault(FaultKind.MALFORMED, times=2)
    await stage.tell("bad", "good")
    await stage.settled()
    assert stage.texts() == ["good"]
    assert await stage.waiting() == 0


async def test_an_edit_of_a_deleted_card_sends_it_anew(stage):
    (subject,) = await stage.ask()
    await stage.show(subject)
    await stage.settled()
    (card,) = stage.phone.messages()
    stage.phone.delete(card.message_id)
    await stage.forward(10)
    await stage.show(subject)
    await stage.settled()
    (anew,) = stage.phone.messages()
    assert anew.message_id != card.message_id
    await stage.forward(10)
    await stage.show(subject)
    await stage.settled()
    assert [message.message_id for message in stage.phone.messages()] == [anew.message_id]


async def test_an_unmodified_edit_counts_as_done(stage):
    (subject,) = await stage.ask()
    await stage.show(subject)
    await stage.settled()
    await stage.restart()
    await stage.show(subject)
    await stage.settled()
    assert stage.sent("editMessageText") == 1
    assert await stage.waiting() == 0
    await stage.show(subject)
    await stage.settled()
    assert stage.sent("editMessageText") == 1  # known to be the same: not even tried


async def test_what_waits_for_a_former_owner_is_never_sent_to_him(both):
    both.fault(FaultKind.BLOCKED, times=100, chat_id=PARTNER)
    await both.tell("secret")
    await both.settled()
    both.chat_ids = (OWNER,)
    await both.restart()
    both.phone.faults.clear()
    await both.forward(120)
    assert both.texts(PARTNER) == []
    assert await both.waiting() == 0
