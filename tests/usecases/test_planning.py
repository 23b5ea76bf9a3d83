"""From a signal to an intent: contract, units, slices, price; or the reason why nothing is ordered."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.signal import ExpiryKind, ExpiryRule, Level, LevelKind, StrikeKind, StrikeRule
from gateway.paper.faults import FaultKind
from tests.usecases.world import LOT, buy, settings_of, strike


async def planned(world, signal):
    """The intents of a signal, before anything is sent."""
    alert_id = await world.send(signal)
    await world.until(lambda: world.intents(alert_id))
    return await world.intents(alert_id)


async def refused(world, signal):
    """Why nothing is ordered; the owner heard it, too."""
    alert_id = await world.send(signal)
    view = await world.reaches(alert_id, "refused", "stale", look=False)
    assert await world.intents(alert_id) == []
    assert await world.was_told(alert_id, "Nothing was ordered")
    assert world.attempts() == []
    return view.row.reason


async def test_an_entry_becomes_one_protected_market_order_of_the_listed_contract(world):
    (row,) = await planned(world, buy(lots=2))
    assert (row.tradingsymbol, row.exchange, row.side, row.purpose) == (
        "NIFTY26D0124000CE",
        "NFO",
        "BUY",
        "entry",
    )
    assert (row.quantity, row.product, row.order_type, row.price) == (2 * LOT, "NRML", "MARKET", None)
    assert row.market_protection == -1
    assert row.premium == Decimal("183.65")
    assert (row.state, row.part, len(row.tag)) == ("approved", 1, 18)


@pytest.mark.parametrize(
    ("level", "symbol"),
    [
        ("24013.45", "NIFTY26D0124000CE"),
        ("24113.45", "NIFTY26D0124100CE"),
        ("24025", "NIFTY26D0124000CE"),
        ("24025.05", "NIFTY26D0124050CE"),
    ],
)
async def test_the_nearest_listed_strike_is_meant(world, level, symbol):
    (row,) = await planned(world, buy(strike=strike(level)))
    assert row.tradingsymbol == symbol


@pytest.mark.parametrize(
    ("kind", "value", "option_type", "symbol"),
    [
        (StrikeKind.ATM, 0, OptionType.CE, "NIFTY26D0124000CE"),
        (StrikeKind.ATM, 2, OptionType.PE, "NIFTY26D0124100PE"),
        (StrikeKind.OTM, 1, OptionType.PE, "NIFTY26D0123950PE"),
        (StrikeKind.ITM, 1, OptionType.CE, "NIFTY26D0123950CE"),
    ],
)
async def test_money_is_counted_from_the_index_as_quoted(world, kind, value, option_type, symbol):
    rule = StrikeRule(kind=kind, value=Decimal(value))
    (row,) = await planned(world, buy(strike=rule, option_type=option_type))
    assert row.tradingsymbol == symbol


async def test_the_chosen_expiry_is_taken(world):
    named = ExpiryRule(kind=ExpiryKind.DATE, day=world.instruments.chain("NIFTY").expiries[2])
    for rule, expiry in (
        (ExpiryRule(kind=ExpiryKind.NEXT), "2026-12-08"),
        (ExpiryRule(kind=ExpiryKind.MONTHLY), "2026-12-29"),
        (named, str(named.day)),
    ):
        (row,) = await planned(world, buy(str(expiry), expiry=rule))
        assert str(row.expiry) == expiry


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strike": strike(55_000)}, "outside NIFTY's listed strikes"),
        ({"quantity": 100, "lots": None}, "right would be 65 or 130"),
        ({"quantity": 65, "lots": 2}, "disagree"),
        ({"lots": None}, "names no quantity or lots"),
        ({"symbol": "SENSEX"}, "SENSEX"),
        ({"strike": None}, "does not name symbol, option_type and strike"),
        ({"expiry": ExpiryRule(kind=ExpiryKind.DATE, day=None)}, "no living expiry"),
    ],
)
async def test_what_cannot_be_ordered_is_refused_with_the_reason(world, changes, words):
    assert words in await refused(world, buy(**changes))


async def test_money_without_a_price_of_the_index_is_refused(world):
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    rule = StrikeRule(kind=StrikeKind.ATM, value=Decimal(0))
    assert "index level is not known" in await refused(world, buy(strike=rule))


async def test_more_than_the_freeze_quantity_goes_in_slices_each_with_a_tag(world):
    rows = await planned(world, buy(lots=60))
    assert [row.quantity for row in rows] == [1755, 1755, 390]
    assert [row.part for row in rows] == [1, 2, 3]
    assert len({row.tag for row in rows}) == 3


@pytest.mark.parametrize(
    ("pricing", "price"), [("marketable_limit", Decimal("187.35")), ("limit", Decimal("183.65"))]
)
async def test_a_limit_has_its_price_on_the_tick_and_no_protection(make_world, pricing, price):
    world = await make_world(defaults={"approval": "auto", "pricing": pricing})
    (row,) = await planned(world, buy())
    assert (row.order_type, row.price, row.market_protection) == ("LIMIT", price, None)


async def test_a_limit_entry_without_a_price_is_refused(make_world):
    world = await make_world(defaults={"approval": "auto", "pricing": "limit"})
    world.fault(FaultKind.HTML, route="GET /quote/ltp", code=502, times=None)
    assert "limit needs one" in await refused(world, buy())


async def test_a_strategys_own_settings_win(make_world):
    world = await make_world(
        defaults={"approval": "auto", "round_quantity": "down"},
        strategies={"S": {"product": "MIS", "market_protection": 2.5}},
    )
    (row,) = await planned(world, buy(quantity=150, lots=None))
    assert (row.product, row.market_protection, row.quantity) == ("MIS", Decimal("2.5"), 2 * LOT)


async def test_stop_and_target_are_kept_as_they_were_said(world):
    signal = buy(
        stop_loss=Level(kind=LevelKind.PERCENT, value=Decimal(-20)),
        target=Level(kind=LevelKind.PRICE, value=Decimal("220.50")),
    )
    (row,) = await planned(world, signal)
    assert (row.stop_loss, row.target) == ("-20%", "220.50")


async def test_the_question_says_what_margin_it_takes(asking):
    (row,) = await planned(asking, buy(lots=2))
    assert row.margin_paise == int(Decimal("183.70") * 2 * LOT * 100) or row.margin_paise > 0


async def test_without_market_data_the_premium_comes_from_the_margin(make_world):
    world = await make_world(kite={"market_data": False})
    (row,) = await planned(world, buy(lots=2))
    assert row.margin_paise
    assert row.premium == (Decimal(row.margin_paise) / 100 / (2 * LOT)).quantize(Decimal("0.01"))


# age


@pytest.mark.parametrize(("seconds", "stale"), [(60, False), (61, True), (86_400, True)])
async def test_an_old_alert_is_stale(world, seconds, stale):
    fired = world.clock() - timedelta(seconds=seconds)
    if stale:
        assert f"{seconds} s old; 60 s are allowed" in await refused(world, buy(time=fired))
    else:
        assert await planned(world, buy(time=fired))


async def test_an_alert_that_waited_through_a_stop_is_stale(world):
    await world.lanes.stop()
    alert_id = await world.send(buy())
    world.clock.forward(seconds=61)
    await world.restart()
    await world.reaches(alert_id, "stale", look=False)


async def test_a_senders_clock_that_is_ahead_makes_no_old_alert_young(world):
    await world.lanes.stop()
    alert_id = await world.send(buy(time=world.clock() + timedelta(hours=2)))
    world.clock.forward(hours=1)
    await world.restart()
    await world.reaches(alert_id, "stale", look=False)


@pytest.mark.parametrize(
    ("ahead", "read"),
    [
        ({"seconds": 61}, "25 Nov 2026 10:01:01 IST"),
        ({"hours": 2}, "25 Nov 2026 12:00:00 IST"),
        ({"days": 27_000}, "28 Oct 2100 10:00:00 IST"),
        # fired at 07:00 by an Indian clock, written without a zone: three hours old, and read as 12:30
        ({"hours": 2, "minutes": 30}, "25 Nov 2026 12:30:00 IST"),
    ],
)
async def test_an_entry_from_the_future_is_refused_because_its_age_is_not_known(world, ahead, read):
    reason = await refused(world, buy(time=world.clock() + timedelta(**ahead)))
    assert f"read as {read}" in reason
    assert "{{timenow}}" in reason
    assert "UTC" in reason


async def test_a_senders_clock_may_be_a_minute_ahead(world):
    assert await planned(world, buy(time=world.clock() + timedelta(seconds=60)))


@pytest.mark.parametrize(
    ("age", "hinted"),
    [
        ({"minutes": 5}, True),
        ({"hours": 24}, True),
        ({"minutes": 5, "seconds": 7}, False),
        ({"hours": 24, "minutes": 1}, False),
    ],
)
async def test_a_bars_opening_time_sent_for_the_alerts_is_pointed_out(world, age, hinted):
    reason = await refused(world, buy(time=world.clock() - timedelta(**age)))
    assert ("{{time}}: that is when its bar opened" in reason) is hinted


async def test_an_alert_that_only_waited_here_is_not_suspected_of_a_bars_time(world):
    await world.lanes.stop()
    alert_id = await world.send(buy(time=world.clock()))
    world.clock.forward(minutes=5)
    await world.restart()
    view = await world.reaches(alert_id, "stale", look=False)
    assert view.row.reason == "the alert is 300 s old; 60 s are allowed"


async def test_each_strategy_has_its_own_patience(make_world):
    world = await make_world(strategies={"S": {"max_alert_age_seconds": 3600}})
    assert await planned(world, buy(time=world.clock() - timedelta(seconds=3599)))


async def test_an_alert_is_planned_once_though_it_is_handed_on_twice(world, logged):
    alert_id = await world.send(buy())
    await world.intent(alert_id)
    await world.restart()
    assert len(await world.intents(alert_id)) == 1
    assert [row for row in logged if row["event"] == "alert_not_worked_on"] == []


async def test_after_a_restart_with_other_settings_the_new_ones_hold(world):
    await world.lanes.stop()
    alert_id = await world.send(buy())
    world.settings = settings_of(defaults={"approval": "confirm"})
    await world.restart()
    await world.reaches(alert_id, "awaiting_approval", look=False)
