"""Owners decide, viewers look, strangers hear nothing; and a second word before what costs."""

from decimal import Decimal

import pytest
from telegram import Bot

from bot.cards import alert_card
from bot.keyboard import inline
from bot.second_factor import SecondFactor
from storage import flags, modes
from tests.bot.commands.thumb import STRANGER, TOKEN, labels, thumb_on
from tests.usecases.conftest import logged, make_world, template
from tests.usecases.world import LOT, OWNER, buy

__all__ = ["logged", "make_world", "template"]

VIEWER = 77
WORD = "tamarind"


@pytest.fixture
async def world(make_world, tmp_path):
    made = await make_world(
        log_dir=tmp_path / "logs", defaults={"approval": "confirm"}, telegram={"viewer_ids": [VIEWER]}
    )
    await made.execute()
    return made


async def card(thumb, signal=None, chat=OWNER):
    """A question as it stands on a phone."""
    world = thumb.world
    alert_id = await world.send(signal or buy(lots=4))
    await world.reaches(alert_id, "awaiting_approval", look=False)
    return alert_id, await drawn(thumb, alert_id, chat)


async def drawn(thumb, alert_id, chat=OWNER):
    shown = alert_card(await thumb.world.view(alert_id), thumb.world.clock())
    async with Bot(TOKEN, base_url=f"{thumb.phone.api_url}/bot") as bot:
        message = await bot.send_message(chat, shown.text, "HTML", reply_markup=inline(shown.buttons))
    return thumb.seen(message.message_id)


async def test_every_button_of_a_card_does_what_it_says(world):
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb)
        assert labels(first) == ["✅ Approve", "❌ Reject", "Half: 2", "-1 lot", "+1 lot", "⏸ Pause strategy"]
        assert all(word in first["text"] for word in ("4 lots = 260 units", "Worst loss ₹", "60 s left"))
        await thumb.press(first, "Half")
        assert "Now 2 lots" in thumb.toast()
        await thumb.press(first, "Approve")
        assert "has changed" in thumb.toast(), "the old card decides nothing"
        await thumb.press(await drawn(thumb, alert_id), "+1 lot")
        latest = await drawn(thumb, alert_id)
        assert "2 → 3 lots, by Asha" in latest["text"]
        await thumb.press(latest, "Approve")
        assert thumb.toast() == "Approved. Sending it now."
        await world.reaches(alert_id, "filled")
        assert await world.held() == 3 * LOT
        assert len(world.attempts()) == 1
        await thumb.press(latest, "Approve")
        assert "Already approved by Asha" in thumb.toast()


@pytest.mark.parametrize(
    ("ignored", "line"),
    [
        ((), None),
        (("comment", "<b>"), "Not used: comment, <b>"),
        (("a", "b", "c", "d"), "Not used: a, b, c, d"),
        (("a", "b", "c", "d", "e", "f"), "Not used: a, b, c, d and more"),
    ],
)
async def test_a_question_names_the_fields_that_are_not_used(world, ignored, line):
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb, buy(lots=1, ignored=ignored))
        assert [each for each in first["text"].split("\n") if "Not used" in each] == ([line] if line else [])
        await thumb.press(first, "Approve")
        await world.reaches(alert_id, "filled")
        assert ("Not used" in (await drawn(thumb, alert_id))["text"]) == bool(line)


async def test_where_nobody_was_asked_the_card_stays_short(make_world, tmp_path):
    world = await make_world(log_dir=tmp_path / "logs")
    alert_id = await world.send(buy(lots=1, ignored=("comment",)))
    await world.execute()
    await world.reaches(alert_id, "filled")
    assert "Not used" not in alert_card(await world.view(alert_id), world.clock()).text


async def test_a_premium_that_moved_is_asked_about_on_the_phone(world):
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb)
        world.paper.set_spot("NIFTY", 24100)
        world.prices._known.clear()
        await thumb.press(first, "Approve")
        assert "remium moved +" in thumb.toast()
        again = await drawn(thumb, alert_id)
        assert "since the alert: approve at ₹" in again["text"]
        assert labels(again)[0].startswith("✅ Approve at ₹")
        await thumb.press(again, "Approve")
        await world.reaches(alert_id, "filled")


async def test_half_and_approve_in_one_breath_never_send_the_whole(world):
    """The second finger comes down before the card was drawn anew."""
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb)
        thumb.phone.press(first["message_id"], label="Half")
        await thumb.press(first, "Approve")
        assert "has changed" in thumb.toast()
        await thumb.settled()
        assert sum(row.quantity for row in await world.intents(alert_id)) == 2 * LOT
        assert await world.status(alert_id) == "awaiting_approval"


async def test_pause_on_a_card_pauses_and_rejects(world):
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb)
        await thumb.press(first, "Pause strategy")
        assert "S is paused" in thumb.toast()
        assert await world.status(alert_id) == "rejected"


async def test_a_viewer_looks_and_decides_nothing(world):
    async with thumb_on(world) as thumb:
        said = thumb.phone.say("/positions", from_id=VIEWER)
        page = await thumb.after(said.message_id)
        assert page["chat_id"] == VIEWER
        await thumb.press(page, "Refresh", from_id=VIEWER)
        alert_id, first = await card(thumb)
        for label in ("Approve", "Reject", "Half", "Pause strategy"):
            await thumb.press(first, label, from_id=VIEWER)
            assert "look, not decide" in thumb.toast()
        for text in ("/pause", "/killswitch", "/resume", "/buy NIFTY ATM CE 1 lot", "/squareoff", "/login x"):
            said = thumb.phone.say(text, from_id=VIEWER)
            assert "look, not decide" in (await thumb.after(said.message_id))["text"]
        assert await world.status(alert_id) == "awaiting_approval"
        assert thumb.words == []
        set_flags = await world.database.read(flags.all_values)
        assert modes.paused(set_flags, "S") is None
        menu = {name["command"] for name in thumb.phone._phone.profile.commands_in_chat(VIEWER)}
        assert "positions" in menu
        assert menu.isdisjoint({"pause", "killswitch", "resume", "buy", "sell", "squareoff", "mode"})


async def test_a_stranger_presses_into_the_void(world):
    async with thumb_on(world) as thumb:
        alert_id, first = await card(thumb)
        thumb.phone.press(first["message_id"], label="Approve", from_id=STRANGER)
        thumb.phone.say("/status", from_id=STRANGER)
        await thumb.settled()
        assert await world.status(alert_id) == "awaiting_approval"
        assert thumb.phone.calls("answerCallbackQuery") == []
        assert [m for m in thumb.phone.messages(STRANGER) if m.from_bot] == []


async def test_resume_waits_for_the_word_and_takes_it_out_of_the_chat(world):
    async with thumb_on(world, factor=SecondFactor(word=WORD)) as thumb:
        await world.kill_switch.throw("Asha")
        asked = await thumb.ask("/resume")
        assert "second word" in asked["text"]
        for wrong in ("hello", "Tamarind"):
            assert "not the word" in (await thumb.ask(wrong))["text"]
        assert flags.KILL_SWITCH in await world.database.read(flags.all_values)
        said = thumb.phone.say(WORD)
        assert "Resumed" in (await thumb.after(said.message_id))["text"]
        assert flags.KILL_SWITCH not in await world.database.read(flags.all_values)
        assert all(WORD not in message.content.text for message in thumb.phone.messages())


async def test_only_large_orders_need_the_word(world):
    factor = SecondFactor(word=WORD, above=Decimal(30_000))
    async with thumb_on(world, factor=factor) as thumb:
        small_id, small = await card(thumb, buy("A"))
        await thumb.press(small, "Approve")
        await world.reaches(small_id, "filled")
        large_id, large = await card(thumb, buy("B", lots=4))
        await thumb.press(large, "Approve")
        assert "second word" in thumb.toast()
        await thumb.settled()
        assert await world.status(large_id) == "awaiting_approval"
        await thumb.ask(WORD)
        await world.reaches(large_id, "filled")
        assert await world.held("B") == 4 * LOT


async def test_nobody_turns_approval_off_around_the_word(world):
    factor = SecondFactor(word=WORD, above=Decimal(30_000))
    async with thumb_on(world, factor=factor) as thumb:
        assert "second word" in (await thumb.ask("/mode auto"))["text"]
        board = await thumb.ask("/mode")
        await thumb.press(board, "Auto: Everything")
        assert "second word" in thumb.toast()
        await thumb.settled()
        assert await world.write(modes.approval_mode_of_all) is None
        await thumb.ask(WORD)
        assert await world.write(modes.approval_mode_of_all) == "auto"
        assert "second word" in (await thumb.ask("/buy NIFTY ATM CE 1 lot"))["text"]
        assert thumb.words == []
        await thumb.ask(WORD)
        assert thumb.words == ["buy NIFTY ATM CE 1 lot"]


async def test_the_word_is_nobody_elses_comes_in_time_and_is_not_guessed():
    done, moment = [], [0.0]

    async def deed():
        done.append(1)
        return "done"

    factor = SecondFactor(word=WORD, clock=lambda: moment[0])
    assert await factor.hear(1, WORD) is None, "nothing was asked"
    factor.ask(1, deed)
    assert await factor.hear(2, WORD) is None, "another owner's question"
    moment[0] += 121
    assert "Too late" in await factor.hear(1, WORD)
    factor.ask(1, deed)
    answers = [await factor.hear(1, "wrong") for _ in range(3)]
    assert "third time" in answers[-1]
    assert await factor.hear(1, WORD) is None
    assert "Too many" in factor.ask(1, deed)
    assert done == []
    moment[0] += 301
    factor.ask(1, deed)
    assert await factor.hear(1, f" {WORD} ") == "done"
    assert await factor.hear(1, WORD) is None, "it is taken once"
    assert done == [1]
