"""Killed at each step, and begun again on the same disk: no guard twice, none lost, none left over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from gateway.domain import checkpoints
from gateway.domain.order import GuardState
from tests.guards.house import LOT, House, percent
from tests.usecases.world import buy


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing runs past that step; the rest of the process dies with it."""

    def strike(passed: str) -> None:
        if passed == name:
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_strike", strike)
        with pytest.raises((Killed, BaseExceptionGroup)):
            yield


async def again(house: House) -> None:
    await house.restart()
    await house.live()
    await house.settle(3)


async def one_guard(house: House, units: int = LOT) -> None:
    (gtt,) = house.gtts("active")
    assert gtt["orders"][0]["quantity"] == units
    (row,) = await house.guard_rows(GuardState.ACTIVE)
    assert (row.trigger_id, row.quantity) == (gtt["id"], units)


async def test_before_the_call_it_is_unknown_and_placed_anew_when_it_is_sure_not_to_be_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.enter(stop_loss=percent("-20"))
    with killed_at("guards.claimed", monkeypatch):
        await house.guards.look()
    await again(house)
    assert (await house.guard()).state == GuardState.UNKNOWN
    house.clock.forward(seconds=181)
    await house.recheck(3)
    await one_guard(house)


async def test_between_kites_answer_and_our_row_it_is_found_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.enter(stop_loss=percent("-20"))
    with killed_at("guards.answered", monkeypatch):
        await house.guards.look()
    assert (await house.guard()).state == GuardState.PLACING
    await again(house)
    await one_guard(house)


async def test_between_a_change_and_our_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.guarded(lots=2)
    await house.leave(lots=1)
    with killed_at("guards.resized", monkeypatch):
        await house.guards.look()
    await again(house)
    await one_guard(house)


async def test_between_a_deletion_and_our_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.guarded()
    await house.leave()
    with killed_at("guards.deleted", monkeypatch):
        await house.guards.look()
    await again(house)
    assert house.gtts("active") == []
    assert await house.guard_rows(GuardState.ACTIVE) == []


async def test_what_went_off_while_nobody_ran_is_taken_over_at_the_start(house: House) -> None:
    await house.guarded()
    stop = (await house.guard()).stop
    await house.end()
    house.premium(stop - Decimal("0.20"))
    await house.begin()
    await house.live()
    await house.settle(3)
    assert (await house.held(), house.net()) == (0, 0)
    assert await house.was_told("Stop triggered")


async def test_while_what_it_released_is_at_work(house: House) -> None:
    await house.guarded()
    await house.gap()
    await house.settle(2)
    await again(house)
    await house.chase()
    await house.settle(2)
    assert (await house.held(), house.net(), house.shorts()) == (0, 0, [])


async def test_one_deleted_meanwhile_is_placed_anew(house: House) -> None:
    await house.guarded()
    house.paper.broker.triggers.delete(house.gtts()[0]["id"])
    await again(house)
    await one_guard(house)
    assert await house.was_told("Guard gone at Kite")


async def test_a_holding_closed_by_hand_meanwhile_gets_no_new_one(house: House) -> None:
    await house.guarded()
    house.paper.broker.triggers.delete(house.gtts()[0]["id"])
    await house.by_hand(LOT)
    await again(house)
    house.clock.forward(seconds=70)
    await house.recheck(2)
    assert house.gtts("active") == []
    assert await house.was_told("Kite has 0 of 65")


async def test_a_fill_that_came_while_nobody_ran_is_guarded_at_the_start(house: House) -> None:
    alert_id = await house.send(buy(stop_loss=percent("-20")))
    await house.reaches(alert_id, "open", "filled", look=False)
    await house.restart()
    house.clock.forward(minutes=30)
    await house.live()
    await house.settle(3)
    await one_guard(house)


async def test_the_loop_itself_starts_places_and_stops(house: House) -> None:
    await house.enter(stop_loss=percent("-20"))
    loop = asyncio.ensure_future(house.guards.run())

    async def placed() -> bool:
        return bool(house.gtts("active"))

    await house.until(placed, lambda: "no guard")
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
