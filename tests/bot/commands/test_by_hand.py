"""/buy, /sell and /squareoff in words, and the kill switch's buttons: what the thumb gets to see and does."""

import pytest

from gateway.ingress.by_hand import arrival_of_words
from storage import flags, tables
from tests.bot.commands.thumb import labels, thumb_on
from tests.usecases.world import LOT, buy, strike


@pytest.fixture
async def hand(world):
    """The words walk the gateway's own way."""

    async def submit(said, by):
        made = arrival_of_words(said, world.settings, world.clock(), f"telegram: {by}")
        await world.accept(made)
        return made.alert_id

    async def close(meant, by):
        await world.closing.begin("by_hand", by, chosen=meant)

    async with thumb_on(world, submit_words=submit, close=close) as made:
        yield made


async def closings(world):
    return await world.rows(tables.closings)


async def test_buy_in_words_is_an_alert_like_any_other(hand, world):
    answer = await hand.ask("/buy NIFTY 24000 CE 2 lots sl -20%")
    assert "Taken as alert" in answer["text"]
    (row,) = await world.rows(tables.alerts)
    assert (await world.reaches(row.id, "filled")).intents[0].quantity == 2 * LOT
    assert row.source.startswith("telegram: ")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("/buy", ["Say what", "/buy NIFTY ATM CE 1 lot"]),
        ("/buy NIFTY 24000 XX 1 lot", ["XX", "Nothing is ordered", "/buy NIFTY ATM CE 1 lot"]),
        ("/buy NIFTY CE 1 lot", ["strike", "Nothing is ordered", "/buy NIFTY ATM CE 1 lot"]),
        ("/buy NIFTY ATM CE two lots", ["Nothing is ordered", "/buy NIFTY ATM CE 1 lot"]),
        ("/sell", ["Say what", "/sell NIFTY CE"]),
        ("/sell GOLD CE", ["Nothing is ordered", "/sell NIFTY CE"]),
    ],
)
async def test_a_mistake_is_answered_with_what_would_be_right(hand, world, said, words):
    answer = await hand.ask(said)
    assert [word for word in words if word not in answer["text"]] == []
    assert await world.rows(tables.alerts) == []


async def test_a_sale_where_the_strategy_holds_nothing_says_who_does(hand, world):
    await world.filled(buy("RSI Divergence"))
    answer = await hand.ask("/sell NIFTY CE")
    assert "default holds nothing" in answer["text"]
    assert "65 NRML · RSI Divergence" in answer["text"]
    sold = await hand.ask('/sell NIFTY CE strategy="RSI Divergence"')
    assert "holds nothing" not in sold["text"]
    newest = (await world.rows(tables.alerts))[-1].id
    await world.reaches(newest, "filled")
    assert set(world.positions().values()) == {0}


async def test_squareoff_of_what_is_not_held_names_what_is(hand, world):
    view = await world.filled(buy("A"))
    answer = await hand.ask("/squareoff B")
    assert "Nothing is held of B" in answer["text"]
    assert f"{view.intents[0].tradingsymbol} 65 NRML · A" in answer["text"]
    assert await closings(world) == []


async def test_squareoff_closes_after_confirm_and_not_after_cancel(hand, world):
    await world.filled(buy("A"))
    await world.filled(buy("A"))
    await world.filled(buy("B", strike=strike(24300)))
    card = await hand.ask("/squareoff a")
    assert "130 NRML · A" in card["text"]
    assert "· B" not in card["text"]
    await hand.press(card, "Cancel")
    assert await closings(world) == []
    card = await hand.ask("/squareoff A")
    await hand.press(card, "Confirm: close")
    (row,) = await closings(world)
    assert (row.kind, row.chosen) == ("by_hand", "[1, 2]")


@pytest.mark.parametrize(
    ("label", "begun"),
    [
        ("🛑 Stop", None),
        ("🛑 Stop and flatten", False),
        ("☢️ Whole account: close everything in it", True),
        ("Cancel", None),
    ],
)
async def test_the_kill_switch_does_what_its_buttons_say(hand, world, label, begun):
    card = await hand.ask("/killswitch")
    assert labels(card)[:2] == ["🛑 Stop", "🛑 Stop and flatten"]
    assert labels(card)[-1] == "Cancel"
    await hand.press(card, label)
    stopped = await world.database.read(lambda c: flags.value(c, flags.KILL_SWITCH))
    assert stopped == (None if label == "Cancel" else "on")
    assert [row.whole_account for row in await closings(world)] == ([] if begun is None else [begun])
