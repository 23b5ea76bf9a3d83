"""Whose word counts: edited messages, forwards, copies of buttons and words of long ago do nothing."""

from bot.phone import wire
from bot.phone.message import Content
from storage import flags, modes
from tests.bot.commands.thumb import STRANGER
from tests.usecases.world import OWNER

COMMAND = {"type": "bot_command", "offset": 0}


async def paused(world):
    return await world.database.read(lambda c: modes.paused(flags.all_values(c), "RSI"))


async def test_an_edited_command_is_not_done_again(thumb, world):
    said = thumb.phone.say("/version")
    await thumb.after(said.message_id)
    thumb.phone.correct(said.message_id, "/pause")
    await thumb.settled()
    assert await paused(world) is None


async def test_a_stranger_gets_no_answer_no_menu_and_no_effect(thumb, world):
    thumb.phone.say("/pause", from_id=STRANGER)
    page = await thumb.ask("/version")
    thumb.phone.press(page["message_id"], label="Refresh", from_id=STRANGER)
    await thumb.settled()
    assert await paused(world) is None
    assert [m for m in thumb.phone.messages(STRANGER) if m.from_bot] == []
    assert thumb.phone.calls("answerCallbackQuery") == []
    assert "pause" in {command["command"] for command in thumb.phone.commands()}
    assert thumb.phone._phone.profile.commands_in_chat(STRANGER) == ()


async def test_a_forwarded_command_does_nothing(thumb, world):
    said = thumb.phone.say("/pause", forwarded=True)
    await thumb.settled()
    assert await paused(world) is None
    answers = [
        m.content.text for m in thumb.phone.messages() if m.from_bot and m.message_id > said.message_id
    ]
    assert answers == []


async def test_a_button_on_a_copy_of_a_message_does_nothing(thumb, world):
    phone = thumb.phone._phone
    page = await thumb.ask("/pause")
    await thumb.press(page, "Unpause: Everything")
    original = phone.history.find(page["message_id"])
    press = phone.presses.add(
        message_id=page["message_id"], chat_id=OWNER, user_id=OWNER, data="w:p:*", label="Pause"
    )
    genuine = wire.callback_query(phone, press, original)
    forwarded = {
        **genuine["message"],
        "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "x"},
    }
    of_another = {**genuine["message"], "from": wire.user(phone, STRANGER)}
    for message in (forwarded, of_another):
        phone.updates.add("callback_query", {**genuine, "message": message})
    await thumb.settled()
    assert await paused(world) is None
    phone.updates.add("callback_query", genuine)
    await thumb.settled()
    assert await paused(world) == "everything"


async def test_what_was_written_long_ago_is_not_done_but_a_pause_is(thumb, world):
    for text in ("/pause", "/buy NIFTY ATM CE 1 lot", "/mode auto", "/resume", "/unpause"):
        said = thumb.phone._phone.history.add(
            chat_id=OWNER,
            sender_id=OWNER,
            from_bot=False,
            content=Content(text=text, html=text, entities=(COMMAND | {"length": len(text.split()[0])},)),
        )
        payload = wire.message(thumb.phone._phone, said)
        world.clock.forward(hours=3)
        thumb.phone._phone.updates.add("message", payload)
        answer = (await thumb.after(said.message_id))["text"]
        assert ("is not done" in answer) == (text != "/pause"), answer
    assert thumb.words == []
    assert await paused(world) == "everything"


async def test_an_owner_whose_chat_is_new_gets_the_menu_at_start(thumb, world):
    profile = thumb.phone._phone.profile
    profile.delete_commands({"type": "chat", "chat_id": OWNER}, "")
    assert thumb.phone.commands() == ()
    said = thumb.phone.say("/start")
    await thumb.after(said.message_id)
    await world.until(_truth(lambda: bool(thumb.phone.commands())))


def _truth(condition):
    async def there():
        return condition()

    return there
