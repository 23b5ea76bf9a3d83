"""GTTs under faults: answers lost, calls refused, lists that lie, orders of triggers that are refused."""

from dataclasses import replace

import pytest

from gateway.domain.order import GuardState
from gateway.paper.faults import FaultKind
from storage.guards import NEVER_SEEN
from tests.guards.house import CHANGE_GTT, DELETE_GTT, LIST_GTTS, LOT, PLACE_GTT, House, percent

CIRCUIT = "Your order price is lower than the current lower circuit limit of 120.0. Place within the range."


def refuse_children(house: House, monkeypatch: pytest.MonkeyPatch, words: str = CIRCUIT) -> None:
    """From now on the exchange refuses what triggers release."""
    monkeypatch.setattr(house.paper.broker.triggers, "_place", lambda gtt, leg: ("", words))


async def test_a_lost_answer_is_settled_by_the_list_and_no_second_one_is_placed(house: House) -> None:
    house.fault(FaultKind.DROP, route=PLACE_GTT, accepted=True)
    await house.enter(stop_loss=percent("-20"))
    await house.turn()
    assert (await house.guard()).state == GuardState.UNKNOWN
    assert await house.was_told("No clear answer to the guard")
    await house.settle(2)
    (gtt,) = house.gtts()
    assert (await house.guard()).trigger_id == gtt["id"]
    assert (await house.guard()).state == GuardState.ACTIVE
    await house.hit_stop()
    await house.settle()
    assert (await house.held(), house.net()) == (0, 0)


async def test_one_that_never_arrived_is_placed_anew_only_after_a_long_look(house: House) -> None:
    house.fault(FaultKind.DROP, route=PLACE_GTT)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    house.clock.forward(seconds=170)
    await house.settle(2)
    assert house.gtts() == []
    assert (await house.guard()).state == GuardState.UNKNOWN
    house.clock.forward(seconds=11)
    await house.settle(3)
    assert [row.state for row in await house.guard_rows()] == [GuardState.FAILED, GuardState.ACTIVE]
    assert len(house.gtts("active")) == 1
    assert await house.was_told("Guard not found at Kite")


async def test_one_that_shows_up_late_is_taken_away_beside_the_one_in_its_place(house: House) -> None:
    house.fault(FaultKind.DROP, route=PLACE_GTT, accepted=True)
    house.fault(FaultKind.EMPTY, route=LIST_GTTS, times=None)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    house.clock.forward(seconds=181)
    await house.settle(3)
    assert len(house.gtts("active")) == 2, "the second was placed while the list hid the first"
    house.paper.faults.clear()
    house.clock.forward(seconds=20)
    await house.settle(2)
    (left,) = house.gtts("active")
    assert left["id"] == (await house.guard_rows(GuardState.ACTIVE))[0].trigger_id
    assert await house.was_told("showed up late")


async def test_an_unknown_one_that_is_not_there_lets_a_fall_through_the_stop_be_sold(house: House) -> None:
    house.fault(FaultKind.DROP, route=PLACE_GTT)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    await house.hit_stop()
    await house.settle(2)
    assert await house.held() == LOT, "the list may lag"
    house.clock.forward(seconds=11)
    await house.settle(4)
    assert (await house.guard_rows())[0].reason == NEVER_SEEN
    assert (await house.held(), house.net()) == (0, 0)
    assert house.gtts() == []


async def test_a_refusal_is_told_in_kites_words_and_tried_again_with_patience(house: House) -> None:
    words = "Maximum of 500 active triggers reached."
    house.fault(FaultKind.REFUSE, route=PLACE_GTT, message=words, times=2)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(2)
    assert await house.was_told("Guard not placed", words)
    assert house.gtts() == []
    house.clock.forward(seconds=16)
    await house.recheck()
    house.clock.forward(seconds=31)
    await house.recheck()
    assert len(house.gtts("active")) == 1
    assert len([text for text in await house.told() if "Guard not placed" in text]) == 1


async def test_a_refused_guard_is_watched_by_the_gateway_itself_meanwhile(house: House) -> None:
    house.fault(FaultKind.REFUSE, route=PLACE_GTT, message="Not now.", times=None)
    await house.enter(stop_loss=percent("-20"))
    await house.settle(3)
    await house.hit_stop()
    await house.settle(3)
    assert (await house.held(), house.net()) == (0, 0)
    assert await house.was_told("Stop reached")


async def test_a_holding_without_a_guard_for_a_minute_is_told(house: House) -> None:
    house.fault(FaultKind.REFUSE, route=PLACE_GTT, message="Not now.", times=None)
    await house.enter(stop_loss=percent("-20"))
    for _ in range(8):
        house.clock.forward(seconds=20)
        await house.recheck(1)
    assert len([text for text in await house.told() if "Still no guard" in text]) == 1


async def test_a_refused_child_alarms_with_kites_words_and_an_exit_of_our_own_sells(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.guarded()
    refuse_children(house, monkeypatch)
    await house.hit_stop()
    await house.recheck(3)
    assert await house.was_told("its order refused", CIRCUIT)
    assert (await house.held(), house.net()) == (0, 0)
    assert (await house.guard()).state == GuardState.DONE


async def test_a_trigger_without_an_order_is_waited_for_and_then_the_owner_must_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.guarded()
    monkeypatch.setattr(house.paper.broker.triggers, "_place", lambda gtt, leg: ("", ""))
    real = house.book.gtts

    async def without_results():
        return [
            replace(
                gtt,
                legs=tuple(
                    replace(leg, order_id=None, order_status=None, rejection_reason=None) for leg in gtt.legs
                ),
            )
            for gtt in await real()
        ]

    monkeypatch.setattr(house.book, "gtts", without_results)
    await house.hit_stop()
    await house.recheck(2)
    assert (await house.guard()).state == GuardState.TRIGGERED
    house.clock.forward(seconds=61)
    await house.recheck(2)
    assert await house.was_told("no order is shown for it")
    assert await house.held() == LOT, "nothing is sold blindly"


async def test_an_exit_of_our_own_that_is_refused_is_tried_again_and_then_the_owner_must_act(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.guarded()
    refuse_children(house, monkeypatch)
    house.fault(FaultKind.REFUSE, route="POST /orders/*", message="RMS:Blocked for NFO-OPT", times=None)
    await house.hit_stop()
    await house.recheck(2)
    for _ in range(10):
        house.clock.forward(seconds=60)
        await house.recheck(1)
    assert await house.held() == LOT
    assert await house.was_told("Not closed, and not guarded any more", "RMS:Blocked")
    assert (await house.guard()).final
    assert len(house.attempts()) == 1 + 5


async def test_a_change_whose_answer_is_lost_is_found_in_the_list(house: House) -> None:
    await house.guarded(lots=2)
    house.fault(FaultKind.DROP, route=CHANGE_GTT, accepted=True)
    await house.leave(lots=1)
    await house.settle(3)
    assert [gtt["orders"][0]["quantity"] for gtt in house.gtts()] == [LOT]
    row = await house.guard()
    assert (row.quantity, row.by_hand) == (LOT, False)


async def test_a_change_to_less_that_is_refused_becomes_a_new_guard(house: House) -> None:
    await house.guarded(lots=2)
    house.fault(FaultKind.REFUSE, route=CHANGE_GTT, message="Trigger cannot be modified.")
    await house.leave(lots=1)
    await house.settle(4)
    assert [gtt["orders"][0]["quantity"] for gtt in house.gtts("active")] == [LOT]
    assert len(house.gtts("deleted")) == 1


async def test_a_deletion_whose_answer_is_lost_is_found_in_the_list(house: House) -> None:
    await house.guarded()
    house.fault(FaultKind.DROP, route=DELETE_GTT, accepted=True)
    await house.leave()
    await house.settle(3)
    assert house.gtts("active") == []
    assert (await house.guard()).state == GuardState.REMOVED
    assert not await house.was_told("cannot be taken away")


async def test_a_guard_that_cannot_be_taken_away_is_told_and_tried_until_it_is(house: House) -> None:
    await house.guarded()
    house.fault(FaultKind.REFUSE, route=DELETE_GTT, message="Not now.", times=3)
    await house.leave()
    await house.settle(2)
    assert len(house.gtts("active")) == 1
    assert await house.was_told("cannot be taken away", "Not now.")
    await house.recheck(3)
    assert house.gtts("active") == []


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.DROP, FaultKind.EMPTY])
async def test_a_list_that_cannot_be_read_or_is_empty_by_mistake_changes_nothing(
    house: House, kind: FaultKind
) -> None:
    await house.guarded()
    before = await house.guard()
    house.fault(kind, route=LIST_GTTS, times=None)
    for _ in range(3):
        house.clock.forward(seconds=20)
        await house.recheck(1)
    house.paper.faults.clear()
    await house.recheck()
    assert await house.guard() == before
    assert len(house.gtts()) == 1


async def test_one_deleted_in_the_kite_app_is_told_and_placed_anew(house: House) -> None:
    await house.guarded()
    number = house.gtts("active")[0]["id"]
    house.paper.broker.triggers.delete(number)
    await house.recheck(3)
    assert await house.was_told("Guard gone at Kite", str(number), "deleted")
    assert len(house.gtts("active")) == 1
    assert (await house.guard()).trigger_id != number


async def test_the_owners_own_triggers_are_never_touched(house: House) -> None:
    await house.guarded()
    guard = await house.guard()
    ours = house.paper.broker.triggers.get(guard.trigger_id)
    other = house.paper.broker.triggers._put(replace(ours, id=ours.id + 1))
    await house.recheck(2)
    await house.leave()
    await house.settle(2)
    assert [gtt["id"] for gtt in house.gtts("active")] == [other.id]


async def test_triggers_moved_in_the_kite_app_stay_there(house: House) -> None:
    await house.guarded(lots=2)
    guard = await house.guard()
    ours = house.paper.broker.triggers.get(guard.trigger_id)
    house.paper.broker.triggers._put(replace(ours, triggers=(15_000, ours.triggers[1])))
    await house.recheck(3)
    assert await house.was_told("Guard changed at Kite", "₹150.00")
    assert len([text for text in await house.told() if "Guard changed" in text]) == 1
    await house.leave(lots=1)
    await house.settle(2)
    (gtt,) = house.gtts("active")
    assert gtt["condition"]["trigger_values"][0] == 150.0
    assert gtt["orders"][0]["quantity"] == LOT


async def test_without_a_login_the_owner_is_told_once_that_kite_alone_guards(house: House) -> None:
    await house.guarded()
    house.paper.kill_token()
    await house.reconciler.read()
    assert not house.session.alive
    for _ in range(3):
        await house.guards.look()
    assert len([text for text in await house.told() if "left to Kite" in text]) == 1
    await house.hit_stop()
    await house.log_in()
    await house.recheck(3)
    assert (await house.held(), house.net()) == (0, 0)
