"""Promise 3, the kill switch: nothing after it; what works is cancelled; it stays until it is lifted."""

import asyncio
import sqlite3

import pytest

from gateway import kill_switch
from gateway.domain.order import IntentState
from gateway.paper.faults import FaultKind
from storage import flags, tables
from storage.engine import Database
from tests.usecases.world import buy, sell

PLACE = "POST /orders/*"


async def test_after_the_switch_no_entry_and_no_exit_of_an_alert_is_sent(world):
    await world.execute()
    await world.filled(buy())
    await world.kill_switch.throw("Asha")
    for signal in (buy(), sell()):
        alert_id = await world.send(signal)
        await world.reaches(alert_id, "refused")
        assert await world.was_told("the kill switch is on: /resume ends it", alert_id)
    assert len(world.attempts()) == 1


async def test_questions_are_void_and_a_press_after_it_changes_nothing(asking):
    await asking.execute()
    alert_id = await asking.send(buy())
    await asking.reaches(alert_id, "awaiting_approval")
    await asking.kill_switch.throw("Asha")
    assert await asking.status(alert_id) == "refused"
    assert not (await asking.press(alert_id)).changed
    await asking.kill_switch.lift("Asha")
    decision = await asking.press(alert_id)
    assert (decision.changed, decision.sentence) == (False, "No longer open: the kill switch was thrown.")
    assert asking.attempts() == []


async def test_between_approval_and_claim_the_switch_stops_the_order(asking):
    alert_id = await asking.send(buy())
    await asking.reaches(alert_id, "awaiting_approval")
    await asking.press(alert_id)
    await asking.kill_switch.throw("Asha")
    await asking.execute()
    await asking.reaches(alert_id, "refused")
    assert asking.attempts() == []
    assert await asking.was_told("Kill switch on", "Orders stopped before sending: 1")


async def test_between_claim_and_call_the_switch_stops_the_order(world, monkeypatch):
    real = world.executor._claim

    def claim(connection, intent_id, readings):
        done = real(connection, intent_id, readings)
        kill_switch.throw(connection, world.outbox, "the command line", world.clock())
        return done

    monkeypatch.setattr(world.executor, "_claim", claim)
    await world.execute()
    alert_id = await world.send(buy())
    view = await world.reaches(alert_id, "refused")
    assert view.intents[0].reason == "the kill switch was thrown before it was sent"
    assert world.attempts() == []
    assert await world.was_told("Not sent", "kill switch was thrown")
    assert await world.was_told("1 on the way to Kite")


async def test_approve_and_kill_at_once_end_in_one_of_the_two_and_never_in_both(asking):
    await asking.execute()
    filled = 0
    for _ in range(8):
        alert_id = await asking.send(buy())
        await asking.reaches(alert_id, "awaiting_approval")
        await asyncio.gather(asking.press(alert_id), asking.kill_switch.throw("Asha"))
        filled += (await asking.reaches(alert_id, "refused", "filled")).status == "filled"
        assert len(asking.attempts()) == filled
        await asking.kill_switch.lift("Asha")


async def test_it_works_on_the_database_without_a_running_gateway(world):
    """The command line's way: a transaction of another process."""
    await world.execute()
    command_line = Database(f"sqlite:///{world.path}")
    command_line.write_now(
        lambda connection: kill_switch.throw(connection, world.outbox, "cli", world.clock())
    )
    await command_line.close()
    refused = await world.send(buy())
    await world.reaches(refused, "refused")


async def test_it_outlives_a_restart(world):
    await world.kill_switch.throw("Asha")
    await world.restart()
    await world.execute()
    await world.reaches(await world.send(buy()), "refused")


async def working(world, **changes):
    world.fault(FaultKind.FILL, quantity=0)
    alert_id = await world.send(buy(**changes))
    await world.reaches(alert_id, "open")
    return alert_id


async def cancelled(world, alert_id):
    await world.reaches(alert_id, "failed")
    assert world.paper.book()["orders"][-1]["status"] == "CANCELLED"


async def test_working_orders_are_cancelled_and_that_is_told(world):
    await world.execute()
    alert_id = await working(world)
    await world.run(world.kill_switch.run)
    await world.kill_switch.throw("Asha")
    await cancelled(world, alert_id)
    assert await world.was_told("Cancellation asked for 1 of 1 working orders")


async def test_a_switch_thrown_while_the_gateway_was_down_cancels_at_the_start(world):
    await world.execute()
    alert_id = await working(world)
    await world.write(lambda connection: kill_switch.throw(connection, world.outbox, "cli", world.clock()))
    await world.restart()
    await world.reconciler.read()
    await world.run(world.kill_switch.run)
    await cancelled(world, alert_id)


async def test_what_the_broker_does_not_let_go_of_is_told(world):
    await world.execute()
    await working(world)
    world.fault(FaultKind.REFUSE, route="DELETE /orders/*", message="Order <is> being processed")
    await world.kill_switch.throw("Asha")
    await world.kill_switch.cancel_working()
    assert await world.was_told("0 of 1 working orders", "Order &lt;is&gt; being processed")


async def test_an_order_that_was_on_its_way_is_cancelled_once_it_works(world, monkeypatch):
    """Its call had begun when the switch was thrown: it cannot be stopped, but it must not stay."""
    monkeypatch.setattr(kill_switch, "WATCH_SECONDS", 0.01)
    world.fault(FaultKind.DELAY, route=PLACE, seconds=1.0, accepted=True)
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    await world.run(world.kill_switch.run)
    alert_id = await world.send(buy())

    async def on_its_way():
        return world.accepted() and (await world.intent(alert_id)).state == IntentState.PLACING

    await world.until(on_its_way)
    await world.kill_switch.throw("Asha")
    assert await world.was_told("1 on the way to Kite")
    await cancelled(world, alert_id)
    asked = [text for text in await world.told() if "Cancellation asked for 1 of 1" in text]
    await asyncio.sleep(0.05)
    assert len(asked) == 1, "asked for once"


async def test_lifting_it_lets_new_alerts_through_and_revives_nothing(world):
    old = await world.send(buy("old"))
    await world.intent(old)
    await world.kill_switch.throw("Asha")
    assert await world.kill_switch.lift("Asha")
    assert not await world.kill_switch.lift("Asha")
    await world.execute()
    await world.filled(buy("new"))
    assert await world.status(old) == "refused"
    assert await world.was_told("Resumed", "Asha")


async def test_throwing_it_twice_is_no_fault(world):
    await world.kill_switch.throw("Asha")
    await world.kill_switch.throw("Ravi")
    assert await world.database.read(lambda connection: flags.value(connection, flags.KILL_SWITCH)) == "on"


async def test_flag_voids_and_notices_are_one_transaction(asking, monkeypatch):
    alert_id = await asking.send(buy())
    await asking.reaches(alert_id, "awaiting_approval")

    def broken(*_, **__):
        raise sqlite3.OperationalError("killed before the commit")

    monkeypatch.setattr(type(asking.outbox), "tell", broken)
    with pytest.raises(sqlite3.OperationalError):
        await asking.kill_switch.throw("Asha")
    monkeypatch.undo()
    assert await asking.database.read(flags.all_values) == {}
    assert await asking.status(alert_id) == "awaiting_approval"


async def test_stop_and_flatten_closes_every_holding_though_the_switch_is_on(world, monkeypatch):
    monkeypatch.setattr("gateway.pursuit.LOOK_SECONDS", 0.005)
    await world.execute()
    await world.filled(buy("A", lots=2))
    await world.filled(buy("B"))
    await world.run(world.kill_switch.run, world.closing.run)
    await world.kill_switch.throw("Asha", flatten=True)

    async def flat():
        await world.reconciler.read()
        return not any(row.quantity for row in await world.rows(tables.holdings))

    await world.until(flat)
    await world.until(lambda: world.was_told("flat"))
    assert set(world.positions().values()) == {0}
    assert await world.database.read(lambda connection: flags.value(connection, flags.KILL_SWITCH)) == "on"
    await world.reaches(await world.send(buy()), "refused")
