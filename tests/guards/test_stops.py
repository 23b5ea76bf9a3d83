"""MIS, where no GTT can be: a stop order at rest, and a target that the gateway watches."""

from decimal import Decimal

import pytest

from gateway.domain.guarding import GuardKind
from gateway.domain.order import GuardState, IntentState
from gateway.paper.faults import FaultKind
from storage import tables
from tests.guards.house import LOT, House, percent
from tests.usecases.world import sell

PLACE = "POST /orders/*"


async def kinds(house: House) -> dict[str, str]:
    return {row.kind: row.state for row in await house.guard_rows()}


async def test_a_fill_gets_a_stop_order_at_rest_and_its_target_is_watched(mis: House) -> None:
    await mis.guarded()
    (stop,) = mis.stops()
    assert (stop["order_type"], stop["quantity"], stop["product"]) == ("SL", LOT, "MIS")
    assert stop["price"] < stop["trigger_price"]
    assert mis.gtts() == []
    assert await kinds(mis) == {GuardKind.STOP: GuardState.ACTIVE, GuardKind.WATCH: GuardState.ACTIVE}
    (intent,) = [row for row in await mis.rows(tables.intents) if row.guard_id]
    assert stop["tag"] == intent.tag, "promise 2: it has a tag of its own"


async def test_the_stop_goes_off_and_sells_once(mis: House) -> None:
    await mis.guarded()
    stop = next(row for row in await mis.guard_rows() if row.kind == GuardKind.STOP)
    mis.premium(stop.stop - Decimal("0.20"))
    await mis.settle()
    assert (await mis.held(), mis.net()) == (0, 0)
    assert {row.state for row in await mis.guard_rows()} <= {GuardState.DONE, GuardState.REMOVED}


async def test_a_stop_at_rest_is_not_chased_and_one_that_was_released_is(mis: House) -> None:
    await mis.guarded()
    mis.clock.forward(minutes=5)
    await mis.chase()
    assert len(mis.stops()) == 1
    assert len(mis.attempts()) == 2
    await mis.gap_stop()
    await mis.settle(2)
    assert await mis.held() == LOT
    assert await mis.was_told("Stop triggered", "Not sold yet")
    await mis.chase()
    await mis.settle(2)
    assert (await mis.held(), mis.net()) == (0, 0)


async def test_the_target_is_sold_at_after_the_stop_is_seen_cancelled(mis: House) -> None:
    await mis.guarded()
    watch = next(row for row in await mis.guard_rows() if row.kind == GuardKind.WATCH)
    mis.premium(watch.target + Decimal("0.20"))
    await mis.settle()
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])
    assert mis.stops() == []
    statuses = [order["status"] for order in mis.paper.book()["orders"]]
    assert statuses == ["COMPLETE", "CANCELLED", "COMPLETE"]
    assert await mis.was_told("Target reached")
    assert not await mis.was_told("Cancelled"), "a stop that made way is no news"


async def test_an_exit_goes_out_after_its_stop_is_seen_cancelled(mis: House) -> None:
    await mis.guarded()
    mis.fault(FaultKind.SLOW_CANCEL, seconds=0.3)
    exit_ = await mis.leave()
    assert await mis.status(exit_) == "filled"
    await mis.settle(2)
    assert (await mis.held(), mis.net(), mis.shorts(), mis.stops()) == (0, 0, [], [])
    assert await mis.guard_rows(GuardState.ACTIVE, GuardState.WANTED) == []


async def test_a_partial_exit_leaves_a_stop_for_the_rest(mis: House) -> None:
    await mis.guarded(lots=3)
    await mis.leave(lots=1)
    await mis.settle(4)
    assert sum(stop["quantity"] for stop in mis.stops()) == 2 * LOT
    watch = next(row for row in await mis.guard_rows(GuardState.ACTIVE) if row.kind == GuardKind.WATCH)
    assert watch.quantity == 2 * LOT
    mis.premium((await mis.guard_rows())[0].stop - Decimal("0.20"))
    await mis.settle()
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])


async def test_an_exit_whose_stop_went_off_meanwhile_sells_nothing_more(mis: House) -> None:
    await mis.guarded()
    await mis.gap_stop()
    exit_ = await mis.leave()
    await mis.settle(2)
    await mis.chase()
    await mis.settle(2)
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])
    assert await mis.status(exit_) in {"refused", "filled", "failed"}


async def test_a_stop_that_is_refused_is_watched_and_tried_again(mis: House) -> None:
    alert = await mis.enter(stop_loss=percent("-20"))
    assert alert is not None
    mis.fault(FaultKind.REFUSE, route=PLACE, message="RMS:Blocked for SL")
    await mis.settle(2)
    assert mis.stops() == []
    assert await mis.was_told("Refused by Kite", "RMS:Blocked for SL")
    mis.clock.forward(seconds=16)
    await mis.recheck(3)
    assert len(mis.stops()) == 1


async def test_a_refused_stop_that_is_reached_meanwhile_is_sold_by_an_exit(mis: House) -> None:
    await mis.enter(stop_loss=percent("-20"))
    mis.fault(FaultKind.REFUSE, route=PLACE, message="RMS:Blocked for SL")
    await mis.settle(2)
    await mis.hit_stop()
    await mis.settle(3)
    assert (await mis.held(), mis.net()) == (0, 0)


async def test_a_stop_whose_answer_is_lost_is_found_by_its_tag(mis: House) -> None:
    await mis.enter(stop_loss=percent("-20"))
    mis.fault(FaultKind.DROP, route=PLACE, accepted=True)
    await mis.settle(4)
    assert len(mis.stops()) == 1
    assert (await mis.guard()).state == GuardState.ACTIVE
    assert len(mis.attempts()) == 2


async def test_while_a_stop_is_unknown_an_exit_waits_for_it(mis: House) -> None:
    """It may exist: an unknown sell counts as sold."""
    await mis.enter(stop_loss=percent("-20"))
    mis.fault(FaultKind.DROP, route=PLACE, accepted=True)
    mis.fault(FaultKind.BOOK_LATE, seconds=0.5)
    await mis.guards.look()
    await mis.settle(1)
    exit_ = await mis.leave()
    assert await mis.status(exit_) == "filled"
    await mis.settle(2)
    assert (await mis.held(), mis.net(), mis.shorts(), mis.stops()) == (0, 0, [], [])


async def test_a_stop_that_will_not_be_cancelled_holds_the_exit_and_that_is_told(
    mis: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.guards.way.PATIENCE_SECONDS", 0.2)
    await mis.guarded()
    words = "Order cannot be cancelled as it is being processed. Try later."
    mis.fault(FaultKind.REFUSE, route="DELETE /orders/*", message=words, times=2)
    exit_ = await mis.send(sell())

    async def told() -> bool:
        return await mis.was_told("An exit waits for its stop", "being processed")

    await mis.until(told)
    mis.clock.forward(seconds=6)
    mis.paper.faults.clear()
    await mis.reaches(exit_, "filled")
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])


async def test_the_kill_switch_cancels_stops_and_resuming_brings_them_back(mis: House) -> None:
    await mis.guarded()
    await mis.kill_switch.throw("Asha")
    await mis.kill_switch.cancel_working()
    await mis.settle(3)
    assert mis.stops() == []
    assert await mis.held() == LOT
    await mis.kill_switch.lift("Asha")
    mis.clock.forward(seconds=20)
    await mis.recheck(4)
    assert len(mis.stops()) == 1


async def test_a_restart_finds_the_stop_at_rest(mis: House) -> None:
    await mis.guarded()
    await mis.restart()
    await mis.live()
    await mis.settle(3)
    assert len(mis.stops()) == 1
    assert len(mis.attempts()) == 2
    await mis.gap_stop()
    await mis.settle(2)
    await mis.chase()
    await mis.settle(2)
    assert (await mis.held(), mis.net(), mis.shorts()) == (0, 0, [])


async def test_a_restart_between_the_decision_and_the_call_sends_the_stop_once(
    mis: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mis.enter(stop_loss=percent("-20"))
    monkeypatch.setattr(mis.executor, "is_open", lambda venue: True)
    mis.executor.shut("paper")
    await mis.guards.look()
    assert [row.state for row in await mis.rows(tables.intents)][-1] == IntentState.APPROVED
    await mis.restart()
    await mis.live()
    await mis.settle(3)
    assert len(mis.stops()) == 1


async def test_closed_by_hand_the_stop_goes_so_that_it_cannot_sell_short(mis: House) -> None:
    await mis.guarded()
    await mis.by_hand(LOT, "MIS")
    await mis.recheck(1)
    mis.clock.forward(seconds=6)
    await mis.recheck(3)
    assert mis.stops() == []
    assert mis.net() == 0
    assert await mis.was_told("Kite has 0 of 65")


async def test_an_intraday_holding_of_yesterday_gets_no_new_stop(mis: House) -> None:
    """The broker has closed it; a stop would open a short."""
    await mis.guarded()
    mis.clock.forward(days=1)
    await mis.recheck(1)
    await mis.log_in()
    await mis.reconciler.read()
    await mis.recheck(4)
    assert mis.stops() == []
    assert mis.shorts() == []
