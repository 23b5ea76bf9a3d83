"""Promise 1: an acknowledged alert is never lost; and what was not stored is never acknowledged."""

import asyncio
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import event

from gateway.domain import checkpoints
from gateway.domain.errors import StorageFailed
from gateway.domain.order import AlertState
from gateway.intake import Intake
from gateway.lanes import Lanes
from storage import alerts, audit, engine, tables
from tests.usecases.world import arrival, buy, sell

POISON = "\ud800"


async def nothing(alert):
    """A lane that plans nothing: the alerts stay as they were stored."""


class Recorder:
    """Lanes whose work waits until it is let go, and remembers its order."""

    def __init__(self):
        self.worked = []
        self.go = asyncio.Event()

    async def work(self, alert):
        await self.go.wait()
        self.worked.append(alert.alert_id)


def intake_of(world, work=nothing):
    return Intake(world.database, world.outbox, Lanes(work), lambda: None)


async def come(worked, count):
    """Until so many were worked on; what comes too much shows in what follows."""
    async with asyncio.timeout(10):
        while len(worked) < count:  # noqa: ASYNC110  a list has no event
            await asyncio.sleep(0.001)


def stored_beside(path, statement="SELECT id FROM alerts ORDER BY seq"):
    """What another program sees in the file."""
    with sqlite3.connect(path) as other:
        return [row[0] for row in other.execute(statement)]


@contextmanager
def locked(path):
    """Another program holds the database's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch):
    """Locks are waited for a moment only."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)


async def test_an_alert_is_on_disk_when_accept_returns(world):
    made = arrival(buy(), at=world.clock(), body=b"every byte \x00\xff of it")
    (stored,) = await intake_of(world).accept([made])
    assert (stored.alert_id, stored.state) == (made.alert_id, AlertState.RECEIVED)
    assert stored_beside(world.path) == [made.alert_id]
    assert stored_beside(world.path, "SELECT body FROM alerts") == [made.body]


async def test_every_commit_is_written_through_to_the_disk(world):
    modes = await world.write(
        lambda connection: [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")
        ]
    )
    assert modes == [2, "wal"], "synchronous=FULL: a power cut costs nothing that was acknowledged"


async def test_an_acknowledged_alert_is_taken_up_after_a_restart(world):
    made = arrival(buy(), at=world.clock())
    await intake_of(world).accept([made])  # the process dies before it is planned
    await world.restart()
    await world.execute()
    await world.reaches(made.alert_id, "filled")
    assert len(world.accepted()) == 1


async def test_a_commit_that_ended_in_an_error_and_happened_all_the_same_is_planned(world, monkeypatch):
    recorder, struck = Recorder(), []
    recorder.go.set()
    lanes = Lanes(recorder.work)
    intake = Intake(world.database, world.outbox, lanes, lambda: None, world.clock)

    def fail_once(name):
        if name == "database.committed" and not struck:
            struck.append(name)
            raise StorageFailed("disk I/O error")

    monkeypatch.setattr(checkpoints, "_strike", fail_once)
    made = arrival(buy(), at=world.clock())
    with pytest.raises(StorageFailed):
        await intake.accept([made])
    again = arrival(buy(), at=world.clock(), body=made.body)
    (stored,) = await intake.accept([again])
    assert (stored.state, stored.duplicate_of) == (AlertState.DUPLICATE, made.alert_id)
    await intake.take_up(older_than=timedelta(seconds=10))
    assert not lanes.holds(made.alert_id), "one that was just stored may be on its way to its lane"
    world.clock.forward(seconds=11)
    await intake.take_up(older_than=timedelta(seconds=10))
    assert lanes.holds(made.alert_id)
    await come(recorder.worked, 1)
    assert recorder.worked == [made.alert_id]


async def test_alerts_taken_up_after_a_restart_keep_their_order(world):
    made = [arrival(buy() if number % 2 else sell(), at=world.clock()) for number in range(6)]
    await intake_of(world).accept(made)
    found = await world.database.read(alerts.unplanned)
    assert [row.id for row in found] == [each.alert_id for each in made]


async def test_many_alerts_at_once_share_few_commits_and_all_are_there(world):
    commits = []
    event.listen(world.database._engine, "commit", lambda connection: commits.append(1))
    intake = intake_of(world)
    made = [arrival(buy(f"S{number}"), at=world.clock()) for number in range(100)]
    await asyncio.gather(*(intake.accept([each]) for each in made))
    assert set(stored_beside(world.path)) == {each.alert_id for each in made}
    assert len(commits) <= 5


async def test_a_poisoned_alert_does_not_harm_its_neighbours(world):
    intake = intake_of(world)
    first = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())]))
    good = [asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())])) for _ in range(3)]
    bad = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock(), source=POISON)]))
    late = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())]))
    with pytest.raises(StorageFailed):
        await bad
    stored = await asyncio.gather(first, *good, late)
    assert {each.alert_id for (each,) in stored} == set(stored_beside(world.path))
    assert len(stored) == 5


async def test_a_lock_met_beside_a_poisoned_alert_is_waited_for_once(world, monkeypatch):
    tries, real = [], alerts.store

    def store(connection, arrivals):
        tries.append(len(arrivals))
        if len(arrivals) > 1:
            return real(connection, arrivals)  # one of them is poisoned
        raise StorageFailed("database is locked", for_all=True)

    intake = intake_of(world)
    await intake.accept([arrival(buy(), at=world.clock())])
    monkeypatch.setattr(alerts, "store", store)
    made = [arrival(buy(), at=world.clock(), source=source) for source in (POISON, "a", "b", "c")]
    stored = await asyncio.gather(*(intake.accept([each]) for each in made), return_exceptions=True)
    assert all(isinstance(each, StorageFailed) for each in stored)
    assert tries.count(1) <= 2


async def test_what_comes_after_a_poisoned_alert_is_stored_too(world):
    intake = intake_of(world)
    with pytest.raises(StorageFailed):
        await intake.accept([arrival(buy(), at=world.clock(), source=POISON)])
    await intake.accept([arrival(buy(), at=world.clock())])
    assert len(stored_beside(world.path)) == 1


async def test_alerts_that_wait_while_a_poisoned_one_fails_are_not_left_waiting(world, monkeypatch):
    intake = intake_of(world)
    later = arrival(buy(), at=world.clock())
    waiting = []
    loop, real = asyncio.get_running_loop(), alerts.store

    def store(connection, arrivals):
        if not waiting:  # it arrives while the poisoned one is being written
            waiting.append(asyncio.run_coroutine_threadsafe(intake.accept([later]), loop))
            time.sleep(0.05)  # on the database's thread: the loop takes it in meanwhile
        return real(connection, arrivals)

    monkeypatch.setattr(alerts, "store", store)
    with pytest.raises(StorageFailed):
        await intake.accept([arrival(buy(), at=world.clock(), source=POISON)])
    async with asyncio.timeout(2):
        await asyncio.wrap_future(waiting[0])
    assert stored_beside(world.path) == [later.alert_id]


async def test_a_caller_that_hangs_up_does_not_stop_the_writer(impatient, make_world):
    """The future of a cancelled caller is done already when its storing fails."""
    world = await make_world()
    intake = intake_of(world)
    with locked(world.path):
        first = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())]))
        await asyncio.sleep(0)
        gone = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())]))
        await asyncio.sleep(0.01)
        first.cancel()
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await first
        late = asyncio.create_task(intake.accept([arrival(buy(), at=world.clock())]))
        with pytest.raises(StorageFailed):
            async with asyncio.timeout(3):
                await late
    await intake.accept([arrival(buy(), at=world.clock())])


async def test_storage_that_fails_says_so_and_nothing_is_stored(impatient, make_world):
    world = await make_world()
    handed_on = []
    with locked(world.path), pytest.raises(StorageFailed, match="locked"):
        await intake_of(world, handed_on.append).accept([arrival(buy(), at=world.clock())])
    assert stored_beside(world.path) == []
    assert handed_on == []
    assert await world.told() == []


async def test_alerts_that_were_answered_503_are_told_once_when_the_database_is_back(world):
    intake = intake_of(world)
    lost = [arrival(buy(), at=world.clock()) for _ in range(2)]
    intake.answered_503(lost, "database is locked")
    await intake.own_up()
    await intake.own_up()
    (text,) = await world.told()
    assert "2 alerts were not stored" in text
    assert "database is locked" in text


async def test_one_body_is_stored_whole_or_not_at_all(world):
    parts = [arrival(buy(), at=world.clock()), arrival(buy(), at=world.clock(), source=POISON)]
    with pytest.raises(StorageFailed):
        await intake_of(world).accept(parts)
    assert stored_beside(world.path) == []


async def test_a_failing_transaction_leaves_neither_alert_nor_notice_nor_audit(world, monkeypatch):
    def broken(*_args, **_values):
        raise sqlite3.OperationalError("disk I/O error")

    before = len(await world.rows(tables.audit))
    monkeypatch.setattr(audit, "append_all", broken)
    with pytest.raises(StorageFailed):
        await intake_of(world).accept([arrival(None, at=world.clock(), reason="nonsense", field="body")])
    assert stored_beside(world.path) == []
    assert await world.told() == []
    assert len(await world.rows(tables.audit)) == before


# repetitions


async def test_the_same_id_again_is_a_duplicate_of_the_first_for_ever(world):
    intake = intake_of(world)
    first = arrival(buy(), at=world.clock(), dedupe_key="k1")
    await intake.accept([first])
    world.clock.forward(days=3)
    (again,) = await intake.accept([arrival(buy(), at=world.clock(), dedupe_key="k1")])
    assert (again.state, again.duplicate_of) == (AlertState.DUPLICATE, first.alert_id)
    assert await world.was_told("Duplicate of", first.alert_id)


async def loudness(world):
    """Whether the last message makes a sound, and what it says."""
    last = (await world.rows(tables.notices))[-1]
    return last.loud, last.text


async def test_the_same_alert_sent_again_at_once_is_told_without_a_sound(world):
    intake = intake_of(world)
    for _ in range(2):
        await intake.accept([arrival(buy(id="k1"), at=world.clock(), dedupe_key="k1")])
        world.clock.forward(seconds=5)
    loud, text = await loudness(world)
    assert not loud
    assert "the same alert came again" in text


async def test_an_exit_with_the_id_of_an_earlier_one_is_told_aloud(world):
    intake = intake_of(world)
    for _ in range(2):
        await intake.accept([arrival(sell(id="Exit"), at=world.clock(), dedupe_key="k1")])
        world.clock.forward(seconds=60)
    loud, text = await loudness(world)
    assert loud
    assert "An alert (SELL) came with the id “Exit”" in text
    assert "/squareoff" in text


async def test_another_alert_with_an_id_that_was_used_is_told_as_another(world):
    intake = intake_of(world)
    for lots in (1, 2):
        await intake.accept([arrival(buy(id="k1", lots=lots), at=world.clock(), dedupe_key="k1")])
    loud, text = await loudness(world)
    assert loud
    assert "Another alert (BUY) came with the id “k1”" in text
    assert "{{ticker}}-{{timenow}}" in text


async def test_other_alerts_of_one_batch_that_share_an_id_are_told_as_others(world):
    made = [arrival(buy(id="k1", lots=lots), at=world.clock(), dedupe_key="k1") for lots in (1, 1, 2)]
    stored = await intake_of(world).accept(made)
    assert [str(each.state) for each in stored] == ["received", "duplicate", "duplicate"]
    assert [each.repeat and each.repeat.differs for each in stored] == [None, False, True]


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "duplicate"), (15, "duplicate"), (24.9, "duplicate"), (25, "received"), (60, "received")],
)
async def test_the_same_bytes_without_an_id_are_one_alert_for_25_seconds(world, seconds, state):
    intake = intake_of(world)
    await intake.accept([arrival(buy(), at=world.clock(), body=b"same")])
    world.clock.forward(seconds=seconds)
    (again,) = await intake.accept([arrival(buy(), at=world.clock(), body=b"same")])
    assert again.state == state


async def test_a_chain_of_repetitions_does_not_stretch_the_window(world):
    intake = intake_of(world)
    states = []
    for _ in range(4):  # 0, 10, 20, 30 s
        (stored,) = await intake.accept([arrival(buy(), at=world.clock(), body=b"same")])
        states.append(str(stored.state))
        world.clock.forward(seconds=10)
    assert states == ["received", "duplicate", "duplicate", "received"]


async def test_repetitions_within_one_batch_are_found(world):
    intake = intake_of(world)
    made = [arrival(buy(), at=world.clock(), body=b"same") for _ in range(8)]
    stored = await asyncio.gather(*(intake.accept([each]) for each in made))
    assert sorted(str(each.state) for (each,) in stored) == ["duplicate"] * 7 + ["received"]


async def test_two_deliveries_of_one_alert_come_to_one_order(world):
    await world.execute()
    first = await world.send(buy(), dedupe_key="k")
    second = await world.send(buy(), dedupe_key="k")
    third = await world.send(buy(), body=b"same")
    fourth = await world.send(buy(), body=b"same")
    await world.reaches(first, "filled")
    await world.reaches(third, "filled")
    assert [await world.status(each) for each in (second, fourth)] == ["duplicate", "duplicate"]
    assert len(world.accepted()) == 2


async def test_a_repetition_after_a_restart_is_still_a_repetition(world):
    await intake_of(world).accept([arrival(buy(), at=world.clock(), dedupe_key="k")])
    await world.restart()
    (again,) = await intake_of(world).accept([arrival(buy(), at=world.clock(), dedupe_key="k")])
    assert again.state is AlertState.DUPLICATE


async def test_what_was_not_understood_hides_no_later_alert(world):
    intake = intake_of(world)
    await intake.accept([arrival(None, at=world.clock(), body=b"same", reason="nonsense", field="body")])
    (stored,) = await intake.accept([arrival(buy(), at=world.clock(), body=b"same")])
    assert stored.state is AlertState.RECEIVED


async def test_what_was_not_understood_is_kept_and_told(world):
    made = arrival(None, at=world.clock(), reason="strike <b> is nonsense", field="strike")
    (stored,) = await intake_of(world).accept([made])
    assert stored.state is AlertState.INVALID
    assert await world.was_told("Alert not understood", "strike &lt;b&gt; is nonsense", made.alert_id)
    assert await world.status(made.alert_id) == "invalid"


# lanes


async def test_alerts_of_one_strategy_keep_their_order(world):
    recorder = Recorder()
    intake = intake_of(world, recorder.work)
    made = [arrival(buy("A"), at=world.clock()) for _ in range(20)]
    for each in made:
        await intake.accept([each])
    recorder.go.set()
    await come(recorder.worked, len(made))
    assert recorder.worked == [each.alert_id for each in made]


async def test_a_strategy_that_waits_holds_up_no_other(world):
    worked = []
    stuck = asyncio.Event()

    async def work(alert):
        if alert.strategy == "slow":
            await stuck.wait()
        worked.append(alert.strategy)

    intake = intake_of(world, work)
    for name in ("slow", "quick", "slow", "quick"):
        await intake.accept([arrival(buy(name), at=world.clock())])
    await come(worked, 2)
    assert worked == ["quick", "quick"]
    stuck.set()
    await come(worked, 4)
    assert worked == ["quick", "quick", "slow", "slow"]


async def test_a_plan_that_the_database_does_not_take_is_tried_again(world, monkeypatch):
    monkeypatch.setattr("gateway.lanes.RETRY_SECONDS", 0.0)
    tries = []

    async def work(alert):
        tries.append(alert.alert_id)
        if len(tries) < 3:
            raise StorageFailed("locked")

    made = [arrival(buy(), at=world.clock()) for _ in range(2)]
    await intake_of(world, work).accept(made)
    await come(tries, 4)
    assert tries == [made[0].alert_id] * 3 + [made[1].alert_id]


async def test_an_alert_whose_planning_breaks_does_not_take_its_lane_with_it(world):
    worked = []

    async def work(alert):
        worked.append(alert.alert_id)
        if len(worked) == 1:
            raise KeyError("a fault of ours")

    made = [arrival(buy(), at=world.clock()) for _ in range(3)]
    intake = intake_of(world, work)
    await intake.accept(made[:2])
    await come(worked, 2)
    await intake.accept(made[2:])
    await come(worked, len(made))
    assert worked == [each.alert_id for each in made]


async def test_an_alert_whose_planning_breaks_is_settled_and_told(world, monkeypatch):
    monkeypatch.setattr(world.prices, "last", lambda key: {}[key])
    alert_id = await world.send(buy())
    view = await world.reaches(alert_id, "refused", look=False)
    assert "KeyError" in view.row.reason
    assert await world.was_told("Nothing was ordered", alert_id)
    assert world.attempts() == []
