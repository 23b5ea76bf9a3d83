"""The owner's hand in the Kite app, and positions that say less than we think."""

import pytest

from gateway.domain.order import GuardState
from gateway.paper.faults import FaultKind
from tests.guards.house import LOT, House, percent

POSITIONS = "GET /portfolio/positions"


async def test_closed_by_hand_the_guard_goes_after_a_second_look_and_that_is_told(house: House) -> None:
    await house.guarded()
    await house.by_hand(LOT)
    await house.recheck(1)
    assert len(house.gtts("active")) == 1, "positions may lag behind a fill: one look proves nothing"
    house.clock.forward(seconds=6)
    await house.recheck(2)
    assert house.gtts("active") == []
    assert len([text for text in await house.told() if "Kite has 0 of 65" in text]) == 1
    house.clock.forward(minutes=5)
    await house.recheck(3)
    assert house.gtts("active") == []
    assert house.net() == 0


async def test_half_closed_by_hand_the_guard_is_cut(house: House) -> None:
    await house.guarded(lots=2)
    await house.by_hand(LOT)
    await house.recheck(1)
    house.clock.forward(seconds=6)
    await house.recheck(2)
    assert [gtt["orders"][0]["quantity"] for gtt in house.gtts("active")] == [LOT]
    await house.hit_stop()
    await house.settle(2)
    assert house.net() == 0


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.EMPTY, FaultKind.DROP])
async def test_positions_that_cannot_be_read_are_not_flat(house: House, kind: FaultKind) -> None:
    await house.guarded()
    house.fault(kind, route=POSITIONS, times=None)
    for _ in range(4):
        house.clock.forward(seconds=20)
        await house.recheck(1)
    assert len(house.gtts("active")) == 1
    assert (await house.guard()).state == GuardState.ACTIVE


async def test_bought_back_by_hand_it_is_guarded_again(house: House) -> None:
    await house.guarded()
    await house.by_hand(LOT)
    await house.recheck(1)
    house.clock.forward(seconds=6)
    await house.recheck(2)
    assert house.gtts("active") == []
    await house.enter("other")
    house.clock.forward(seconds=20)
    await house.recheck(3)
    assert len(house.gtts("active")) == 0, "the other strategy's units are not ours"
    assert percent("-20") is not None
