"""What is told although nobody asked; and it never costs an alert its plan."""

from datetime import timedelta

import pytest

from gateway.lanes import Accepted
from gateway.watchfulness import BURST_WARNING, Watchfulness
from tests.usecases.world import arrival, buy


@pytest.fixture
def watch(world):
    return Watchfulness(
        world.settings, world.database, world.outbox, world.calendar, world.wakeups, world.clock
    )


def accepted(world, signal=None):
    made = arrival(signal or buy(), at=world.clock())
    return Accepted(
        alert_id=made.alert_id,
        strategy=made.strategy,
        signal=made.signal,
        received_at=made.received_at,
    )


async def test_alerts_too_thick_are_told_once_before_tradingview_stops_them(world, watch):
    for _ in range(BURST_WARNING + 2):
        await watch.look_at(accepted(world))
    assert len(await world.told()) == 1
    assert await world.was_told("alerts in 3 minutes")
    world.clock.forward(minutes=10)
    await watch.look_at(accepted(world))
    assert len(await world.told()) == 1


async def test_a_position_that_differs_from_tradingviews_is_told(world, watch):
    await watch.look_at(accepted(world, buy(prev_market_position="long", market_position="flat")))
    assert await world.was_told("Positions differ")


async def test_its_own_failure_does_not_cost_the_alert_its_plan(world, watch, monkeypatch, logged):
    async def broken(_):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(watch, "_drift", broken)
    await watch.look_at(accepted(world))
    assert logged[-1]["event"] == "watchfulness_failed"


async def test_a_silent_strategy_is_told_once(make_world):
    world = await make_world(strategies={"S": {"expected_every_minutes": 30}})
    watch = Watchfulness(
        world.settings, world.database, world.outbox, world.calendar, world.wakeups, world.clock
    )
    world.clock.now += timedelta(minutes=29)
    await watch.look_for_silence()
    assert await world.told() == []
    world.clock.now += timedelta(minutes=5)
    for _ in range(3):
        await watch.look_for_silence()
    assert len(await world.told()) == 1
    assert await world.was_told("Silent for 34 minutes")
