"""NRML: a stop and a target as a GTT, from the fill to the end of the holding."""

from dataclasses import replace
from decimal import Decimal

from gateway.domain.order import GuardState
from gateway.paper.faults import FaultKind
from gateway.paper.orders import PLAIN
from storage import tables
from tests.guards.house import LOT, House, percent, price
from tests.usecases.world import buy


async def test_a_fill_with_stop_and_target_gets_one_gtt_with_two_legs(house: House) -> None:
    entry = await house.guarded()
    (gtt,) = house.gtts("active")
    assert gtt["type"] == "two-leg"
    assert [order["quantity"] for order in gtt["orders"]] == [LOT, LOT]
    row = await house.guard()
    assert (row.state, row.trigger_id) == (GuardState.ACTIVE, gtt["id"])
    assert await house.was_told("Guard at Kite", str(gtt["id"]))
    assert (entry.stop_loss, entry.target) == ("-20%", "+30%")


async def test_levels_are_percent_of_the_fill_and_their_limits_cross(house: House) -> None:
    await house.guarded()
    fill = (await house.rows(tables.orders))[0].average_price
    (gtt,) = house.gtts("active")
    stop, target = (Decimal(str(value)) for value in gtt["condition"]["trigger_values"])
    assert 0 <= stop - fill * Decimal("0.8") < Decimal("0.05")
    assert 0 <= target - fill * Decimal("1.3") < Decimal("0.05")
    limits = [Decimal(str(order["price"])) for order in gtt["orders"]]
    assert stop * Decimal("0.96") < limits[0] < stop
    assert target * Decimal("0.99") < limits[1] < target


async def test_a_lone_stop_and_a_lone_target_are_single_triggers(house: House) -> None:
    await house.enter("A", stop_loss=price("120"))
    await house.enter("B", target=price("260"))
    await house.settle(1)
    assert [gtt["type"] for gtt in house.gtts("active")] == ["single", "single"]
    assert sorted(gtt["condition"]["trigger_values"] for gtt in house.gtts()) == [[120.0], [260.0]]
    house.premium(119)
    await house.settle()
    assert (await house.held("A"), await house.held("B")) == (0, LOT)


async def test_an_entry_without_levels_gets_no_guard(house: House) -> None:
    await house.enter()
    await house.settle(2)
    assert house.gtts() == []
    assert await house.guard_rows() == []


async def test_a_stop_that_goes_off_sells_once_and_is_told_step_by_step(house: House) -> None:
    await house.guarded()
    await house.hit_stop()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)
    assert (await house.guard()).state == GuardState.DONE
    assert await house.was_told("Stop triggered", "Not sold yet")
    assert await house.was_told("Filled", "SELL 65", "Trigger to fill")


async def test_a_target_that_is_reached_sells_too(house: House) -> None:
    await house.guarded()
    await house.hit_target()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)
    assert await house.was_told("Target triggered")
    assert (await house.rows(tables.fills))[-1].realised_paise > 0


async def test_what_a_gap_leaves_unfilled_is_chased_like_any_exit(house: House) -> None:
    await house.guarded()
    await house.gap()
    await house.settle()
    assert await house.held() == LOT
    assert (await house.guard()).state == GuardState.TRIGGERED
    assert not await house.was_told("SELL 65", "Filled")
    await house.chase()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)
    assert (await house.guard()).state == GuardState.DONE


async def test_a_level_of_the_index_guards_nothing_and_the_owner_is_told_what_would(house: House) -> None:
    await house.enter(stop_loss=price("22812.78"), target=percent("30"))
    await house.settle(2)
    (gtt,) = house.gtts("active")
    assert gtt["type"] == "single"
    assert await house.was_told("half a guard", "22,812.78", "level of the index", "-20%")


async def test_a_holding_that_nothing_can_guard_is_told_once_and_not_tried_again(house: House) -> None:
    await house.enter(stop_loss=price("22812.78"), target=price("25213.50"))
    await house.settle(3)
    house.clock.forward(minutes=10)
    await house.recheck()
    assert house.gtts() == []
    assert len([text for text in await house.told() if "neither stop nor target" in text]) == 1
    assert [row.final for row in await house.guard_rows()] == [True]


async def test_the_guard_grows_with_the_fill(house: House) -> None:
    house.fault(FaultKind.FILL, quantity=LOT)
    alert_id = await house.send(buy(lots=2, stop_loss=percent("-20")))
    await house.reaches(alert_id, "open")

    async def filled() -> bool:
        await house.reconciler.read()
        return await house.held() > 0

    await house.until(filled, lambda: "no fill")
    await house.settle(2)
    assert [order["quantity"] for order in house.gtts("active")[0]["orders"]] == [LOT]
    (order,) = house.paper.broker.book.orders()
    house.paper.broker.book.put(replace(order, script=PLAIN))
    house.spot(float(house.paper.spot("NIFTY")) - 1)
    await house.settle(3)
    (gtt,) = house.gtts("active")
    assert [order["quantity"] for order in gtt["orders"]] == [2 * LOT]


async def test_a_partial_exit_cuts_the_guard_to_what_is_left(house: House) -> None:
    await house.guarded(lots=2)
    await house.leave(lots=1)
    await house.settle(2)
    (gtt,) = house.gtts()
    assert gtt["status"] == "active"
    assert [order["quantity"] for order in gtt["orders"]] == [LOT, LOT]
    await house.hit_stop()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)


async def test_the_guard_stays_until_the_exit_is_filled_and_then_goes(house: House) -> None:
    await house.guarded()
    house.fault(FaultKind.FILL, quantity=0)
    await house.leave()
    await house.settle(2)
    assert len(house.gtts("active")) == 1, "an exit that is not filled has closed nothing"
    await house.chase()
    await house.settle(2)
    assert await house.held() == 0
    assert house.gtts("active") == []
    assert await house.was_told("Guard taken away", "nothing is held any more")


async def test_each_strategy_has_its_own_guard_on_the_same_contract(house: House) -> None:
    for strategy in ("A", "B"):
        await house.enter(strategy, stop_loss=percent("-20"))
    await house.settle(2)
    assert len(house.gtts("active")) == 2
    await house.leave("A")
    await house.settle(2)
    assert len(house.gtts("active")) == 1
    await house.hit_stop()
    await house.settle()
    assert (await house.held("A"), await house.held("B"), house.net()) == (0, 0, 0)


async def test_what_a_guard_sells_is_taken_from_the_holding_it_is_around(house: House) -> None:
    """Two entries of one strategy: the newer one's stop is nearer, and the older one stays guarded."""
    older = await house.enter(stop_loss=percent("-40"))
    newer = await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    house.premium((await house.guard_rows())[-1].stop - Decimal("0.20"))
    await house.settle()
    held = {row.intent_id: row.quantity for row in await house.rows(tables.holdings)}
    assert held == {older.id: LOT, newer.id: 0}
    (gtt,) = house.gtts("active")
    assert gtt["id"] == (await house.guard_rows(GuardState.ACTIVE))[0].trigger_id


async def test_a_stop_too_near_is_placed_at_the_nearest_allowed_and_moved_later(house: House) -> None:
    await house.enter(stop_loss=percent("-0.1"))
    await house.settle(1)
    row = await house.guard()
    assert row.state == GuardState.ACTIVE
    assert row.stop_trigger < row.stop
    assert await house.was_told("too near to the price", "nearest that is allowed")
    house.premium(row.stop * Decimal("1.1"))
    house.clock.forward(seconds=20)
    await house.settle(2)
    row = await house.guard()
    assert row.stop_trigger == row.stop
    assert house.gtts("active")[0]["condition"]["trigger_values"] == [float(row.stop)]


async def test_a_stop_that_was_passed_before_it_could_be_placed_sells_at_once(house: House) -> None:
    await house.enter(stop_loss=percent("-20"))
    fill = (await house.rows(tables.orders))[0].average_price
    house.premium(fill * Decimal("0.7"))
    await house.settle(3)
    assert house.gtts() == []
    assert (await house.held(), house.net()) == (0, 0)
    assert await house.was_told("Stop reached", "Not sold yet")


async def test_a_quantity_above_the_freeze_is_guarded_slice_by_slice(house: House) -> None:
    await house.enter(lots=30, stop_loss=percent("-20"))
    await house.settle(3)
    assert sorted(gtt["orders"][0]["quantity"] for gtt in house.gtts("active")) == [3 * LOT, 27 * LOT]
    await house.hit_stop()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)
