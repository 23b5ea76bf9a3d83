"""The rules that need a look at the broker: read before the transaction, judged with what is known."""

from decimal import Decimal

import pytest

from gateway.domain.order import Side
from gateway.paper.faults import FaultKind
from storage import tables
from tests.usecases.world import LOT, WEDNESDAY, Clock, buy, sell, settings_of, strike


async def refused(world, signal, *words):
    """When planning, with nothing sent."""
    before = len(world.attempts())
    alert_id = await world.send(signal)
    await world.reaches(alert_id, "refused")
    assert await world.was_told(alert_id, *words)
    assert len(world.attempts()) == before


def move(world, points):
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") + points)
    world.prices._known.clear()


# price drift


async def test_an_option_that_ran_away_while_the_owner_thought_is_not_bought(make_world):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_price_drift_percent": 5})
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "awaiting_approval")
    move(world, 300)
    await world.press(alert_id)
    view = await world.reaches(alert_id, "refused")
    assert "risk.max_price_drift_percent is 5" in view.intents[0].reason
    assert world.attempts() == []


@pytest.mark.parametrize("points", [300, -300])
async def test_drift_counts_either_way_and_within_its_limit_not_at_all(make_world, points):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_price_drift_percent": 5})
    await world.execute()
    alert_id, other = await world.send(buy("A")), await world.send(buy("B"))
    await world.reaches(alert_id, "awaiting_approval")
    await world.reaches(other, "awaiting_approval")
    move(world, 1)
    await world.press(alert_id)
    await world.reaches(alert_id, "filled")
    move(world, points)
    await world.press(other)
    await world.reaches(other, "refused")


async def test_a_drift_that_cannot_be_known_is_said_and_stops_nothing(make_world):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_price_drift_percent": 5})
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "awaiting_approval")
    world.prices._known.clear()
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    await world.press(alert_id)
    await world.reaches(alert_id, "filled")
    assert await world.was_told("Not checked", "risk.max_price_drift_percent")


# the option's market


async def test_a_wide_market_is_refused_when_planning(make_world):
    world = await make_world(risk={"max_spread_percent": Decimal("0.001")})
    await refused(world, buy(), "apart", "risk.max_spread_percent is 0.001")


async def test_a_market_as_it_should_be_is_bought_in(make_world):
    world = await make_world(risk={"max_spread_percent": 20, "min_price": 1})
    await world.execute()
    await world.filled(buy())
    assert not await world.was_told("Not checked")


async def test_a_nearly_worthless_option_is_refused_when_planning(make_world):
    world = await make_world(risk={"min_price": 5_000})
    await refused(world, buy(), "risk.min_price, ₹5000.00")


async def test_a_quote_that_cannot_be_had_is_said_on_both_looks_and_stops_nothing(make_world):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_spread_percent": 20})
    await world.execute()
    world.fault(FaultKind.HTML, route="GET /quote", code=502, times=None)
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "awaiting_approval")
    assert await world.was_told("Not checked", "risk.max_spread_percent")
    await world.press(alert_id)
    await world.reaches(alert_id, "filled")
    told = [text for text in await world.told() if "Not checked" in text]
    assert len(told) == 2


async def test_owners_hours_for_entries_hold_no_exit(make_world):
    clock = Clock(WEDNESDAY.replace(hour=14, minute=44))
    world = await make_world(clock=clock, risk={"entries_from": "09:30", "entries_until": "14:45"})
    await world.execute()
    await world.filled(buy())
    clock.forward(minutes=1)
    await refused(world, buy("B"), "risk.entries_until, 14:45 IST")
    await world.filled(sell())


# the money


async def test_an_order_that_the_account_cannot_carry_is_refused_before_the_broker_sees_it(world):
    await world.execute()
    await refused(world, buy(strike=strike(22_000), lots=20), "it needs ₹", "is free in the account")


async def test_what_was_spent_since_is_seen_at_the_claim(world):
    """Both fit when planned; the second does not any more once the first is bought."""
    first = await world.send(buy("A", strike=strike(22_000), lots=5))
    second = await world.send(buy("B", strike=strike(22_000), lots=5))
    await world.reconciler.read()
    for alert_id in (first, second):
        await world.executor._execute(await world.intent(alert_id))
    await world.reaches(first, "filled")
    view = await world.reaches(second, "refused")
    assert "is free in the account" in view.intents[0].reason
    assert len(world.attempts()) == 1


async def test_money_that_cannot_be_read_is_said_and_stops_nothing(world):
    await world.execute()
    world.fault(FaultKind.HTML, route="GET /user/margins", code=502, times=None)
    await world.filled(buy())
    assert await world.was_told("Not checked", "free margin")


async def test_a_broker_slow_with_its_money_holds_an_entry_up_for_a_moment_only(world, monkeypatch):
    monkeypatch.setattr("gateway.readings.PATIENCE_SECONDS", 0.05)
    await world.execute()
    world.fault(FaultKind.DELAY, route="GET /user/margins", seconds=1.5)
    await world.filled(buy())


async def test_a_no_is_never_from_an_old_reading(world):
    """An exit brought the money back a moment ago."""
    await world.execute()
    await world.filled(buy("A", strike=strike(22_000), lots=6))
    await refused(world, buy("B", strike=strike(22_000), lots=5), "is free in the account")
    await world.filled(sell("A"))
    await world.filled(buy("B", strike=strike(22_000), lots=5))


async def test_no_alert_waits_for_the_money_while_the_market_is_open(world):
    """It is read beside the alerts: with a broker that is slow about it, an entry goes out at once."""
    reader = world.planner._reader
    await world.run(lambda: reader.keep_warm(lambda: True))

    async def known():
        return reader._money["paper"]._known is not None

    await world.until(known)
    await world.execute()
    world.fault(FaultKind.HTML, route="GET /user/margins", code=502, times=None)
    await world.filled(buy())
    assert not await world.was_told("Not checked")


# losses in a row


async def lose(world, strategy):
    await world.filled(buy(strategy))
    move(world, -100)
    await world.filled(sell(strategy))


async def test_after_losses_in_a_row_over_all_strategies_no_more_is_bought_today(make_world):
    world = await make_world(risk={"max_consecutive_losses": 2})
    await world.execute()
    await world.filled(buy("held"))
    await lose(world, "A")
    await lose(world, "B")
    await refused(world, buy("C"), "the last 2 trades of today lost", "risk.max_consecutive_losses is 2")
    await world.filled(sell("held"))
    world.clock.forward(hours=14, seconds=1)
    await world.filled(buy("C"))


async def test_a_gain_in_between_begins_the_count_anew(make_world):
    world = await make_world(risk={"max_consecutive_losses": 2})
    await world.execute()
    await lose(world, "A")
    await world.filled(buy("B"))
    move(world, 300)
    await world.filled(sell("B"))
    await lose(world, "C")
    await world.filled(buy("D"))


# none of it holds an exit


async def test_exits_meet_none_of_these_rules_and_read_nothing_for_them(make_world):
    world = await make_world()
    await world.execute()
    await world.filled(buy())
    world.settings = settings_of(
        risk={
            "max_consecutive_losses": 1,
            "max_price_drift_percent": "0.001",
            "max_spread_percent": "0.001",
            "min_price": 100_000,
            "entries_from": "23:58",
            "entries_until": "23:59",
        }
    )
    await world.restart()
    await world.execute()
    for route in ("GET /user/margins", "GET /quote"):
        world.fault(FaultKind.HTML, route=route, code=502, times=None)
    await world.filled(sell())
    assert set(world.positions().values()) == {0}
    assert not await world.was_told("Not checked")


# how much is used


async def test_an_alert_that_waits_shows_its_share_of_every_limit(make_world):
    risk = {"max_lots_per_order": 4, "max_open_positions": 2, "max_orders_per_day": 10}
    world = await make_world(defaults={"approval": "confirm"}, risk=risk)
    alert_id = await world.send(buy(lots=2))
    await world.reaches(alert_id, "awaiting_approval")
    found = await world.database.read(lambda connection: world.limits.used_by(connection, alert_id))
    shares = {usage.key.removeprefix("risk.max_"): usage.percent for usage in found}
    assert shares["lots_per_order"] == 50
    assert shares["open_positions"] == 50
    assert shares["orders_per_day"] == 10
    assert {"premium_per_order", "daily_loss"} <= shares.keys()


async def test_an_exit_uses_no_limit(world):
    await world.execute()
    await world.filled(buy())
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "filled")
    [row] = [row for row in await world.rows(tables.intents) if row.alert_id == alert_id]
    assert (row.side, row.quantity) == (Side.SELL, LOT)
    assert await world.database.read(lambda connection: world.limits.used_by(connection, alert_id)) == []


async def test_the_day_so_far(make_world):
    world = await make_world(risk={"max_open_positions": 4, "max_daily_loss": 10_000})
    await world.execute()
    await world.filled(buy())
    found = await world.database.read(lambda connection: world.limits.used(connection, "paper"))
    used = {usage.key: usage for usage in found}
    assert used["risk.max_open_positions"].percent == 25
    assert used["risk.max_daily_loss"].used > 0  # the charges of the purchase
