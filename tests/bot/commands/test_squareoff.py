"""/squareoff without a word offers each holding; choosing closes nothing, Confirm only the chosen one."""

from storage import holdings
from tests.bot.commands.thumb import labels, thumb_on
from tests.usecases.world import buy, sell, strike


async def held(world):
    return await world.database.read(holdings.open_)


async def test_one_of_several_is_chosen_and_confirmed(world):
    closed = []

    async def close(meant, by):
        closed.append(meant)

    await world.filled(buy("A"))
    await world.filled(buy("B"))
    await world.filled(buy("B", strike=strike(24200)))
    async with thumb_on(world, close=close) as thumb:
        page = await thumb.ask("/squareoff")
        only = [label for label in labels(page) if label.startswith("Only ")]
        assert len(only) == 3
        assert only[0] == "Only NIFTY26D0124000CE · A"
        asked = await thumb.press(page, "Only NIFTY26D0124200CE")
        assert closed == []
        assert asked["text"].count("•") == 1
        assert labels(asked) == ["Confirm: close", "Cancel"]
        await thumb.press(asked, "Confirm")
    (meant,) = closed
    assert meant == {row.seq for row in await held(world) if "24200" in row.tradingsymbol}


async def test_with_one_holding_or_a_word_there_is_nothing_to_choose(thumb, world):
    await world.filled(buy("A"))
    assert labels(await thumb.ask("/squareoff")) == ["Confirm: close", "Cancel"]
    await world.filled(buy("B"))
    assert labels(await thumb.ask("/squareoff A")) == ["Confirm: close", "Cancel"]


async def test_what_is_not_held_any_more_cannot_be_chosen(thumb, world):
    await world.filled(buy("A"))
    await world.filled(buy("B"))
    page = await thumb.ask("/squareoff")
    await world.filled(sell("A"))
    asked = await thumb.press(page, "· A")
    assert "not held any more" in asked["text"]
    assert labels(asked) == []
