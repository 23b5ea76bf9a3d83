"""Patience with working orders: an entry's rest is cancelled, an exit's priced anew, never twice at once."""

import asyncio

import pytest

from gateway import chase, positions
from gateway.chase import ENTRY_PATIENCE, EXIT_PATIENCE, LIMIT_ENTRY_PATIENCE, MOST_CHASES
from gateway.domain.order import IntentState
from gateway.paper.faults import FaultKind
from storage import intents, tables
from tests.usecases.world import LOT, buy, sell

PLACE = "POST /orders/*"


async def resting(world, signal, *, quantity=0, status="open"):
    """An alert whose order fills so many units and then rests."""
    world.fault(FaultKind.FILL, quantity=quantity)
    alert_id = await world.send(signal)
    await world.reaches(alert_id, status)
    return alert_id


async def ended(world, alert_id, part=0):
    """The book shows that the order of this part of the alert has ended."""

    async def seen():
        await world.reconciler.read()
        rows = await world.intents(alert_id)
        orders = await world.rows(tables.orders)
        return any(
            row.intent_id == rows[part].id and row.state in {"cancelled", "rejected"} for row in orders
        )

    await world.until(seen)


async def test_an_entry_that_does_not_fill_is_cancelled_after_a_while_and_not_sent_again(world):
    await world.execute()
    alert_id = await resting(world, buy(lots=2), quantity=LOT)
    world.clock.forward(seconds=ENTRY_PATIENCE.total_seconds() - 1)
    await world.chaser.look()
    assert await world.status(alert_id) == "open"
    world.clock.forward(seconds=1)
    await world.chaser.look()
    await world.reaches(alert_id, "filled")
    assert await world.held() == LOT
    await world.chaser.look()
    assert len(world.attempts()) == 1
    assert await world.was_told("Cancelled", f"{LOT} of {2 * LOT} units were filled")


async def test_an_entry_that_is_to_rest_at_its_limit_has_more_time(make_world):
    world = await make_world(defaults={"approval": "auto", "pricing": "limit"})
    await world.execute()
    alert_id = await resting(world, buy())
    world.clock.forward(seconds=LIMIT_ENTRY_PATIENCE.total_seconds() - 1)
    await world.chaser.look()
    assert await world.status(alert_id) == "open"
    world.clock.forward(seconds=1)
    await world.chaser.look()
    await world.reaches(alert_id, "failed")


async def chased(world, alert_id, part=0):
    """The rest of an exit is cancelled, and carried on once that is seen."""
    world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
    await world.chaser.look()
    await ended(world, alert_id, part)
    await world.chaser.look()


async def test_an_exits_rest_is_cancelled_priced_anew_and_sold(world):
    await world.execute()
    await world.filled(buy(lots=3))
    alert_id = await resting(world, sell(), quantity=LOT)
    await chased(world, alert_id)
    await world.reaches(alert_id, "filled")

    async def flat():
        await world.reconciler.read()
        return await world.held() == 0

    await world.until(flat)
    rows = await world.intents(alert_id)
    assert [row.quantity for row in rows] == [3 * LOT, 2 * LOT]
    assert rows[1].follows == rows[0].id
    assert len({row.tag for row in rows}) == 2
    assert set(world.positions().values()) == {0}


async def test_a_rest_is_not_sent_anew_before_its_cancellation_is_seen(world):
    """Until the book says so it may still fill."""
    await world.execute()
    await world.filled(buy(lots=2))
    world.fault(FaultKind.SLOW_CANCEL, seconds=1000)
    alert_id = await resting(world, sell())
    for _ in range(3):
        world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
        await world.chaser.look()
        await world.reconciler.read()
    assert len(await world.intents(alert_id)) == 1
    assert len(world.attempts()) == 2


async def test_two_looks_at_once_carry_a_rest_on_once(world):
    await world.execute()
    await world.filled(buy(lots=2))
    alert_id = await resting(world, sell())
    world.executor.shut("paper")
    world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
    await world.chaser.look()

    async def cancelled():
        await world.reconciler._take(await world.orders(), whole=True)
        return (await world.rows(tables.orders))[-1].state == "cancelled"

    await world.until(cancelled)
    await asyncio.gather(*(world.chaser.look() for _ in range(4)))
    assert len(await world.intents(alert_id)) == 2


async def test_a_rest_is_never_more_than_is_held_and_not_being_sold(world):
    await world.execute()
    await world.filled(buy(lots=2))
    alert_id = await resting(world, sell())
    row = await world.intent(alert_id)
    world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
    await world.chaser.look()
    await ended(world, alert_id)
    await world.filled(sell())  # another exit was quicker
    await world.chaser.look()
    assert await world.intents(alert_id) == [row] or len(await world.intents(alert_id)) == 1
    assert set(world.positions().values()) == {0}


async def test_after_so_many_times_the_owner_is_asked_and_the_last_order_left_working(world):
    await world.execute()
    await world.filled(buy(lots=2))
    world.fault(FaultKind.FILL, quantity=0, times=None)
    alert_id = await world.send(sell())
    await world.reaches(alert_id, "open")
    for part in range(MOST_CHASES):
        await chased(world, alert_id, part)

        async def open_again(count=part + 2):
            await world.reconciler.read()
            rows = await world.intents(alert_id)
            return len(rows) == count and rows[-1].state == IntentState.PLACED

        await world.until(open_again)
    for _ in range(3):
        world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
        await world.chaser.look()
    rows = await world.intents(alert_id)
    assert len(rows) == MOST_CHASES + 1
    assert rows[-1].questioned_at is not None
    working = [row for row in await world.rows(tables.orders) if row.state in {"placed", "open"}]
    assert [row.intent_id for row in working] == [rows[-1].id]
    assert max(world.positions().values()) == 2 * LOT, "nothing was oversold meanwhile"


async def test_the_kill_switch_ends_the_chase(world):
    await world.execute()
    await world.filled(buy(lots=2))
    alert_id = await resting(world, sell())
    world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
    await world.chaser.look()
    await ended(world, alert_id)
    await world.kill_switch.throw("Asha")
    await world.chaser.look()
    await world.kill_switch.lift("Asha")
    await world.chaser.look()
    assert len(await world.intents(alert_id)) == 1, "nothing comes back at resume"


async def test_a_slow_quote_does_not_hold_up_a_rest(world, monkeypatch):
    monkeypatch.setattr(positions, "READ_PATIENCE_SECONDS", 0.05)
    await world.execute()
    await world.filled(buy(lots=2))
    alert_id = await resting(world, sell())
    world.clock.forward(seconds=EXIT_PATIENCE.total_seconds())
    await world.chaser.look()
    await ended(world, alert_id)
    world.prices._known.clear()
    world.fault(FaultKind.DELAY, route="GET /quote/ltp", seconds=1.5, times=None)
    async with asyncio.timeout(1.0):
        await world.chaser.look()
    assert len(await world.intents(alert_id)) == 2


@pytest.mark.parametrize("message", ["Price outside the current execution range", "Circuit limit"])
async def test_an_entry_refused_for_its_price_is_tried_once_more(world, message):
    world.fault(FaultKind.REFUSE, route=PLACE, message=message, times=None)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "failed")
    for _ in range(3):
        await world.chaser.look()
        await asyncio.sleep(0.02)

    async def both():
        return len(world.attempts()) == 2 and not world.executor.in_flight()

    await world.until(both)
    await world.chaser.look()
    assert len(await world.intents(alert_id)) == 2
    assert len(set(world.attempts())) == 2, "each with a tag of its own"


async def test_an_entry_refused_for_anything_else_is_not_tried_again(world):
    world.fault(FaultKind.REFUSE, route=PLACE, message="Insufficient funds.", error_type="MarginException")
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "failed")
    await world.chaser.look()
    assert len(await world.intents(alert_id)) == 1


async def test_an_unknown_order_is_never_chased(world):
    world.fault(FaultKind.DROP, route=PLACE)
    await world.execute()
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "unknown", look=False)
    world.clock.forward(hours=1)
    await world.chaser.look()
    assert (
        await world.database.read(lambda connection: intents.successor_of(connection, f"{alert_id}-1"))
        is None
    )
    assert len(world.attempts()) == 1


def test_patience_is_shorter_for_exits():
    assert EXIT_PATIENCE < ENTRY_PATIENCE < LIMIT_ENTRY_PATIENCE
    assert chase.CHASE_STEP >= 100
