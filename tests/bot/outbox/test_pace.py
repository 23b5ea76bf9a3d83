"""Telegram's limits, and who goes first under them (facts/telegram.md 1.1; T10)."""

from collections import Counter

import pytest

from config.telegram import telegram_limits
from gateway.domain.order import IntentState
from storage.notices import Priority
from tests.bot.outbox.stage import OWNER, Stage

GROUP = -1001


def busiest(stage: Stage, moments: list[float], seconds: float) -> int:
    """The most calls in any stretch of so many seconds."""
    return max(sum(1 for other in moments if moment <= other < moment + seconds) for moment in moments)


async def flood(stage: Stage, number: int, seconds: int) -> list[float]:
    """Loud facts that keep coming; when each call was made, by the hand-turned time."""
    moments: list[float] = []
    seen = 0
    for index in range(seconds * 2):
        if index < number:
            # Alternating weights: texts of one weight would become one message.
            await stage.tell(f"fact {index}", loud=bool(index % 2))
        await stage.forward(0.5)
        moments += [stage.ticks] * (stage.sent() - seen)
        seen = stage.sent()
    return moments


async def test_a_private_chat_gets_one_message_a_second_in_the_long_run(stage):
    moments = await flood(stage, 60, 60)
    limits = telegram_limits().private
    assert busiest(stage, moments, 1.0) <= limits.burst
    assert busiest(stage, moments, 30.0) <= limits.burst + 30
    assert await stage.waiting() == 0


async def test_a_group_never_gets_more_than_twenty_messages_in_a_minute(make_stage):
    stage = await make_stage(GROUP)
    moments = await flood(stage, 60, 120)
    assert busiest(stage, moments, 60.0) <= 20
    assert await stage.waiting() == 0


async def test_a_question_goes_at_once_however_many_facts_wait(stage):
    await flood(stage, 20, 10)
    await stage.tell("a fact", "another")
    before = stage.sent()
    (subject,) = await stage.ask()
    await stage.show(subject, priority=Priority.QUESTION)
    await stage.settled()
    assert "Approve?" in stage.texts()[-1] or "Approve?" in stage.texts()[before]


async def test_safety_goes_before_facts_and_facts_before_chatter(stage):
    stage.pace.close(OWNER, 10)
    await stage.tell("chatter", priority=Priority.CHATTER)
    await stage.tell("fact")
    await stage.tell("the kill switch is on", priority=Priority.QUESTION)
    await stage.forward(11)
    await stage.forward(2)  # chatter leaves more of the burst to others
    assert stage.texts() == ["the kill switch is on", "fact", "chatter"]


async def test_a_fact_does_not_wait_until_chatter_may_go(make_stage):
    stage = await make_stage(GROUP)
    stage.pace.spend(GROUP)  # what is left is enough for a fact, and not for chatter
    await stage.tell("chatter", priority=Priority.CHATTER)
    await stage.settled()
    await stage.tell("fact")
    await stage.settled()
    assert stage.texts(GROUP) == ["fact"]


async def test_only_the_latest_state_of_a_card_is_sent(stage):
    (subject,) = await stage.ask()
    stage.pace.close(OWNER, 10)
    for _ in range(20):
        await stage.show(subject)
    await stage.forward(11)
    assert (stage.sent(), stage.sent("editMessageText")) == (1, 0)
    assert await stage.waiting() == 0


async def test_answers_to_commands_count(stage):
    for _ in range(40):
        stage.pace.spend(OWNER)
    await stage.tell("fact")
    await stage.settled()
    assert stage.sent() == 0
    await stage.forward(20)
    assert stage.texts() == ["fact"]


async def test_many_questions_at_once_are_one_message_with_their_buttons(stage):
    subjects = await stage.ask(8)
    await stage.show(*subjects, priority=Priority.QUESTION, loud=True)
    await stage.settled()
    (message,) = stage.phone.messages()
    assert "8 alerts at once, 8 to decide" in message.content.text
    labels = [button["text"] for row in message.content.markup["inline_keyboard"] for button in row]
    assert Counter(label.split()[0] for label in labels) == {str(n): 2 for n in range(1, 9)}


async def test_many_alerts_at_once_are_a_few_messages_and_each_alert_is_named(stage):
    subjects = await stage.ask(60, IntentState.REFUSED)
    await stage.show(*subjects)
    await stage.forward(5)
    texts = stage.texts()
    assert len(texts) == 4
    assert all(subject.removeprefix("alert:") in "".join(texts) for subject in subjects)


async def test_a_few_questions_are_cards_of_their_own(stage):
    subjects = await stage.ask(3)
    await stage.show(*subjects, priority=Priority.QUESTION)
    await stage.settled()
    assert len(stage.phone.messages()) == 3


async def test_five_hundred_questions_at_once_are_one_digest(stage):
    subjects = await stage.ask(500)
    await stage.show(*subjects, priority=Priority.QUESTION)
    await stage.settled()
    (message,) = stage.phone.messages()
    assert "500 alerts at once, 500 to decide" in message.content.text
    assert "they move up as these are decided" in message.content.text
    assert len(message.content.markup["inline_keyboard"]) <= 20
    assert await stage.waiting() == 0


async def test_a_change_of_one_of_many_edits_their_one_message(stage):
    subjects = await stage.ask(8)
    await stage.show(*subjects, priority=Priority.QUESTION)
    await stage.settled()
    first = subjects[0].removeprefix("alert:")

    def reject(connection):
        from storage import intents  # noqa: PLC0415

        intents.decide(connection, f"ask-{first}", intents.REJECTED, by="Asha", at=stage.now)

    await stage.write(reject)
    await stage.show(subjects[0])
    await stage.settled()
    (message,) = stage.phone.messages()
    assert "8 alerts at once, 7 to decide" in message.content.text
    assert "Rejected" in message.content.text


@pytest.mark.parametrize("loud", [True, False])
async def test_what_waited_long_comes_as_one_digest_in_its_order(stage, loud):
    stage.pace.close(OWNER, 3600)
    for index in range(47):
        await stage.tell(f"message {index:02}", loud=loud)
    await stage.forward(3601)
    (message,) = stage.phone.messages()
    assert message.content.text.startswith("📬 47 messages")
    places = [message.content.text.index(f"message {index:02}") for index in range(47)]
    assert places == sorted(places)
    assert message.silent is not loud


async def test_a_digest_keeps_the_loud_apart_from_the_silent(stage):
    stage.pace.close(OWNER, 3600)
    for index in range(30):
        await stage.tell(f"quiet {index}", loud=False)
    await stage.tell("FILLED", loud=True)
    await stage.forward(3601)
    digest, loud = stage.phone.messages()
    assert digest.silent
    assert "30 messages" in digest.content.text
    assert (loud.content.text, loud.silent) == ("FILLED", False)


async def test_a_digest_that_is_too_long_is_several_messages_and_loses_nothing(stage):
    stage.pace.close(OWNER, 3600)
    for index in range(60):
        await stage.tell(f"message {index:02} " + "x" * 200)
    await stage.forward(3601)
    for _ in range(10):
        await stage.forward(5)
    said = "\n".join(stage.texts())
    assert [index for index in range(60) if f"message {index:02}" not in said] == []
    assert len(stage.texts()) <= 5
