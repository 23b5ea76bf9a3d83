"""Faults that other gateways were seen to have, repeated here; the table is in docs/reliability.md.

Most of its rows are shown by tests elsewhere, which the table names; here are those that nothing else shows.
"""

import asyncio
import re
import sqlite3
from pathlib import Path

from gateway.pacing import Pacer
from gateway.paper.faults import FaultKind
from storage import modes, tables
from storage.closings import Kind, State
from tests.usecases.test_closing import card_says, ended, quick, running  # noqa: F401
from tests.usecases.world import LOT, arrival, buy, strike

ROOT = Path(__file__).resolve().parents[2]
PLACE = "POST /orders/*"


class Unpaced(Pacer):
    """The pace is not what these tests are about."""

    def wait(self, *, urgent):
        return 0.0


def unpaced(world):
    world.executor._pacer, world.executor._wire = Unpaced(), Unpaced()


async def test_sixty_alerts_acknowledged_before_the_process_dies_all_reach_the_broker_once(world):
    """An in-memory queue behind the 200 lost 55 of 60; a queue drained at exit, 52."""
    sent = [arrival(buy(f"S{number}"), at=world.clock()) for number in range(60)]
    await world.accept(*sent)
    await world.restart()
    unpaced(world)
    await world.execute()

    async def all_placed():
        return len(world.accepted()) >= 60

    await world.until(all_placed, lambda: f"{len(world.accepted())} of 60")
    assert len(world.attempts()) == len(set(world.attempts())) == 60


async def test_an_order_that_is_never_answered_holds_up_no_other_alert(world):
    """With one shared timeout of two minutes the next alert waited 121 s."""
    world.timeout = 20.0
    await world.restart()
    await world.execute()
    world.fault(FaultKind.DELAY, route=PLACE, seconds=3.0)
    slow = await world.send(buy("A"))

    async def on_its_way():
        return len(world.attempts()) == 1

    await world.until(on_its_way)
    quick_ = await world.send(buy("B", strike=strike(24300)))
    await world.reaches(quick_, "filled")
    assert await world.status(slow) == "placing", "and the first is still waited for"


async def test_panic_waits_for_no_approval(asking):
    """Approvals on, a panic close was answered with 403."""
    await running(asking)
    entry = await asking.send(buy())
    await asking.reaches(entry, "awaiting_approval")
    await asking.press(entry)
    await asking.reaches(entry, "filled")
    await asking.kill_switch.throw("Asha", flatten=True)
    await ended(asking, State.FLAT)
    assert set(asking.positions().values()) == {0}


async def test_all_squared_off_is_never_said_while_the_broker_refuses(world):
    """'All open positions squared off', said a gateway whose every order had been rejected."""
    await running(world)
    await world.filled(buy())
    world.fault(FaultKind.REFUSE, route=PLACE, times=None, message="RMS: blocked")
    world.fault(FaultKind.REJECT_LATE, times=None, message="17070")
    await world.kill_switch.throw("Asha", flatten=True)
    await card_says(world, "65 of 65 left")
    assert not await world.was_told("<b>flat</b>")

    async def told_later():
        world.clock.forward(seconds=5)  # each time: a look under way may begin its minute only now
        return await world.was_told("not flat yet", "65 of 65 left")

    await world.until(told_later)
    assert await world.held() == LOT


async def test_where_it_cannot_be_known_whether_to_ask_nothing_is_sent(asking, monkeypatch):
    """A routing check that failed was taken for 'no approval needed'."""
    await asking.execute()

    def broken(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(modes, "approval_mode", broken)
    alert_id = await asking.send(buy())
    await asyncio.sleep(0.1)
    assert await asking.status(alert_id) in {"queued", "refused"}
    assert asking.attempts() == []


async def test_a_pause_counts_for_the_very_next_alert(world):
    """A strategy that was switched off traded on for as long as its settings were cached."""
    await world.execute()
    now = world.clock()
    await world.write(lambda connection: modes.pause(connection, "S", by="Asha", at=now))
    await world.reaches(await world.send(buy()), "refused")
    await world.write(lambda connection: modes.unpause(connection, "S", by="Asha", at=now))
    await world.filled(buy())
    assert len(world.attempts()) == 1


async def test_two_closings_of_one_holding_sell_it_once(world):
    """A leg that was closed already was squared off again, which opened the reverse."""
    await running(world)
    await world.filled(buy())
    seqs = [row.seq for row in await world.rows(tables.holdings)]
    await asyncio.gather(
        world.closing.begin(Kind.BY_HAND, "Asha", chosen=seqs),
        world.closing.begin(Kind.BY_HAND, "Ravi", chosen=seqs),
        world.kill_switch.throw("Asha", flatten=True),
    )

    async def all_ended():
        await world.reconciler.read()
        rows = await world.rows(tables.closings)
        return len(rows) == 3 and all(row.state != State.OPEN for row in rows)

    await world.until(all_ended)
    assert set(world.positions().values()) == {0}
    assert len(world.attempts()) == 2


def test_every_test_that_the_table_names_exists():
    """A row of the table without its test is a claim."""
    table = (ROOT / "docs" / "reliability.md").read_text().split("## What other gateways get wrong")[1]
    named = set(re.findall(r"`(test_\w+)`", table.split("\n## ")[0]))
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    known = {name for text in files for name in re.findall(r"def (test_\w+)", text)}
    assert len(named) > 30
    assert named - known == set()
