"""/pause, /unpause, /mode: at once, by buttons, and over a restart."""

from storage import flags, modes
from tests.bot.commands.thumb import labels, thumb_on
from tests.usecases.world import buy, sell


async def paused(world, strategy):
    return await world.database.read(lambda c: modes.paused(flags.all_values(c), strategy))


async def test_pause_without_a_word_pauses_everything_and_offers_each_strategy(thumb, world):
    await world.filled(buy("RSI"))
    page = await thumb.ask("/pause")
    assert "Everything opens nothing new" in page["text"]
    assert labels(page) == ["▶️ Unpause: Everything", "⏸ Pause: RSI"]
    await world.reaches(await world.send(buy("RSI")), "refused")
    await world.filled(sell("RSI"))

    page = await thumb.press(page, "Pause: RSI")
    page = await thumb.press(page, "Unpause: Everything")
    assert "▶️ Everything trades again." in page["text"]
    assert (await paused(world, "RSI"), await paused(world, "Other")) == ("RSI", None)


async def test_a_strategy_is_found_in_any_case_and_an_unknown_one_is_said(thumb, world):
    await world.filled(buy("RSI Divergence"))
    await thumb.ask("/pause rsi divergence")
    assert await paused(world, "RSI Divergence") == "RSI Divergence"
    answer = await thumb.ask("/pause RSI Divergance")
    assert "No strategy of this name" in answer["text"]
    assert "Did you mean RSI Divergence?" in answer["text"]
    assert await paused(world, "RSI Divergance") == "RSI Divergance"
    assert "▶️ Unpause: RSI Divergance" in labels(answer)


async def test_mode_without_a_word_shows_the_modes_and_a_press_turns_them(thumb, world):
    await world.filled(buy("RSI"))
    page = await thumb.ask("/mode")
    assert "RSI: auto" in page["text"]
    page = await thumb.press(page, "Ask first: RSI")
    assert "RSI: asks first" in page["text"]
    await world.reaches(await world.send(buy("RSI")), "awaiting_approval")
    assert "⚡ Auto: RSI" in labels(page)
    assert labels(await thumb.ask("/mode rsi")) == ["⚡ Auto: RSI"]


async def test_pause_and_mode_are_kept_over_a_restart_and_old_boards_still_work(thumb, world):
    await world.filled(buy("RSI"))
    await thumb.ask("/pause RSI")
    await thumb.ask("/mode RSI confirm")
    await world.restart()
    assert await paused(world, "RSI") == "RSI"
    await world.reaches(await world.send(buy("RSI")), "refused")
    world.clock.forward(minutes=1)  # another phone: its updates have later numbers
    async with thumb_on(world) as again:
        page = await again.ask("/mode")
        assert "RSI: asks first" in page["text"]
        board = await again.ask("/unpause RSI")
        assert "RSI trades again" in board["text"]
    await world.execute()
    await world.reaches(await world.send(buy("RSI")), "awaiting_approval")


async def test_a_button_of_a_strategy_nobody_knows_changes_nothing(thumb, world):
    page = await thumb.ask("/mode")
    press = thumb.phone._phone.presses
    made = press.add(
        message_id=page["message_id"],
        chat_id=page["chat_id"],
        user_id=page["chat_id"],
        data="w:p:0",
        label="x",
    )
    assert made.answered is None
    await thumb.press(page, "Ask first: Everything")
    assert await paused(world, "RSI") is None
