"""Promise 3, the limits: each refuses when planning and again at the claim; all refusals are collected."""

import asyncio

import pytest

from gateway.breaker import ENTRIES_HALTED
from gateway.domain.market import IST
from gateway.paper.faults import FaultKind
from storage import flags, modes, tables
from tests.usecases.world import LOT, WEDNESDAY, Clock, buy, sell, settings_of, strike


async def refused_when_planning(world, *words, signal=None):
    alert_id = await world.send(signal or buy())
    await world.reaches(alert_id, "refused")
    assert await world.intents(alert_id) == []
    assert await world.was_told(alert_id, *words)
    return alert_id


async def refused_at_the_claim(world, change, *words):
    """Planned while all was well; then the world changes; then its turn comes."""
    alert_id = await world.send(buy("claimed"))
    await world.intent(alert_id)
    before = len(world.attempts())
    await change()
    await world.execute()
    view = await world.reaches(alert_id, "refused")
    assert view.intents[0].refused_by == "rules"
    assert all(word in view.intents[0].reason for word in words), view.intents[0].reason
    assert await world.was_told("Not sent", *words)
    assert len(world.attempts()) == before


def setting(world, name, value="on"):
    async def change():
        await world.write(lambda connection: flags.put(connection, name, value, by="x", at=world.clock()))

    return change


def pausing(world, strategy):
    async def change():
        await world.write(lambda connection: modes.pause(connection, strategy, by="x", at=world.clock()))

    return change


async def test_the_kill_switch_at_both_looks(make_world):
    world = await make_world()
    await refused_at_the_claim(world, setting(world, flags.KILL_SWITCH), "the kill switch is on")
    await refused_when_planning(world, "the kill switch is on")


async def test_halted_entries_at_both_looks(world):
    await refused_at_the_claim(world, setting(world, ENTRIES_HALTED, "IP"), "new entries are stopped (IP)")
    await refused_when_planning(world, "new entries are stopped (IP)")


@pytest.mark.parametrize(
    ("strategy", "words"), [(None, "everything is paused"), ("claimed", "claimed is paused")]
)
async def test_a_pause_at_both_looks(world, strategy, words):
    await refused_at_the_claim(world, pausing(world, strategy), words)
    await refused_when_planning(world, words, signal=buy("claimed"))


async def test_a_paused_strategy_pauses_no_other_and_exits_go_on(world):
    await world.execute()
    await world.filled(buy("claimed"))
    await pausing(world, "claimed")()
    await world.filled(sell("claimed"))
    await world.filled(buy("other"))


async def test_the_session_at_both_looks(world):
    alert_id = await world.send(buy("claimed"))
    await world.intent(alert_id)
    world.paper.kill_token()
    await world.reconciler.read()
    world.executor.open("paper")
    await world.run(world.executor.run)
    await world.reaches(alert_id, "refused", look=False)
    assert await world.was_told("Not sent", "nobody is logged in")
    second = await world.send(buy())
    await world.reaches(second, "refused", look=False)
    assert world.attempts() == []


async def test_market_hours_at_both_looks(make_world):
    clock = Clock(WEDNESDAY.replace(hour=15, minute=39, second=50))
    hours, kept = {"hours": "exchange"}, {"square_off": "none"}
    world = await make_world(market=hours, defaults=kept, clock=clock)

    async def closes():
        clock.forward(seconds=11)

    await refused_at_the_claim(world, closes, "the market is closed")
    await refused_when_planning(world, "the market is closed")


async def test_open_positions_count_what_is_on_its_way_over_all_strategies(make_world):
    world = await make_world(risk={"max_open_positions": 2})
    await world.execute()
    await world.filled(buy("A"))
    world.fault(FaultKind.FILL, quantity=0)
    await world.reaches(await world.send(buy("B")), "open")
    await refused_when_planning(world, "2 positions are open or on their way", signal=buy("C"))
    await world.filled(buy("A"))  # more of what is held is no new position


async def test_positions_that_wait_for_approval_count_too(make_world):
    world = await make_world(defaults={"approval": "confirm"}, risk={"max_open_positions": 1})
    await world.reaches(await world.send(buy("A")), "awaiting_approval")
    await refused_when_planning(world, "1 positions are open or on their way", signal=buy("B"))


async def test_a_position_that_opened_since_is_seen_at_the_claim(make_world):
    """An order thought dead is found in the book after the next one was planned."""
    world = await make_world(risk={"max_open_positions": 1})
    world.fault(FaultKind.DROP, route="POST /orders/*")
    await world.execute()
    lost = await world.send(buy("A"))
    await world.reaches(lost, "unknown")
    world.clock.forward(seconds=180)
    await world.reconciler.read()
    await world.unknown.it_is_not_there(f"{lost}-1", "Asha")
    world.executor.shut("paper")
    waiting = await world.send(buy("B"))
    await world.intent(waiting)
    await by_hand(world, (await world.intent(lost)).tag)
    view = await world.reaches(waiting, "refused")
    assert "risk.max_open_positions is 1" in view.intents[0].reason
    assert await world.held("A") == LOT


async def by_hand(world, tag):
    """The order turns up, under that tag."""
    contract = (await world.rows(tables.intents))[0]
    await asyncio.to_thread(
        world.client._kite.place_order,
        variety="regular",
        exchange=contract.exchange,
        tradingsymbol=contract.tradingsymbol,
        transaction_type="BUY",
        quantity=LOT,
        product="NRML",
        order_type="MARKET",
        market_protection=-1,
        tag=tag,
    )


async def test_orders_a_day_count_refused_ones_and_begin_anew_at_midnight_in_india(make_world):
    clock = Clock()
    world = await make_world(risk={"max_orders_per_day": 2}, clock=clock)
    await world.execute()
    world.fault(FaultKind.REFUSE, route="POST /orders/*", message="No.")
    await world.reaches(await world.send(buy("A")), "failed")
    await world.filled(buy("B"))
    await refused_when_planning(world, "2 orders were sent today", signal=buy("C"))
    await world.filled(sell("B"))
    clock.now = clock.now.astimezone(IST).replace(day=26, hour=0, minute=0, second=1)
    await world.filled(buy("C"))


async def test_orders_a_day_at_the_claim(make_world):
    """Two were planned when one was left."""
    world = await make_world(risk={"max_orders_per_day": 1})
    alert_ids = [await world.send(buy(name)) for name in "AB"]
    for alert_id in alert_ids:
        await world.intent(alert_id)
    await world.execute()
    views = [await world.reaches(alert_id, "filled", "refused") for alert_id in alert_ids]
    assert sorted(view.status for view in views) == ["filled", "refused"]
    assert await world.was_told("Not sent", "risk.max_orders_per_day is 1")


async def lose(world, strategy="loser"):
    """Buys dear and sells cheap."""
    await world.filled(buy(strategy, lots=2))
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") - 300)
    world.prices._known.clear()
    await world.filled(sell(strategy))


async def test_the_days_loss_at_both_looks_and_exits_go_on(make_world):
    world = await make_world(risk={"max_daily_loss": 500})
    waiting = await world.send(buy("waiting"))
    await world.intent(waiting)
    await world.execute()
    await world.reaches(waiting, "filled")
    await lose(world)
    await refused_when_planning(world, "today's loss of", "risk.max_daily_loss")
    await world.filled(sell("waiting"))
    world.clock.forward(hours=14, seconds=1)  # past midnight
    await world.filled(buy("next day"))


async def test_the_days_loss_at_the_claim(make_world):
    world = await make_world(risk={"max_daily_loss": 500})
    await world.execute()
    await world.filled(buy("loser", lots=2))
    world.executor.shut("paper")
    waiting = await world.send(buy("waiting"))
    await world.intent(waiting)
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") - 300)
    leaving = await world.send(sell("loser"))
    row = await world.intent(leaving)
    await world.executor._execute(row)
    await world.reaches(leaving, "filled")
    view = await world.reaches(waiting, "refused", "filled")
    assert "risk.max_daily_loss" in view.intents[0].reason


async def test_lots_premium_and_symbol_when_planning_all_in_one_message(make_world):
    world = await make_world(
        risk={"max_lots_per_order": 1, "max_premium_per_order": 1_000, "allowed_symbols": ["SENSEX"]}
    )
    alert_id = await world.send(buy(lots=2))
    view = await world.reaches(alert_id, "refused")
    for words in ("2 lots", "max_premium_per_order", "NIFTY is not among"):
        assert words in view.row.reason
        assert await world.was_told(alert_id, words)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_lots_per_order": 1}, "max_lots_per_order"),
        ({"max_premium_per_order": 1_000}, "max_premium_per_order"),
        ({"allowed_symbols": ["SENSEX"]}, "allowed_symbols"),
        ({"max_spread_percent": "0.001"}, "max_spread_percent"),
        ({"min_price": 10_000}, "min_price"),
        ({"entries_from": "10:01"}, "entries_from"),
        ({"entries_until": "10:00"}, "entries_until"),
    ],
)
async def test_limits_that_were_lowered_before_a_restart_hold_at_the_claim(make_world, limits, words):
    world = await make_world()
    alert_id = await world.send(buy("claimed", lots=2))
    await world.intent(alert_id)
    world.settings = settings_of(risk=limits)
    await world.restart()
    await world.execute()
    view = await world.reaches(alert_id, "refused")
    assert words in view.intents[0].reason
    assert world.attempts() == []


async def test_without_a_price_the_premium_cannot_be_judged_and_that_is_a_no(make_world):
    world = await make_world()
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    await refused_when_planning(world, "no price of the option could be had")


async def test_exits_go_through_every_limit_at_once(make_world):
    world = await make_world()
    await world.execute()
    await world.filled(buy(lots=3))
    world.settings = settings_of(
        risk={
            "max_lots_per_order": 1,
            "max_premium_per_order": 1,
            "max_open_positions": 1,
            "max_orders_per_day": 1,
            "max_daily_loss": 1,
            "allowed_symbols": ["SENSEX"],
        },
        strategies={"S": {"enabled": False}},
    )
    await world.restart()
    await world.execute()
    await pausing(world, None)()
    await setting(world, ENTRIES_HALTED, "IP")()
    await world.filled(sell())
    assert set(world.positions().values()) == {0}


async def test_a_strategy_switched_off_opens_nothing(make_world):
    world = await make_world(strategies={"S": {"enabled": False}})
    await refused_when_planning(world, "switched off in the configuration", signal=buy(strike=strike(24_000)))
