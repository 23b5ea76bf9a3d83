"""A stored alert run again: the very alert, by the settings of now, on what its strategy held when it came.

The replay's own gateway lives by the real clock; so do these worlds.
"""

import json
from datetime import timedelta

import pytest
from multidict import MultiDict
from sqlalchemy import update

from gateway import prices
from gateway.domain.contract import OptionType
from gateway.domain.market import utc_now
from gateway.domain.signal import Action, ExpiryKind, ExpiryRule, Signal
from gateway.ingress import payload
from gateway.ingress.arrivals import Arrivals
from gateway.replay import NotReplayable, replay
from storage import tables
from tests.usecases.world import LOT, Clock, buy, sell, settings_of

WHOLE = {"symbol": "NIFTY", "option_type": "CE", "strike": "24000", "lots": 2, "expiry": "next"}
PACE = prices.REQUEST_INTERVAL
NEXT = ExpiryRule(kind=ExpiryKind.NEXT)


@pytest.fixture
async def world(make_world):
    return await make_world(clock=Clock(utc_now()))


async def delivered(world, body, **query):
    """The ids of a body's alerts, as the door stores them."""
    sent = json.dumps(body).encode() if not isinstance(body, bytes) else body
    arrivals = (
        Arrivals(world.settings, world.clock)
        .errand(sent, payload.read(sent), query=MultiDict(query), source="webhook 1.2.3.4", webhook_id=None)
        .arrivals
    )
    await world.accept(*arrivals)
    return [arrival.alert_id for arrival in arrivals]


async def run_again(world, alert_id, **changes):
    return await replay(settings_of(**changes) if changes else world.settings, world.database, alert_id)


TWO = [
    {"action": "BUY", "symbol": "NIFTY", "option_type": "PE", "strike": 24000, "lots": 5, "strategy": "R9"},
    {"action": "BUY", "strategy": "RSI"},
]


async def test_an_element_of_an_array_is_never_another_one(world):
    _, second = await delivered(world, TWO)
    with pytest.raises(NotReplayable, match="still not understood: symbol"):
        await run_again(world, second)


async def test_an_element_whose_number_was_never_stored_is_not_guessed(world):
    """As a database has it that an older version began."""
    _, second = await delivered(world, TWO)
    old = (
        update(tables.alerts).where(tables.alerts.c.id == second).values(part=0, body_hash="of the old days")
    )
    await world.write(lambda connection: connection.execute(old))
    with pytest.raises(NotReplayable, match="did not note which of its body's 2"):
        await run_again(world, second, strategies={"RSI": WHOLE})


async def test_what_was_not_understood_is_by_the_settings_of_now(world):
    _, second = await delivered(world, TWO)
    outcome = await run_again(world, second, strategies={"RSI": WHOLE})
    answer = outcome["answer"]
    assert (answer["status"], answer["action"], answer["quantity"]) == ("filled", "BUY", 2 * LOT)
    assert answer["tradingsymbol"].endswith("24000CE")
    assert "began_with" not in outcome


async def test_a_strategy_named_in_the_address_has_its_own_settings(world):
    (alert_id,) = await delivered(world, b"BUY", strategy="RSI")
    assert await world.status(alert_id) == "invalid"
    outcome = await run_again(world, alert_id, strategies={"RSI": WHOLE})
    assert (outcome["answer"]["status"], outcome["answer"]["quantity"]) == ("filled", 2 * LOT)


async def test_an_exit_begins_with_what_was_held_when_it_came(world):
    await world.execute()
    entry = await world.filled(buy(lots=3, expiry=NEXT))
    await world.filled(buy("another", lots=2, expiry=NEXT))
    world.clock.forward(seconds=1)
    await world.filled(sell(lots=1))
    world.clock.forward(seconds=1)
    second = await world.send(sell(lots=1))
    await world.reaches(second, "filled")
    world.clock.forward(seconds=1)
    await world.filled(sell())
    outcome = await run_again(world, second, defaults={"approval": "confirm", "confirm_exits": True})
    symbol = entry.intents[0].tradingsymbol
    assert outcome["began_with"].startswith("what S held when the alert came, by the fills stored until ")
    assert outcome["began_with"].endswith(f" IST: {2 * LOT} {symbol} NRML")
    answer = outcome["answer"]
    assert (answer["status"], answer["action"], answer["quantity"]) == ("filled", "SELL", LOT)
    assert answer["tradingsymbol"] == symbol


async def test_an_exit_that_found_nothing_finds_nothing(world):
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "refused", look=False)
    outcome = await run_again(world, alert_id)
    assert outcome["began_with"].endswith("IST: nothing")
    assert (outcome["answer"]["status"], outcome["answer"]["success"]) == ("refused", False)


async def test_a_short_is_begun_with_too(make_world):
    world = await make_world(clock=Clock(utc_now()), strategies={"S": {"allow_short": True}})
    await world.execute()
    await world.filled(sell(strike=buy().strike, lots=1, expiry=NEXT))
    world.clock.forward(seconds=1)
    cover = await world.send(buy())
    await world.reaches(cover, "filled")
    outcome = await run_again(world, cover)
    assert f": {-LOT} NIFTY" in outcome["began_with"]
    assert (outcome["answer"]["action"], outcome["answer"]["quantity"]) == ("BUY", LOT)
    assert outcome["steps"][1]["event"] == "alert.planned"


async def test_a_turn_first_closes_what_was_held(world, monkeypatch):
    await world.execute()
    await world.filled(buy(expiry=NEXT))
    world.clock.forward(seconds=1)
    turn = {"prev_market_position": "long", "market_position": "short"}
    alert_id = await world.send(buy(option_type=OptionType.PE, expiry=NEXT, **turn))
    await world.reaches(alert_id, "filled")
    # Two prices are read, and the replay's exchange keeps to Kite's pace.
    monkeypatch.setattr(prices, "REQUEST_INTERVAL", PACE)
    outcome = await run_again(world, alert_id)
    assert f": {LOT} NIFTY" in outcome["began_with"]
    assert outcome["answer"]["status"] == "filled"


async def test_what_has_expired_since_is_said_and_not_brought_back(make_world):
    world = await make_world(clock=Clock(utc_now() - timedelta(days=90)))
    await world.execute()
    entry = await world.filled(buy())
    alert_id = await world.send(Signal(action=Action.EXIT, strategy="S"))
    await world.reaches(alert_id, "filled")
    outcome = await run_again(world, alert_id)
    symbol = entry.intents[0].tradingsymbol
    assert f"nothing; expired since, and so not brought back: {LOT} {symbol}" in outcome["began_with"]
    assert outcome["answer"]["status"] == "refused"


async def test_what_the_records_cannot_tell_is_said(world):
    """The exit came before its entry was filled, and waited for it."""
    await world.send(buy(expiry=NEXT))
    alert_id = await world.send(sell())
    world.clock.forward(seconds=5)
    await world.execute()
    await world.reaches(alert_id, "filled")
    outcome = await run_again(world, alert_id)
    assert "nothing; an order was under way then" in outcome["began_with"]
