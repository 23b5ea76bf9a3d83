"""What is told although nobody asked; and it never costs an alert its plan."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.domain.contract import OptionType
from gateway.lanes import Accepted
from gateway.position_watch import Seen
from gateway.watchfulness import Watchfulness
from storage import flags
from tests.usecases.world import arrival, buy, sell, strike


def watching(world):
    return Watchfulness(
        world.settings, world.database, world.outbox, world.calendar, world.wakeups, world.clock
    )


@pytest.fixture
def watch(world):
    return watching(world)


def accepted(world, signal=None):
    made = arrival(signal or buy(), at=world.clock())
    return Accepted(
        alert_id=made.alert_id,
        strategy=made.strategy,
        signal=made.signal,
        received_at=made.received_at,
    )


async def through(world, watch, signal, status="filled"):
    """The alert as the lanes take it: looked at, planned (and what follows), looked at once more."""
    made = arrival(signal, at=world.clock())
    alert = Accepted(
        alert_id=made.alert_id,
        strategy=made.strategy,
        signal=signal,
        received_at=made.received_at,
    )
    seen = await watch.look_at(alert)
    await world.accept(made)
    if status is None:
        await world.intent(made.alert_id)
    else:
        await world.reaches(made.alert_id, status)
    await watch.look_after(alert, seen)


async def differences(world):
    """What was told of positions that differ, without the title."""
    return [text.splitlines()[1] for text in await world.told() if "Positions differ" in text]


async def test_a_position_that_differs_from_tradingviews_is_told(world, watch):
    await world.execute()
    await through(world, watch, sell(prev_market_position="long", market_position="flat"), "refused")
    assert await differences(world) == [
        "TradingView was long before this alert, and nothing is held here: an entry was missed."
    ]


async def test_an_exit_of_a_part_is_told_where_tradingview_is_flat(world, watch):
    await world.execute()
    await through(world, watch, buy(lots=2, prev_market_position="flat", market_position="long"))
    await through(world, watch, sell(lots=1, prev_market_position="long", market_position="flat"))
    assert await differences(world) == ["TradingView is flat after this alert, and 65 CE stay held here."]


async def test_a_size_that_differs_is_told_once_until_it_changes(world, watch):
    await world.execute()
    await through(world, watch, buy(position_size=Decimal(650)))
    await through(world, watch, buy(position_size=Decimal(1300)))
    assert await differences(world) == [
        "TradingView counts 650 after this alert, Manjha 65 units (1 lot)."
    ], "ten to one it still is"
    await through(world, watch, buy(position_size=Decimal(3)))
    await through(world, watch, buy(position_size=Decimal(2600)))
    assert len(await differences(world)) == 2, "it was three lots for three in between"


async def test_the_shorts_that_nobody_follows_are_told_once(world, watch):
    await world.execute()
    for _ in range(3):
        await through(world, watch, buy(prev_market_position="short", market_position="long"))
        await through(world, watch, sell(prev_market_position="long", market_position="short"))
        world.clock.forward(minutes=5)
    assert await differences(world) == [
        "TradingView was short before this alert, and nothing is held here: an entry was missed."
    ]


async def test_what_is_under_way_counts_as_done(world, watch):
    """Nothing is filled here: the exchange is not asked."""
    await through(world, watch, buy(prev_market_position="flat", market_position="long"), None)
    await through(world, watch, buy(position_size=Decimal(2), prev_market_position="long"), None)
    assert await differences(world) == []


async def test_an_exit_that_waits_for_its_approval_counts_as_done(make_world):
    world = await make_world(defaults={"approval": "auto", "confirm_exits": True})
    watch = watching(world)
    await world.execute()
    await through(world, watch, buy())
    out = sell(prev_market_position="long", market_position="flat")
    await through(world, watch, out, "awaiting_approval")
    await through(world, watch, buy(prev_market_position="flat", market_position="long"), None)
    assert await differences(world) == []


async def test_the_halves_of_a_reversal_are_one_step(world, watch):
    await world.execute()
    await through(world, watch, buy())
    turn = {"prev_market_position": "long", "market_position": "short"}
    await through(world, watch, sell(**turn))
    await through(world, watch, buy(option_type=OptionType.PE, **turn))
    assert await differences(world) == []


async def test_another_underlying_of_the_strategy_is_another_position(world, watch):
    await world.execute()
    await through(world, watch, buy(symbol="BANKNIFTY", strike=strike(52_000)))
    await through(world, watch, buy(prev_market_position="flat", market_position="long"))
    assert await differences(world) == []


async def test_an_exit_that_a_rule_refuses_is_told_as_refused_alone(world, watch):
    await world.execute()
    await through(world, watch, buy())
    await world.write(
        lambda connection: flags.put(connection, flags.KILL_SWITCH, "on", by="me", at=world.clock())
    )
    await through(world, watch, sell(prev_market_position="long", market_position="flat"), "refused")
    assert await differences(world) == []


async def test_its_own_failure_does_not_cost_the_alert_its_plan(world, watch, monkeypatch, logged):
    async def broken(*_):
        raise KeyError("a fault of ours")

    for look in ("before", "after"):
        monkeypatch.setattr(watch._positions, look, broken)
    assert await watch.look_at(accepted(world)) is None
    await watch.look_after(accepted(world), Seen(ours=[], told=False))
    assert [each["event"] for each in logged[-2:]] == ["watchfulness_failed"] * 2


async def test_a_silent_strategy_is_told_once(make_world):
    world = await make_world(strategies={"S": {"expected_every_minutes": 30}})
    watch = watching(world)
    world.clock.now += timedelta(minutes=29)
    await watch.look_for_silence()
    assert await world.told() == []
    world.clock.now += timedelta(minutes=5)
    for _ in range(3):
        await watch.look_for_silence()
    assert len(await world.told()) == 1
    assert await world.was_told("Silent for 34 minutes")
