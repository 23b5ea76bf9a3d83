"""Profit and loss of the real book of fills, with the charges that the broker's contract note has."""

from decimal import Decimal

import pytest

from gateway.domain.market import IST
from gateway.domain.money import to_paise
from gateway.paper.faults import FaultKind
from gateway.profit import Profits, deals_of_day
from storage import tables
from tests.usecases.world import LOT, WEDNESDAY, buy, sell

DAY = WEDNESDAY.date()


def profits(world):
    return Profits(world.database, {"paper": world.access}, world.clock)


def move(world, points):
    """The index moves; premiums follow."""
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") + points)
    world.prices._known.clear()


async def test_a_round_trip_costs_what_the_contract_note_says(world):
    await world.execute()
    await world.filled(buy(lots=2))
    move(world, -100)
    await world.filled(sell())
    day = await profits(world).day("paper")
    fills = await world.rows(tables.fills)
    assert day.result.realised == fills[1].value_paise - fills[0].value_paise < 0
    note = await world.book.charges(await world.orders())
    assert abs(day.result.charges - sum(note)) <= 2
    assert day.net == day.result.net == day.result.realised - day.result.charges
    assert (day.result.orders, day.result.trades, day.result.wins, day.open) == (2, 1, 0, ())
    assert [point.net for point in day.equity] == [day.result.net]


async def test_each_strategy_has_its_own_day_and_they_add_up(world):
    await world.execute()
    await world.filled(buy("A"))
    await world.filled(buy("B"))
    move(world, 150)
    await world.filled(sell("A"))
    day = await profits(world).day("paper")
    first, second = day.strategies
    assert (first.strategy, second.strategy) == ("A", "B")
    assert first.result.net > 0
    assert first.open_gain == 0
    assert second.open_gain is not None
    assert second.open_gain > 0
    assert second.result.trades == 0
    assert day.result.net == first.result.net + second.result.net
    assert day.open_gain == second.open_gain


async def test_what_is_held_is_valued_at_the_last_price(world):
    await world.execute()
    await world.filled(buy())
    move(world, -200)
    [held] = (await profits(world).day("paper")).open
    [fill] = await world.rows(tables.fills)
    price = (await world.book.last_prices([held.quote_key]))[held.quote_key]
    assert held.gain == to_paise(price * LOT) - fill.value_paise < 0


async def test_a_price_that_cannot_be_had_is_unknown_and_not_zero(world):
    await world.execute()
    await world.filled(buy())
    world.prices._known.clear()
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    world.fault(FaultKind.HTML, route="GET /portfolio/positions", code=502, times=None)
    day = await profits(world).day("paper")
    assert (day.open_gain, day.net) == (None, None)
    assert day.unpriced == (day.open[0].tradingsymbol,)
    assert day.result.net < 0  # what is realised, and paid, is known all the same


async def test_a_slow_broker_is_waited_for_a_little_and_then_prices_are_unknown(world, monkeypatch):
    monkeypatch.setattr("gateway.profit.PRICE_PATIENCE_SECONDS", 0.05)
    await world.execute()
    await world.filled(buy())
    world.prices._known.clear()
    world.fault(FaultKind.DELAY, route="GET /quote/ltp", seconds=1.0)
    assert (await profits(world).day("paper")).open_gain is None


async def test_the_personal_app_has_the_prices_of_its_positions(make_world):
    world = await make_world(kite={"market_data": False})
    await world.execute()
    await world.filled(buy())
    move(world, -200)
    day = await profits(world).day("paper")
    assert day.open_gain is not None
    assert day.open_gain < to_paise(Decimal(-100))


async def test_half_of_a_holding_sold_leaves_the_other_half_open(world):
    await world.execute()
    await world.filled(buy(lots=2))
    move(world, 100)
    await world.filled(sell(lots=1))
    day = await profits(world).day("paper")
    assert day.result.trades == 1
    assert [held.quantity for held in day.open] == [LOT]


async def test_a_new_day_begins_at_midnight_in_india_and_the_old_one_can_be_asked_for(world):
    world.clock.now = WEDNESDAY.replace(hour=23, minute=59, second=50)
    await world.execute()
    await world.filled(buy())
    await world.filled(sell())
    before = (await profits(world).day("paper")).result
    world.clock.forward(seconds=10)
    today = await profits(world).day("paper")
    assert (today.day.day, today.result.orders, today.strategies) == (26, 0, ())
    await world.filled(buy())
    asked = await profits(world).day("paper", DAY)
    assert (asked.result, asked.open) == (before, ())
    days = await profits(world).days("paper")
    assert [(each.day.day, each.result.orders) for each in days] == [(25, 2), (26, 1)]


async def test_the_series_is_of_the_last_days_and_of_one_strategy_where_asked(world):
    await world.execute()
    await world.filled(buy("A"))
    world.clock.forward(days=1)
    await world.log_in()
    await world.reconciler.read()
    await world.filled(buy("B"))
    assert len(await profits(world).days("paper", 1)) == 1
    assert [each.day.day for each in await profits(world).days("paper", 2, "A")] == [25]
    world.clock.now = WEDNESDAY.replace(month=12, day=25).astimezone(IST)
    assert [each.day.day for each in await profits(world).days("paper")] == [26]


@pytest.mark.parametrize("venue", ["live", "nowhere"])
async def test_one_venue_knows_nothing_of_anothers_money(world, venue):
    await world.execute()
    await world.filled(buy())
    found = await world.database.read(lambda connection: deals_of_day(connection, venue, DAY))
    assert found == []
