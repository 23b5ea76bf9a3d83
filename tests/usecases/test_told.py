"""Promise 5: each change of state and the owner's notice are one transaction: both, or neither."""

import pytest
from sqlalchemy import event, select

from gateway.domain.errors import StorageFailed
from gateway.domain.order import IntentState
from gateway.kill_switch import lift
from gateway.lanes import Accepted
from gateway.paper.faults import FaultKind
from gateway.questions import Change
from storage import flags, tables
from storage.notices import Outbox
from tests.storage.rows import add_intent
from tests.usecases.test_reconciliation import news
from tests.usecases.world import LOT, arrival, buy, sell

PLACE = "POST /orders/*"


class Died(BaseException):
    """kill -9 before the commit, as far as the transaction can tell; nobody catches it."""


async def everything(world):
    """Every row of every table but the notices."""
    found = {}
    for table in tables.metadata.sorted_tables:
        if table is not tables.notices:
            found[table.name] = await world.database.read(
                lambda connection, table=table: [tuple(row) for row in connection.execute(select(table))]
            )
    return found


async def placed_order(world, lots=2):
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    await world.reaches(await world.send(buy(lots=lots)), "open")
    return (await world.orders())[-1]


async def claimable(world):
    return await world.intent(await world.send(buy()))


async def an_alert_not_understood(world):
    made = arrival(None, at=world.clock(), reason="nonsense", field="strike")
    return lambda: world.accept(made)


async def a_repetition(world):
    await world.lanes.stop()
    await world.send(buy(), dedupe_key="k")
    return lambda: world.send(buy(), dedupe_key="k")


async def a_refusal_when_planning(world):
    return await planning(world, sell())


async def planning(world, signal):
    """The planning of an alert that was acknowledged."""
    made = arrival(signal, at=world.clock())
    await world.lanes.stop()
    await world.accept(made)
    accepted = Accepted(
        alert_id=made.alert_id, strategy=signal.strategy, signal=signal, received_at=made.received_at
    )
    return lambda: world.planner.plan(accepted)


async def a_question(world):
    await world.write(lambda c: flags.put(c, "mode", "confirm", by="x", at=world.clock()))
    return await planning(world, buy())


async def an_entry_that_goes_straight_on(world):
    return await planning(world, buy())


async def an_approval(world):
    await world.write(lambda c: flags.put(c, "mode", "confirm", by="x", at=world.clock()))
    alert_id = await world.send(buy())
    await world.reaches(alert_id, "awaiting_approval")
    return lambda: world.press(alert_id)


async def a_rejection(world):
    await an_approval(world)
    (row,) = await world.rows(tables.approvals)
    return lambda: world.approvals.decide(row.id, approve=False, by="Asha")


async def another_size(world):
    await an_approval(world)
    (row,) = await world.rows(tables.approvals)
    return lambda: world.questions.resize(row.id, 1, Change.ONE_MORE, "Asha")


async def a_pause_on_the_card(world):
    await an_approval(world)
    (row,) = await world.rows(tables.approvals)
    return lambda: world.questions.pause(row.id, "Asha")


async def an_expiry(world):
    await an_approval(world)
    world.clock.forward(seconds=61)
    return world.approvals._expire_due


async def a_refusal_at_the_claim(world):
    row = await claimable(world)
    await world.write(lambda c: flags.put(c, flags.KILL_SWITCH, "on", by="x", at=world.clock()))
    return lambda: world.executor._execute(row)


async def an_entry_too_old(world):
    row = await claimable(world)
    world.clock.forward(seconds=61)
    return lambda: world.executor._execute(row)


async def a_fill(world):
    order = await placed_order(world)
    return lambda: world.reconciler.on_order(news(order, "COMPLETE", 2 * LOT, "100"))


async def a_part_of_a_fill(world):
    order = await placed_order(world)
    return lambda: world.reconciler.on_order(news(order, "UPDATE", LOT, "100"))


async def a_late_rejection(world):
    order = await placed_order(world)
    return lambda: world.reconciler.on_order(news(order, "REJECTED"))


async def a_cancellation(world):
    order = await placed_order(world)
    return lambda: world.reconciler.on_order(news(order, "CANCELLED"))


async def an_adoption(world):
    row = await world.write(lambda c: add_intent(c, state=IntentState.UNKNOWN, quantity=2 * LOT))
    order = await placed_order(world)
    found = news(order, "COMPLETE", 2 * LOT, "100", order_id="found", tags=frozenset({row.tag}))
    return lambda: world.reconciler.on_order(found)


async def a_lost_call(world):
    row = await claimable(world)
    assert await world.write(lambda connection: world.executor._claim(connection, row.id))
    return world.reconciler.read


async def a_question_after_the_search(world):
    world.fault(FaultKind.DROP, route=PLACE)
    await world.execute()
    await world.reaches(await world.send(buy()), "unknown", look=False)
    world.clock.forward(seconds=180)
    return world.reconciler.read


async def the_owners_answer(world):
    act = await a_question_after_the_search(world)
    await act()
    (row,) = await world.rows(tables.intents)
    return lambda: world.unknown.it_is_not_there(row.id, "Asha")


async def the_kill_switch(world):
    await claimable(world)
    return lambda: world.kill_switch.throw("Asha")


async def its_end(world):
    await world.kill_switch.throw("Asha")
    return lambda: world.write(lambda c: lift(c, world.outbox, "Asha", world.clock()))


async def a_dead_session(world):
    world.paper.kill_token()
    return world.reconciler.read


CHANGES = [
    an_alert_not_understood,
    a_repetition,
    a_refusal_when_planning,
    a_question,
    an_entry_that_goes_straight_on,
    an_approval,
    a_rejection,
    another_size,
    a_pause_on_the_card,
    an_expiry,
    a_refusal_at_the_claim,
    an_entry_too_old,
    a_fill,
    a_part_of_a_fill,
    a_late_rejection,
    a_cancellation,
    an_adoption,
    a_lost_call,
    a_question_after_the_search,
    the_owners_answer,
    the_kill_switch,
    its_end,
    a_dead_session,
]


@pytest.fixture
def dying(monkeypatch):
    """From now on the process dies whenever a notice is to be written."""

    def arm():
        def died(*_, **__):
            raise Died

        monkeypatch.setattr(Outbox, "_add", died)

    return arm


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_change_and_its_notice_are_written_together_or_not_at_all(world, dying, change, monkeypatch):
    act = await change(world)
    before = await everything(world)
    dying()
    with pytest.raises((Died, StorageFailed)):
        await act()
    monkeypatch.undo()
    assert await everything(world) == before, "the change was taken back with its notice"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_every_change_is_told(world, change):
    act = await change(world)
    before = len(await world.rows(tables.notices))
    await act()
    assert len(await world.rows(tables.notices)) > before


async def test_an_order_that_was_placed_or_lost_or_refused_is_told_with_its_row(world, dying):
    """The call is done by then: what cannot be undone is found again by the book."""
    row = await claimable(world)
    world.executor.open("paper")
    real = world.executor._record_placed

    def record(connection, *rest):
        dying()
        real(connection, *rest)

    world.executor._record_placed = record
    with pytest.raises(Died):
        await world.executor._execute(row)
    assert (await world.rows(tables.intents))[0].state == "placing"
    assert await world.rows(tables.orders) == []


async def test_a_notice_waits_until_it_is_taken(world):
    await world.execute()
    await world.filled(buy())
    rows = await world.rows(tables.notices)
    assert {row.state for row in rows} == {"due"}
    await world.restart()
    assert await world.rows(tables.notices) == rows


async def test_no_notice_is_written_outside_a_transaction_with_its_fact(world):
    """Commits that wrote a notice wrote something else, too."""
    written = []
    event.listen(world.database._engine, "begin", lambda _: written.append([]))

    def executed(_connection, _cursor, statement, *_):
        words = statement.split()
        if written and words[0] in {"INSERT", "UPDATE", "DELETE"}:
            written[-1].append(words[2] if words[0] != "UPDATE" else words[1])

    event.listen(world.database._engine, "before_cursor_execute", executed)
    await world.execute()
    await world.filled(buy())
    await world.filled(sell())
    with_notices = [each for each in written if "notices" in each]
    assert with_notices
    assert all(set(each) - {"notices"} for each in with_notices)
