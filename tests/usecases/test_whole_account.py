"""The whole account on the owner's word: what other hands bought, wrote and ordered goes, too."""

from storage import tables
from storage.closings import State
from tests.usecases.test_closing import bought, by_hand, card, card_says, ended, quick, running  # noqa: F401
from tests.usecases.world import LOT, buy, strike


async def another(world):
    """A listed option that Manjha does not hold."""
    chain = world.instruments.chain("NIFTY")
    expiry = chain.expiries[0]
    return chain.contracts[expiry, buy().option_type][strike(24400).value].tradingsymbol


async def test_what_other_hands_bought_and_wrote_is_closed_with_ours(world):
    await running(world)
    symbol = await bought(world)
    foreign = await another(world)
    await by_hand(world, "BUY", 2 * LOT, symbol)
    await by_hand(world, "SELL", 3 * LOT, foreign)
    await world.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await ended(world, State.FLAT)
    assert {symbol: units for symbol, units in world.positions().items() if units} == {}
    text = await card(world)
    assert "of the whole account" in text
    assert "not Manjha's" in text
    assert f"{foreign} NRML · not Manjha's · PAPER: closed {3 * LOT}" in text


async def test_it_is_not_booked_as_ours(world):
    """Neither as a holding, nor as a loss, nor as an alarm about units sold too many."""
    await running(world)
    foreign = await another(world)
    await by_hand(world, "SELL", LOT, foreign)
    await world.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await ended(world, State.FLAT)
    assert await world.rows(tables.holdings) == []
    assert [row.realised_paise for row in await world.rows(tables.fills)] == [0]
    assert not await world.was_told("too many were sold")


async def test_without_that_word_it_is_left_alone(world):
    await running(world)
    await bought(world)
    foreign = await another(world)
    await by_hand(world, "BUY", LOT, foreign)
    await world.kill_switch.throw("Asha", flatten=True)
    await ended(world, State.FLAT)
    assert {symbol: units for symbol, units in world.positions().items() if units} == {foreign: LOT}


async def test_orders_of_other_hands_are_cancelled(world):
    from gateway.paper.faults import FaultKind  # noqa: PLC0415

    await running(world)
    world.fault(FaultKind.FILL, quantity=0)
    await by_hand(world, "BUY", LOT, await another(world))
    await world.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await ended(world, State.FLAT)
    assert [order["status"] for order in world.paper.book()["orders"]] == ["CANCELLED"]


async def test_books_that_cannot_be_read_leave_the_account_unknown(world):
    from gateway.paper.faults import FaultKind  # noqa: PLC0415

    await running(world)
    world.fault(FaultKind.REFUSE, route="GET /portfolio/positions", times=None, code=503, message="no")
    await world.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await card_says(world, "what else the account holds is unknown")
    assert (await world.rows(tables.closings))[-1].state == State.OPEN
    world.paper.faults.clear()
    await ended(world, State.FLAT)


async def test_a_position_that_is_no_option_of_ours_is_named_for_the_owner(world, monkeypatch):
    await running(world)
    foreign = await another(world)
    monkeypatch.setattr(type(world.instruments), "named", lambda *_: None)
    await by_hand(world, "BUY", LOT, foreign)
    await world.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await ended(world, State.DIFFERS)
    assert await world.was_told("the account is not flat", foreign, "close it in the Kite app")
