"""The square-off: what is due is closed and proven flat, what the owner keeps stays; restarts, short days."""

import asyncio
from datetime import datetime, time, timedelta

import pytest

from bot.cards import square_off_card
from gateway import square_off
from gateway.domain.market import IST
from gateway.paper.faults import FaultKind
from storage import tables
from storage.closings import State
from tests.usecases.test_closing import card, ended, quick  # noqa: F401
from tests.usecases.world import LOT, Clock, buy, sell, strike

WEDNESDAY = datetime(2026, 11, 25, 14, 0, tzinfo=IST)
DAY = WEDNESDAY.date()
PLACE = "POST /orders/*"


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(square_off, "LOOK_SECONDS", 0.02)


def at(hour, minute, day=DAY):
    return datetime.combine(day, time(hour, minute), IST)


@pytest.fixture
def open_world(make_world):
    async def make(**changes):
        world = await make_world(clock=Clock(WEDNESDAY), **{"market": {"hours": "exchange"}, **changes})
        world.paper.broker.always_open = True  # the exchange takes what the calendar lets through
        await world.execute()
        return world

    return make


@pytest.fixture
async def world(open_world):
    return await open_world()


async def bought(world, strategy="S", **changes):
    return (await world.filled(buy(strategy, **changes))).intents[0].tradingsymbol


def move_to(world, hour, minute):
    world.clock.now = at(hour, minute)


async def squared_off(world, day=DAY):
    """The job, run to its end: flat, and the day over."""
    task = asyncio.create_task(world.square_off.run(day))
    await ended(world, State.FLAT)
    move_to(world, 15, 50)
    await task


def left(world):
    return {symbol: units for symbol, units in world.positions().items() if units}


async def notice(world):
    """The notice's job, while it looks."""
    await world.run(lambda: world.square_off.give_notice(DAY))

    async def shown():
        return any(row.subject == f"square_off:{DAY}" for row in await world.rows(tables.notices))

    await world.until(shown)


async def question(world):
    """The card as it stands."""
    rows = await world.database.read(lambda connection: world.square_off.due_rows(connection, DAY))
    return square_off_card(str(DAY), rows, "15:15")


async def number_of(world, strategy):
    return next(row.seq for row in await world.rows(tables.holdings) if row.strategy == strategy)


async def test_what_is_due_is_closed_and_the_positions_prove_it(world):
    await bought(world, "A")
    await bought(world, "B", strike=strike(24300))
    move_to(world, 15, 15)
    await squared_off(world)
    assert left(world) == {}
    assert (await card(world)).count("the broker's positions agree") == 2


async def test_policies_say_what_is_due(open_world):
    world = await open_world(
        strategies={
            "day": {"product": "MIS", "square_off": "intraday"},
            "swing": {"square_off": "intraday"},
            "never": {"square_off": "none"},
        }
    )
    await bought(world, "day")
    swing = await bought(world, "swing", strike=strike(24300))
    never = await bought(world, "never", strike=strike(24400))
    move_to(world, 15, 15)
    await squared_off(world)
    assert left(world) == {swing: LOT, never: LOT}


async def test_what_the_owner_keeps_stays_with_all_that_is_bought_of_it(world):
    """An exit sells a contract, oldest first: keeping one purchase of two would sell it all the same."""
    kept = await bought(world, "A")
    await bought(world, "B", strike=strike(24300))
    move_to(world, 15, 0)
    await notice(world)
    assert "Kept" in await world.square_off.keep(str(DAY), await number_of(world, "A"), "Asha")
    await bought(world, "A")
    assert "📌 kept" in (await question(world)).text
    move_to(world, 15, 15)
    await squared_off(world)
    assert left(world) == {kept: 2 * LOT}


async def test_a_press_on_keep_that_comes_too_late_or_means_another_day_keeps_nothing(world):
    await bought(world)
    seq = await number_of(world, "S")
    assert "another day" in await world.square_off.keep("2026-11-24", seq, "Asha")
    assert "not held" in await world.square_off.keep(str(DAY), 999, "Asha")
    move_to(world, 15, 15)
    assert "Too late" in await world.square_off.keep(str(DAY), seq, "Asha")
    await squared_off(world)
    assert left(world) == {}


async def test_mis_cannot_be_kept(open_world):
    world = await open_world(defaults={"product": "MIS"})
    await bought(world)
    assert "cannot be kept" in await world.square_off.keep(str(DAY), await number_of(world, "S"), "Asha")
    assert (await question(world)).buttons == ()


async def test_what_is_bought_after_the_notice_is_told_and_can_be_kept(world):
    await bought(world, "A")
    move_to(world, 15, 0)
    await notice(world)
    symbol = await bought(world, "B", strike=strike(24300))
    await world.until(lambda: world.was_told("Bought after the notice", symbol, "15:15", "Keep"))
    labels = [button.label for row in (await question(world)).buttons for button in row]
    assert f"Keep {symbol}" in labels
    assert len([text for text in await world.told() if "Bought after" in text]) == 1


async def test_the_notice_ends_when_the_square_off_begins_and_says_nothing_twice_after_a_restart(world):
    await bought(world)
    move_to(world, 15, 0)
    await notice(world)
    shown = len([row for row in await world.rows(tables.notices) if row.subject == f"square_off:{DAY}"])
    await world.restart()
    await world.reconciler.read()
    task = asyncio.create_task(world.square_off.give_notice(DAY))
    await asyncio.sleep(0.1)
    assert not task.done()
    move_to(world, 15, 15)
    await task
    again = len([row for row in await world.rows(tables.notices) if row.subject == f"square_off:{DAY}"])
    assert again == shown


async def test_with_nothing_held_nothing_is_said(world):
    before = len(await world.rows(tables.notices))
    move_to(world, 15, 15)
    task = asyncio.create_task(world.square_off.run(DAY))
    await asyncio.sleep(0.1)
    move_to(world, 15, 50)
    await task
    assert (len(await world.rows(tables.notices)), await world.rows(tables.closings)) == (before, [])


async def test_a_restart_in_the_middle_loses_nothing_and_asks_nothing_twice(world):
    await bought(world)
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: not now")
    move_to(world, 15, 16)
    await world.run(lambda: world.square_off.run(DAY))

    async def begun():
        return await world.rows(tables.closings)

    await world.until(begun)
    await world.restart()
    world.paper.faults.clear()
    await world.execute()
    await squared_off(world)
    assert (left(world), len(await world.rows(tables.closings))) == ({}, 1)


async def test_an_exit_at_work_is_taken_back_before_its_units_are_sold(world):
    await bought(world)
    world.fault(FaultKind.FILL, quantity=0)
    exit_ = await world.send(sell())
    await world.reaches(exit_, "open")
    move_to(world, 15, 15)
    await squared_off(world)
    statuses = [order["status"] for order in world.paper.book()["orders"]]
    assert statuses == ["COMPLETE", "CANCELLED", "COMPLETE"]
    assert set(world.positions().values()) == {0}


async def test_an_exit_that_is_asked_about_past_its_time_does_not_hold_it_up(open_world):
    world = await open_world(defaults={"approval_timeout_seconds": 3600})
    await world.run(world.approvals.run)
    await bought(world)
    move_to(world, 15, 10)
    question = await world.send(sell(time=world.clock() - timedelta(seconds=90)))
    await world.reaches(question, "awaiting_approval")
    move_to(world, 15, 15)
    await squared_off(world)
    assert left(world) == {}
    assert await world.status(question) == "refused"


async def test_a_fill_that_comes_after_it_was_flat_is_closed_too(world):
    await bought(world, "A")
    move_to(world, 15, 15)
    task = asyncio.create_task(world.square_off.run(DAY))
    await ended(world, State.FLAT)
    move_to(world, 15, 10)  # an entry of before, heard of late
    await bought(world, "B", strike=strike(24300))
    move_to(world, 15, 17)

    async def flat():
        await world.reconciler.read()
        return not left(world)

    await world.until(flat)
    await ended(world, State.FLAT)
    assert len(await world.rows(tables.closings)) == 1, "it is the same square-off, on the same card"
    move_to(world, 15, 50)
    await task


async def test_when_the_day_is_over_before_it_is_flat_the_owner_must_act(world):
    await bought(world)
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: not now")
    move_to(world, 15, 15)
    task = asyncio.create_task(world.square_off.run(DAY))

    async def refused():
        return len(world.attempts()) > 1

    await world.until(refused)
    move_to(world, 15, 50)
    await task
    assert await world.was_told("Square-off", "not flat", "65 of 65 left", "The time is over", "Kite app")


async def test_on_a_short_day_it_has_the_days_own_time(world):
    """Muhurat trading: an hour in the evening, closed before the exchange's own square-off."""
    muhurat = next(day for day, _ in world.calendar.data.special)
    hours = world.calendar.hours(muhurat)
    moment = world.square_off.at(muhurat)
    assert hours.open <= moment < hours.close
    assert world.square_off.notice_at(muhurat) < moment
    assert world.square_off.ends_at(muhurat).time() == hours.close


async def test_what_expires_today_and_is_not_closed_is_said(open_world):
    world = await open_world(strategies={"never": {"square_off": "none"}})
    symbol = await bought(world, "never")
    (intent,) = [row for row in await world.rows(tables.intents) if row.tradingsymbol == symbol]
    rows = await world.database.read(lambda connection: world.square_off.due_rows(connection, intent.expiry))
    text = square_off_card(str(intent.expiry), rows, "15:15").text
    assert "not closed" in text
    assert "expires today: what is held at the close is settled in cash" in text
    assert await world.database.read(lambda connection: world.square_off.due_rows(connection, DAY)) == []


async def test_where_the_market_never_closes_it_comes_once_a_day_and_says_so(open_world):
    world = await open_world(market={"hours": "always"})
    await bought(world)
    await asyncio.gather(world.square_off.run(DAY), ended(world, State.FLAT))
    assert await world.was_told("what is bought from now on is closed tomorrow at 15:15")
    await bought(world, strike=strike(24300))
    await asyncio.sleep(0.1)
    assert sum(left(world).values()) == LOT
