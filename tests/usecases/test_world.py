"""The world the rules look at: of the whole account, of this day, in the transaction that acts on it."""

from datetime import UTC, datetime, time

from gateway.domain.market import IST
from gateway.domain.order import Purpose, Side
from gateway.world import WorldReader, day_start
from storage import flags, modes, orders
from tests.storage.rows import NOW, add_intent, bought, later, placed, said, selling
from tests.usecases.world import buy


def test_a_day_begins_at_midnight_in_india():
    assert day_start(datetime(2026, 11, 25, 18, 29, tzinfo=UTC)) == datetime(2026, 11, 25, tzinfo=IST)
    assert day_start(datetime(2026, 11, 25, 18, 30, tzinfo=UTC)) == datetime(2026, 11, 26, tzinfo=IST)


async def seen(world, prepare, strategy="S"):
    sessions = {"paper": world.session, "live": world.session}
    reader = WorldReader(world.calendar, sessions, lambda: NOW, time(15, 15), world.valuation)

    def work(connection):
        prepare(connection)
        return reader.read(connection, "paper", strategy)

    return await world.write(work)


async def test_an_empty_account(world):
    found = await seen(world, lambda _: None)
    assert (found.kill_switch, found.halted, found.paused) == (False, None, None)
    assert (found.session_alive, found.market_open) == (True, True)
    assert (found.positions, found.orders_today, found.realised_today) == (frozenset(), 0, 0)


async def test_held_and_coming_positions_of_the_venue_count_each_contract_once(world):
    def prepare(connection):
        bought(connection)
        bought(connection)
        placed(connection, strategy="T")
        bought(connection, venue="live", strategy="L")
        selling(connection)

    found = await seen(world, prepare)
    assert {(venue, strategy) for venue, strategy, _ in found.positions} == {("paper", "S"), ("paper", "T")}


async def test_todays_orders_and_todays_loss(world):
    def prepare(connection):
        bought(connection, 65, "100")
        row = selling(connection, 65)
        orders.apply(connection, "paper", said(row, "COMPLETE", 65, "90"), NOW)
        add_intent(connection, purpose=Purpose.EXIT, side=Side.SELL)

    found = await seen(world, prepare)
    assert found.orders_today == 2
    assert -65 * 10_00 - 70_00 < found.realised_today < -65 * 10_00 - 40_00  # and what two orders cost


async def test_a_loss_of_yesterday_is_yesterdays(world):
    def prepare(connection):
        bought(connection, 65, "100")
        row = selling(connection, 65)
        orders.apply(connection, "paper", said(row, "COMPLETE", 65, "90"), later(hours=-12))

    found = await seen(world, prepare)
    assert -40_00 < found.realised_today < 0  # today's purchase has its charges
    assert found.losses_in_a_row == 0


async def test_pauses_and_the_switch_are_seen(world):
    def prepare(connection):
        flags.put(connection, flags.KILL_SWITCH, "on", by="x", at=NOW)
        modes.pause(connection, "S", by="x", at=NOW)

    found = await seen(world, prepare)
    assert (found.kill_switch, found.paused) == (True, "S")
    everything = await seen(world, lambda connection: modes.pause(connection, None, by="x", at=NOW), "T")
    assert everything.paused == "everything"
    assert buy().strategy == "S"
