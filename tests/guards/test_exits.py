"""Exits and guards on the same units: whatever comes first, nothing is sold twice."""

import asyncio
from decimal import Decimal

from gateway.domain.order import GuardState
from gateway.paper.faults import FaultKind
from storage import tables
from tests.guards.house import LIST_GTTS, LOT, House, percent
from tests.usecases.world import sell


async def test_an_exit_while_what_a_trigger_released_is_at_work_sells_nothing_more(house: House) -> None:
    await house.guarded()
    await house.gap()
    await house.settle(2)
    exit_ = await house.leave()
    assert await house.status(exit_) == "refused"
    assert len(house.attempts()) == 1
    await house.chase()
    await house.settle(2)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_a_trigger_nobody_has_heard_of_yet_is_found_before_the_exit_goes_out(house: House) -> None:
    """No stream, no look: the exit is planned on a holding that Kite has begun to sell."""
    await house.guarded()
    await house.gap()
    assert len(await house.rows(tables.orders)) == 1, "our book does not know yet"
    exit_ = await house.send(sell())
    await house.reaches(exit_, "refused", look=False)
    assert len(house.attempts()) == 1
    await house.chase()
    await house.settle(2)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_a_list_that_cannot_be_read_does_not_hold_up_an_exit(house: House) -> None:
    await house.guarded()
    house.fault(FaultKind.HTML, route=LIST_GTTS, times=None)
    exit_ = await house.leave()
    assert await house.status(exit_) == "filled"
    await house.settle(2)
    assert (await house.held(), house.net()) == (0, 0)


async def test_an_exit_at_work_makes_way_when_the_stop_goes_off(house: House) -> None:
    await house.guarded()
    house.fault(FaultKind.FILL, quantity=0)
    exit_ = await house.leave()
    assert await house.status(exit_) == "open"
    await house.hit_stop()
    await house.settle(4)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])
    assert await house.status(exit_) == "failed", "it was cancelled without a fill"


async def test_a_partial_exit_and_the_stop_at_once_sell_what_is_held(house: House) -> None:
    await house.guarded(lots=2)
    house.fault(FaultKind.FILL, quantity=0)
    await house.leave(lots=1)
    await house.hit_stop()
    await house.settle(4)
    await house.chase()
    await house.settle(2)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_an_exit_of_all_is_cut_to_what_the_stop_does_not_sell(house: House) -> None:
    """Two holdings of one strategy; the stop of one has gone off and is not filled."""
    await house.enter(stop_loss=percent("-40"))
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    stop = (await house.guard_rows())[-1].stop
    house.premium(stop * Decimal("0.9"))
    exit_ = await house.leave()
    assert [row.quantity for row in await house.intents(exit_)] == [LOT]
    await house.settle(2)
    await house.chase()
    await house.settle(3)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_more_sold_than_held_is_an_alarm(house: House) -> None:
    """The one race nobody can win: the exit is filled, and the trigger goes off before it is taken away."""
    await house.guarded()
    await house.leave()
    assert await house.held() == 0
    await house.hit_stop()
    await house.recheck(2)
    assert house.net() == -LOT
    assert await house.was_told("65 units too many were sold", "may be short")
    assert sum(row.quantity for row in await house.rows(tables.holdings)) == 0


async def test_a_child_of_a_trigger_that_came_too_late_is_cancelled(house: House) -> None:
    await house.guarded()
    await house.leave()
    await house.gap()
    await house.recheck(3)
    assert (house.net(), house.shorts()) == (0, [])
    assert [order["status"] for order in house.paper.book()["orders"]][-1] == "CANCELLED"


async def test_the_kill_switch_takes_the_guards_away_and_resuming_brings_them_back(house: House) -> None:
    await house.guarded()
    await house.kill_switch.throw("Asha")
    await house.settle(2)
    assert house.gtts("active") == []
    assert await house.held() == LOT
    assert await house.was_told("Guard taken away", "kill switch")
    await house.kill_switch.lift("Asha")
    await house.recheck(3)
    assert len(house.gtts("active")) == 1


async def test_after_the_kill_switch_no_watched_level_sells(house: House) -> None:
    house.fault(FaultKind.REFUSE, route="POST /gtt/triggers", message="Not now.", times=None)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    await house.kill_switch.throw("Asha")
    house.premium((await house.guard_rows())[0].stop * Decimal("0.9"))
    await house.recheck(3)
    assert await house.held() == LOT
    assert len(house.attempts()) == 1


async def test_ten_looks_and_an_exit_at_once_leave_one_exit(house: House) -> None:
    await house.guarded()
    await house.hit_stop()
    await asyncio.gather(
        *(house.guards.look() for _ in range(5)),
        *(house.reconciler.read() for _ in range(5)),
        house.send(sell()),
    )
    await house.settle(4)
    sells = [order for order in house.paper.book()["orders"] if order["transaction_type"] == "SELL"]
    assert sum(order["filled_quantity"] for order in sells) == LOT
    assert len(await house.guard_rows(GuardState.DONE)) == 1
