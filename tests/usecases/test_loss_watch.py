"""The day's loss is watched while something is held: entries stop, told once, and what is held may go."""

from datetime import timedelta

import pytest

from gateway import pursuit
from gateway.loss_watch import LossWatch
from gateway.paper.faults import FaultKind
from gateway.risk import daily_loss
from storage import tables
from storage.closings import State
from tests.usecases.world import WEDNESDAY, Clock, buy, sell, settings_of

TOLD = "The day's loss has reached its limit"


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """A clock that stands still needs no pauses."""
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pursuit, "PROOF_SECONDS", 0.0)
    monkeypatch.setattr(pursuit, "PAUSES", (timedelta(0),))
    monkeypatch.setattr(pursuit, "PATIENCE", timedelta(0))


def watch_of(world, *, flatten=True):
    """The watch as the gateway wires it."""
    return LossWatch(
        world.database,
        world.outbox,
        {"paper": world.access},
        world.world_reader,
        world.valuation,
        daily_loss(world.settings),
        world.calendar,
        world.wakeups,
        world.clock,
        world.executor.cancel_entries,
        world.closing if flatten else None,
    )


def fall(world, points=300):
    """Premiums fall; what was known of them is old."""
    world.paper.set_spot("NIFTY", world.paper.spot("NIFTY") - points)
    world.prices._known.clear()


async def times_told(world):
    return sum(TOLD in text for text in await world.told())


async def refused(world, signal, *words):
    alert_id = await world.send(signal)
    view = await world.reaches(alert_id, "refused")
    assert all(word in view.row.reason for word in words), view.row.reason


async def until_flat(world):
    async def flat():
        await world.reconciler.read()
        held = sum(row.quantity for row in await world.rows(tables.holdings))
        ended = all(row.state == State.FLAT for row in await world.rows(tables.closings))
        return ended and held == 0 and not any(world.positions().values())

    await world.until(flat, lambda: "it was not closed")


async def test_an_open_loss_at_the_limit_stops_entries_and_is_told_once(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000})
    watch = watch_of(world, flatten=False)
    await world.execute()
    await world.filled(buy(lots=2))
    await watch.look()
    assert await times_told(world) == 0
    fall(world)
    for _ in range(3):
        await watch.look()
    assert await times_told(world) == 1
    assert await world.was_told(TOLD, "risk.max_daily_loss is ₹1,000.00", "Still held", "/squareoff")
    await refused(world, buy("B"), "today's loss of", "risk.max_daily_loss")
    assert await world.held() > 0  # only entries stop unless it is said otherwise
    await world.filled(sell())


async def test_once_reached_it_holds_for_the_day_whatever_prices_do(make_world):
    clock = Clock(WEDNESDAY)
    world = await make_world(risk={"max_daily_loss": 1_000}, clock=clock)
    watch = watch_of(world, flatten=False)
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    await watch.look()
    fall(world, -600)
    await watch.look()
    await refused(world, buy("B"), "earlier today", "raise risk.max_daily_loss")
    await world.filled(sell())
    clock.forward(hours=14, seconds=1)
    await world.filled(buy("B"))


async def test_a_limit_raised_since_begins_anew(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000})
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    await watch_of(world, flatten=False).look()
    world.settings = settings_of(risk={"max_daily_loss": 1_000_000})
    await world.restart()
    await world.execute()
    await world.filled(buy("B"))
    await watch_of(world).look()
    assert await times_told(world) == 1
    assert await world.held() > 0


async def test_with_flatten_everything_held_is_closed(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000})
    watch = watch_of(world)
    await world.execute()
    await world.filled(buy("A", lots=2))
    await world.filled(buy("B"))
    fall(world)
    await watch.look()
    await until_flat(world)
    assert await world.was_told(TOLD, "is closed now")
    before = len(world.attempts())
    await watch.look()
    assert len(world.attempts()) == before
    assert await times_told(world) == 1


async def test_a_restart_between_the_limit_and_the_closing_still_closes(make_world):
    """The process dies after the flag: the next life closes, and does not tell it twice."""
    world = await make_world(risk={"max_daily_loss": 1_000})
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    await watch_of(world, flatten=False).look()
    await world.restart()
    await world.execute()
    fall(world, -300)  # the price has come back meanwhile: the limit was reached all the same
    watch = watch_of(world)
    await watch.look()
    await until_flat(world)
    assert await times_told(world) == 1


async def test_an_entry_that_works_when_the_limit_is_reached_is_cancelled(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000})
    watch = watch_of(world, flatten=False)
    await world.execute()
    await world.filled(buy(lots=2))
    world.fault(FaultKind.FILL, quantity=0)
    working = await world.send(buy("B"))
    await world.reaches(working, "open")
    fall(world)
    await watch.look()
    await world.reaches(working, "failed")
    assert await world.held("B") == 0


async def test_a_realised_loss_is_told_with_nothing_held(make_world):
    world = await make_world(risk={"max_daily_loss": 500})
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    await world.filled(sell())
    await watch_of(world).look()
    assert await times_told(world) == 1
    assert not await world.was_told(TOLD, "held")


async def test_an_approval_given_after_the_limit_sends_nothing(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000}, strategies={"B": {"approval": "confirm"}})
    watch = watch_of(world, flatten=False)
    await world.execute()
    waiting = await world.send(buy("B"))
    await world.reaches(waiting, "awaiting_approval")
    await world.filled(buy("A", lots=2))
    fall(world)
    await watch.look()
    await world.press(waiting)
    view = await world.reaches(waiting, "refused")
    assert "risk.max_daily_loss" in view.intents[0].reason


async def test_a_price_that_is_not_known_is_no_loss_and_is_said(make_world):
    world = await make_world(risk={"max_daily_loss": 1_000})
    watch = watch_of(world)
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    for route in ("GET /quote/ltp", "GET /portfolio/positions"):
        world.fault(FaultKind.HTML, route=route, code=502, times=None)
    await watch.look()
    assert await times_told(world) == 0
    seen = await world.database.read(lambda connection: world.world_reader.read(connection, "paper"))
    assert (seen.open_gain, len(seen.unpriced)) == (0, 1)
    assert (await world.rows(tables.flags)) == []


async def test_the_personal_app_is_watched_by_its_positions(make_world):
    world = await make_world(kite={"market_data": False}, risk={"max_daily_loss": 1_000})
    watch = watch_of(world, flatten=False)
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    await watch.look()
    assert await times_told(world) == 1


async def test_nothing_is_watched_while_the_market_is_closed(make_world):
    clock = Clock(WEDNESDAY.replace(hour=15, minute=30))
    world = await make_world(
        risk={"max_daily_loss": 1_000},
        market={"hours": "exchange"},
        defaults={"square_off": "none"},
        clock=clock,
    )
    watch = watch_of(world)
    await world.execute()
    await world.filled(buy(lots=2))
    fall(world)
    clock.forward(minutes=11)
    await watch.look()
    assert await times_told(world) == 0
