"""The promises under everything that can happen, in any order; and each shown to be able to fail."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from gateway import execution
from gateway.approval import Approvals, Decision
from gateway.domain.errors import BrokerError, IllegalMove
from gateway.execution import Executor
from gateway.positions import AccountPositions
from gateway.risk import NothingAfterTheKillSwitch
from storage import alerts, intents
from tests.promises.house import InlineDatabase, impatient
from tests.promises.machine import Gateway, Reach
from tests.usecases.world import Template, make_template

BASE = settings(
    deadline=None,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def machine(template, tmp_path, monkeypatch):
    """A fresh machine class, with its own count of what it reached."""
    impatient(monkeypatch.setattr)
    database = InlineDatabase(f"sqlite:///{template.copy(tmp_path)}")
    yield type("Machine", (Gateway,), {"database": database, "reach": Reach()})
    asyncio.run(database.close())


@pytest.mark.timeout(300)
def test_the_promises_hold_whatever_happens_in_whatever_order(machine):
    run_state_machine_as_test(machine, settings=settings(BASE, max_examples=40))
    reach = machine.reach
    assert reach.placed >= 0.3 * reach.examples, f"only {reach.placed} of {reach.examples} placed an order"
    wanted = {"buy", "sell", "press", "news", "repetition", "restart", "kill switch"}
    assert wanted <= reach.seen.keys(), f"never reached: {wanted - reach.seen.keys()}"


# planted bugs: each must be found


def retries_when_it_does_not_know(monkeypatch):
    """Promise 2: no answer is taken for a no."""
    real = Executor._place

    async def place(self, row):
        desk = self._placers[row.venue].desk
        once = desk.place

        async def twice(ticket):
            try:
                return await once(ticket)
            except BrokerError:
                return await once(ticket)

        desk.place = twice
        try:
            await real(self, row)
        finally:
            desk.place = once

    monkeypatch.setattr(Executor, "_place", place)


def forgets_which_alerts_it_knows(monkeypatch):
    """Promise 2: a repetition counts as new."""
    real = alerts.store

    def store(connection, arrivals):
        return real(connection, [replace(each, dedupe_key=None) for each in arrivals])

    monkeypatch.setattr(alerts, "store", store)


def ignores_the_deadline(monkeypatch):
    """Promise 3: a late press counts."""
    monkeypatch.setattr(Approvals, "_expire", lambda *_: ([], None))
    monkeypatch.setattr(
        Approvals,
        "_decide",
        lambda self, connection, approval_id, approve, by, now, version: approve_blindly(
            connection, approval_id, by, now
        ),
    )


def approve_blindly(connection, approval_id, by, now):
    row = intents.approval(connection, approval_id)
    early = row.deadline - timedelta(seconds=1)
    try:
        intents.decide(connection, approval_id, intents.APPROVED, by=by, at=min(now, early))
    except IllegalMove:
        return Decision(sentence="", changed=False), None
    return Decision(sentence="", changed=True), row.alert_id


def ignores_the_kill_switch_after_the_claim(monkeypatch):
    """Promise 3: what is claimed is sent."""
    monkeypatch.setattr(Executor, "_stopped", lambda *_: False)


def ignores_the_kill_switch_at_the_claim(monkeypatch):
    """Promise 3: only what was not planned yet is stopped."""
    monkeypatch.setattr(NothingAfterTheKillSwitch, "against", lambda *_: None)
    monkeypatch.setattr(Executor, "_stopped", lambda *_: False)


def sells_what_is_being_sold(monkeypatch):
    """Promise 4: open, placing and unknown sells are not counted, by our book or the account's."""

    async def unread(*_):
        return None

    monkeypatch.setattr(AccountPositions, "credible", unread)
    monkeypatch.setattr(intents, "being_sold", lambda *_: 0)
    monkeypatch.setattr(intents, "leaving_account", lambda *_: 0)
    monkeypatch.setattr(execution, "_oversold", lambda *_: [])


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (retries_when_it_does_not_know, "promise 2"),
        (forgets_which_alerts_it_knows, "promise 2"),
        (ignores_the_deadline, "promise 3: nobody approved"),
        (ignores_the_kill_switch_after_the_claim, "promise 3.*after the kill switch"),
        (ignores_the_kill_switch_at_the_claim, "promise 3.*after the kill switch"),
        (sells_what_is_being_sold, "promise 4"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_bug_is_found(machine, monkeypatch, plant, words):
    plant(monkeypatch)
    generate = settings(
        BASE,
        max_examples=400,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        derandomize=True,
    )
    with pytest.raises(AssertionError, match=words):
        run_state_machine_as_test(machine, settings=generate)
