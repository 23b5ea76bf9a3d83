"""While the owner is asked about an exit, what guards the holding stays, and may go off."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.order import GuardState
from storage import tables
from tests.guards.house import LOT, House, percent
from tests.usecases.world import buy, sell

FLIP = {"option_type": OptionType.PE, "market_position": "short", "prev_market_position": "long"}


async def asked(house: House, what: str = "stale exit") -> str:
    """The alert that asks whether the call is closed."""
    old = house.clock() - timedelta(minutes=2)
    signals = {"stale exit": sell(time=old), "stale flip": buy(**FLIP, time=old)}
    alert_id = await house.send(signals[what])
    await house.reaches(alert_id, "awaiting_approval", "stale")
    return str((await house.rows(tables.alerts))[-1].id)


async def is_withdrawn(house: House, question: str) -> bool:
    decision: Any = await house.press(question)
    return not decision.changed and "its stop or target was reached" in decision.sentence


@pytest.mark.parametrize("what", ["stale exit", "stale flip"])
async def test_the_stop_stays_at_rest_until_the_exit_is_approved(mis: House, what: str) -> None:
    await mis.guarded()
    question = await asked(mis, what)
    await mis.settle()
    assert len(mis.stops()) == 1
    assert {row.state for row in await mis.guard_rows()} == {GuardState.ACTIVE}
    assert (await mis.press(question)).changed
    await mis.settle()
    assert mis.stops() == []
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])
    sales = [trade for trade in mis.paper.book()["trades"] if trade["transaction_type"] == "SELL"]
    assert len(sales) == 1


async def test_a_stop_that_goes_off_ends_the_question(mis: House) -> None:
    await mis.guarded()
    question = await asked(mis)
    await mis.gap_stop()
    await mis.settle(2)
    assert await mis.held() == LOT, "released, and not filled yet"
    assert await is_withdrawn(mis, question)
    await mis.chase()
    await mis.settle(2)
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])


async def test_a_target_that_is_reached_ends_the_question(mis: House) -> None:
    await mis.guarded()
    question = await asked(mis)
    await mis.hit_target()
    await mis.settle()
    assert await is_withdrawn(mis, question)
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])


async def test_a_gtt_that_goes_off_ends_the_question(house: House) -> None:
    await house.guarded()
    question = await asked(house)
    await house.gap()
    await house.settle(2)
    assert await is_withdrawn(house, question)
    await house.chase()
    await house.settle(2)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_a_stop_that_is_placed_ends_no_question(mis: House) -> None:
    """At rest it sells nothing."""
    await mis.enter(stop_loss=percent("-20"))
    question = await asked(mis)
    await mis.settle(2)
    assert len(mis.stops()) == 1
    assert (await mis.press(question)).changed
