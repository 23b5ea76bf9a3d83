"""NRML: a stop and a target as one GTT, from the fill to the end of the holding."""

from gateway.domain.order import GuardState
from tests.guards.house import LOT, House, percent, price


async def test_a_fill_with_stop_and_target_gets_one_gtt_with_two_legs(house: House) -> None:
    entry = await house.guarded()
    (gtt,) = house.gtts("active")
    assert gtt["type"] == "two-leg"
    assert [order["quantity"] for order in gtt["orders"]] == [LOT, LOT]
    row = await house.guard()
    assert (row.state, row.trigger_id) == (GuardState.ACTIVE, gtt["id"])
    assert await house.was_told("Guard at Kite", str(gtt["id"]))
    assert entry.stop_loss == "-20%"


async def test_a_stop_that_goes_off_sells_the_holding_once_and_is_told_step_by_step(house: House) -> None:
    await house.guarded()
    await house.hit_stop()
    await house.settle()
    assert await house.held() == 0
    assert house.net() == 0
    assert (await house.guard()).state == GuardState.DONE
    assert await house.was_told("Stop triggered", "Not sold yet")
    assert await house.was_told("Filled", "SELL 65", "Trigger to fill")
