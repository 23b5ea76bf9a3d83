"""What the deliveries themselves tell: too many for TradingView, and a chart with delayed data; once each."""

import pytest

from gateway.deliveries import LIMIT, WARNING, Deliveries
from tests.usecases.world import arrival, buy

THICK = "alerts in 3 minutes"


def watching(world):
    return Deliveries(world.database, world.outbox, world.clock, world.wakeups.outbox.ring)


@pytest.fixture
def watch(world):
    return watching(world)


async def deliver(world, *signals, body=None):
    """One body through the door; None for an alert that is not understood."""
    sent = body or f"delivered at {world.clock()}".encode()
    parts = [
        arrival(signal, at=world.clock(), source="webhook 52.89.214.238", body=sent, part=part)
        for part, signal in enumerate(signals or (buy(),))
    ]
    await world.accept(*parts)


async def thick(world):
    return [text for text in await world.told() if THICK in text]


async def test_what_tradingview_is_about_to_stop_is_told_once(world, watch):
    for _ in range(WARNING - 1):
        await deliver(world)
    await watch.look()
    assert await thick(world) == []
    for _ in range(3):
        await deliver(world)
        await watch.look()
    (told,) = await thick(world)
    assert told.startswith(f"⚠️ <b>{WARNING} alerts in 3 minutes</b> · S")


async def test_what_it_may_have_stopped_is_told_once_more(world, watch):
    for _ in range(2 * LIMIT):
        await deliver(world)
        await watch.look()
    first, second = await thick(world)
    assert "Check its frequency" in first
    assert f"{LIMIT + 1} alerts" in second
    assert "Look there whether it still runs" in second


async def unused(world):
    return [text for text in await world.told() if "Not used" in text]


async def test_a_field_that_is_not_used_is_told_once_a_strategy_and_over_a_restart(world, watch):
    for names in (("comment",), ("comment",), ("comment", "interval")):
        await deliver(world, buy(ignored=names))
        await watch.look()
    await deliver(world, buy("Other", ignored=("comment",)))
    await watching(world).look()
    first, second, other = await unused(world)
    assert "· S\n" in first
    assert "nothing here: comment." in first
    assert "nothing here: interval." in second
    assert "· Other\n" in other


async def test_ever_new_fields_are_not_told_for_ever(world, watch):
    for number in range(100):
        await deliver(world, buy(ignored=(f"field{number}",)))
    await watch.look()
    assert len(await unused(world)) == 30


@pytest.mark.parametrize("signal", [buy(), None], ids=["duplicates", "not understood"])
async def test_a_burst_counts_whatever_became_of_it(world, watch, signal):
    for _ in range(20):
        await deliver(world, signal, body=b"the same bytes")
    await watch.look()
    (told,) = await thick(world)
    assert "20 alerts in 3 minutes" in told


async def test_an_array_is_one_delivery_for_each_strategy_in_it(world, watch):
    for _ in range(WARNING - 1):
        await deliver(world, *[buy()] * 12, buy("T"))
    await watch.look()
    assert await thick(world) == []
    await deliver(world, buy(), buy("T"))
    await watch.look()
    assert sorted(text.splitlines()[0].split(" · ")[1] for text in await thick(world)) == ["S", "T"]


async def test_alerts_that_come_slowly_are_none_of_it(world, watch):
    for _ in range(3 * LIMIT):
        await deliver(world)
        await watch.look()
        world.clock.forward(seconds=20)
    assert await thick(world) == []


async def test_the_next_burst_is_told_again(world, watch):
    for _ in range(2):
        for _ in range(WARNING):
            await deliver(world)
        await watch.look()
        world.clock.forward(minutes=4)
    assert len(await thick(world)) == 2


async def test_a_restart_in_the_middle_of_a_burst_forgets_nothing(world, watch):
    for _ in range(WARNING - 1):
        await deliver(world)
    await watch.look()
    world.clock.forward(minutes=1)
    await deliver(world)
    await watching(world).look()
    assert len(await thick(world)) == 1


async def test_a_burst_long_before_the_start_is_over(world):
    for _ in range(2 * LIMIT):
        await deliver(world)
    world.clock.forward(minutes=3)
    await watching(world).look()
    assert await thick(world) == []


async def test_what_did_not_come_through_the_door_is_not_tradingviews(world, watch):
    for _ in range(2 * LIMIT):
        await world.send(buy())
    await watch.look()
    assert await world.told() == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "BUY", "symbol": "NSE_DLY:NIFTY", "strategy": "S"}',
        b'{"action": "BUY", "symbol": "NIFTY", "exchange": "NSE_DL"}',
        b"buy bse_dly:sensex",
    ],
)
async def test_a_chart_with_delayed_data_is_told_once_for_each_strategy(world, watch, body):
    for strategy in ("S", "S", "T"):
        await deliver(world, buy(strategy), body=body)
        await watch.look()
    await deliver(world, buy(), body=body)
    await watching(world).look()
    told = [text.splitlines()[0] for text in await world.told() if "real-time data" in text]
    assert told == ["🐢 <b>Delayed data</b> · S", "🐢 <b>Delayed data</b> · T"]


@pytest.mark.parametrize("symbol", [b"NSE:NIFTY", b"NSE_DLX:NIFTY", b"CNSE_DLY", b"NIFTY1!"])
async def test_other_charts_are_not(world, watch, symbol):
    await deliver(world, body=b'{"action": "BUY", "symbol": "' + symbol + b'"}')
    await watch.look()
    assert await world.told() == []
