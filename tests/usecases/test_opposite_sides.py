"""Two strategies on opposite sides of one contract: Kite nets them, and each closes its own and no more."""

import asyncio

import pytest

from gateway import positions
from gateway.domain.contract import OptionType
from gateway.domain.signal import Action
from gateway.paper.faults import FaultKind
from tests.usecases.by_hand import trade_by_hand
from tests.usecases.world import LOT, buy, sell, strike

PLACE = "POST /orders/*"
PUT = {"option_type": OptionType.PE, "strike": strike(24_300)}
OPPOSITE = {"strategies": {"Writer": {"allow_short": True}}}


async def opposite_sides(world, lots=1):
    """LongA has bought and Writer has sold the same put; the exit of each, by its strategy, and the put."""
    await world.execute()
    bought = await world.filled(buy("LongA", lots=lots, **PUT))
    await world.filled(buy("Writer", action=Action.SELL, lots=lots, **PUT))
    exits = {"LongA": sell("LongA", option_type=OptionType.PE), "Writer": buy("Writer", **PUT)}
    return exits, bought.intents[0]


@pytest.mark.parametrize("order", [["LongA", "Writer"], ["Writer", "LongA"]])
async def test_two_strategies_on_opposite_sides_of_one_contract_both_get_out(make_world, order):
    """Kite nets them: its positions show nothing."""
    world = await make_world(**OPPOSITE)
    exits, _ = await opposite_sides(world)
    for name in order:
        await world.filled(exits[name])
        assert await world.held(name) == 0
    assert set(world.positions().values()) == {0}
    assert not await world.was_told("closed elsewhere")


async def test_two_strategies_on_opposite_sides_get_out_in_one_moment(make_world):
    world = await make_world(**OPPOSITE)
    exits, _ = await opposite_sides(world)
    ids = await asyncio.gather(*(world.send(signal) for signal in exits.values()))
    for alert_id in ids:
        await world.reaches(alert_id, "filled")
    assert set(world.positions().values()) == {0}


@pytest.mark.parametrize(
    ("side", "loser", "other"), [("SELL", "LongA", "Writer"), ("BUY", "Writer", "LongA")]
)
async def test_what_one_of_two_opposite_strategies_lost_by_hand_is_not_closed_again(
    make_world, side, loser, other
):
    world = await make_world(**OPPOSITE)
    exits, row = await opposite_sides(world)
    await trade_by_hand(world, row, LOT, side=side)
    refused = await world.send(exits[loser])
    await world.reaches(refused, "refused")
    net = -LOT if side == "SELL" else LOT
    assert await world.was_told("closed elsewhere", f"show {net} units", "should hold 0", refused)
    await world.filled(exits[other])
    assert set(world.positions().values()) == {0}


async def test_what_other_strategies_short_does_not_hide_that_one_of_two_longs_was_closed_by_hand(make_world):
    world = await make_world(**OPPOSITE)
    exits, row = await opposite_sides(world)
    await world.filled(buy("LongB", **PUT))
    await trade_by_hand(world, row, LOT)
    await world.filled(exits["LongA"])
    refused = await world.send(sell("LongB", option_type=OptionType.PE))
    await world.reaches(refused, "refused")
    assert world.positions() == {row.tradingsymbol: -LOT}, "Writer's short, and nothing beyond"
    await world.filled(exits["Writer"])
    assert set(world.positions().values()) == {0}


async def test_what_is_just_being_bought_back_explains_no_position(make_world):
    """Its fill may be in Kite's net and not in our book: with a sale by hand the two look like neither."""
    world = await make_world(**OPPOSITE)
    exits, row = await opposite_sides(world)
    await trade_by_hand(world, row, LOT)
    world.fault(FaultKind.DROP, route=PLACE, accepted=True)
    world.fault(FaultKind.BOOK_LATE, seconds=1000)
    buying = await world.send(exits["Writer"])
    await world.reaches(buying, "unknown", look=False)
    refused = await world.send(exits["LongA"])
    await world.reaches(refused, "refused", look=False)
    assert await world.was_told("is under way", refused)
    assert not await world.was_told("closed elsewhere")
    assert set(world.positions().values()) == {0}


async def test_exits_of_one_moment_share_a_reading_of_the_positions(world, monkeypatch):
    await world.execute()
    await world.filled(buy())
    account = positions.AccountPositions({"paper": world.access}, world.database)
    ask, look = world.book.positions, account._together
    asked, looks, all_wait = [], [], asyncio.Event()

    async def asks():
        asked.append(True)
        await all_wait.wait()
        return await ask()

    async def looks_at_our_book(venue):
        found = await look(venue)
        looks.append(venue)
        if len(looks) == 10:
            all_wait.set()
        return found

    monkeypatch.setattr(world.book, "positions", asks)
    monkeypatch.setattr(account, "_together", looks_at_our_book)
    strategy = world.settings.strategy("S")
    found = await asyncio.gather(*(account.credible(sell(), strategy, lambda _: 1800) for _ in range(10)))
    assert len(asked) == 1
    assert all(each == found[0] for each in found)
