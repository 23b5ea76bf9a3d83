"""Promise 3, the owner's word: asked once, decided once, in time, by a press; and nothing against it."""

import asyncio
from datetime import timedelta

import pytest

from bot.cards import alert_card
from gateway import supervision
from gateway.approval import Approvals
from gateway.domain import checkpoints
from gateway.domain.errors import StorageFailed
from gateway.domain.order import IntentState
from storage import modes, tables
from storage.notices import Outbox
from tests.usecases.world import LOT, buy, sell


async def ask(world, signal=None, **changes):
    alert_id = await world.send(signal or buy(), **changes)
    await world.reaches(alert_id, "awaiting_approval", look=False)
    return alert_id


async def test_nothing_is_sent_before_the_owner_approves(asking):
    await asking.execute()
    alert_id = await ask(asking)
    await asyncio.sleep(0.03)
    assert asking.attempts() == []
    decision = await asking.press(alert_id)
    assert (decision.changed, decision.sentence) == (True, "Approved. Sending it now.")
    await asking.reaches(alert_id, "filled")


async def test_the_question_is_loud_has_a_deadline_and_its_id_says_nothing(asking):
    alert_id = await ask(asking)
    row = await asking.approval(alert_id)
    assert row.deadline - row.asked_at == timedelta(seconds=60)
    assert alert_id not in row.id
    assert len(row.id.encode()) < 60, "it travels in a button"
    (notice,) = [row for row in await asking.rows(tables.notices) if row.subject == f"alert:{alert_id}"]
    assert (notice.card, notice.loud, notice.priority) == (True, True, 0)


async def test_what_is_rejected_is_never_sent(asking):
    await asking.execute()
    alert_id = await ask(asking)
    decision = await asking.press(alert_id, approve=False)
    assert decision.sentence == "Rejected. Nothing is sent."
    assert await asking.status(alert_id) == "rejected"
    again = await asking.press(alert_id)
    assert (again.changed, again.sentence) == (False, "Already rejected by Asha.")
    await asking.restart()
    await asking.execute()
    await asyncio.sleep(0.03)
    assert asking.attempts() == []


@pytest.mark.parametrize("first", [True, False])
async def test_the_first_press_wins(asking, first):
    alert_id = await ask(asking)
    await asking.press(alert_id, approve=first, by="Asha")
    second = await asking.press(alert_id, approve=not first, by="Ravi")
    assert not second.changed
    assert "by Asha" in second.sentence
    expected = IntentState.APPROVED if first else IntentState.REJECTED
    assert (await asking.intent(alert_id)).state == expected


async def test_ten_presses_at_once_are_one_decision_and_one_order(asking):
    await asking.execute()
    alert_id = await ask(asking)
    decisions = await asyncio.gather(*(asking.press(alert_id, by=f"phone {n}") for n in range(10)))
    assert sum(each.changed for each in decisions) == 1
    await asking.reaches(alert_id, "filled")
    assert len(asking.attempts()) == 1


async def test_of_approve_and_reject_at_once_exactly_one_holds(asking):
    await asking.execute()
    for _ in range(5):
        alert_id = await ask(asking)
        yes, no = await asyncio.gather(
            asking.press(alert_id, approve=True), asking.press(alert_id, approve=False)
        )
        assert yes.changed != no.changed
        await asking.reaches(alert_id, "filled" if yes.changed else "rejected")


@pytest.mark.parametrize(
    ("seconds", "in_time"), [(59.999, True), (60, False), (60.001, False), (3600, False)]
)
async def test_a_press_at_the_deadline_or_after_it_is_too_late(asking, seconds, in_time):
    await asking.execute()
    alert_id = await ask(asking)
    asking.clock.forward(seconds=seconds)
    decision = await asking.press(alert_id)
    if in_time:
        await asking.reaches(alert_id, "filled")
        return
    assert "Too late" in decision.sentence
    assert await asking.status(alert_id) == "expired"
    assert "Too late" in (await asking.press(alert_id)).sentence
    assert asking.attempts() == []


async def test_what_nobody_answers_expires_and_is_told(asking):
    alert_id = await ask(asking)
    shown = await asking.shown(alert_id)
    await asking.run(asking.approvals.run)
    asking.clock.forward(seconds=60)
    asking.wakeups.approvals.ring()
    await asking.reaches(alert_id, "expired")
    assert await asking.shown(alert_id) == shown + 1
    (row,) = await asking.rows(tables.approvals)
    assert (row.decision, row.decided_by) == ("expired", "time")


async def test_questions_expire_each_at_its_own_time(asking):
    await asking.run(asking.approvals.run)
    first = await ask(asking, buy("A"))
    asking.clock.forward(seconds=30)
    second = await ask(asking, buy("B"))
    asking.clock.forward(seconds=30)
    asking.wakeups.approvals.ring()
    await asking.reaches(first, "expired")
    assert await asking.status(second) == "awaiting_approval"


async def test_a_press_after_a_restart_still_decides(asking):
    alert_id = await ask(asking)
    await asking.restart()
    await asking.approvals.ask_again()
    assert await asking.status(alert_id) == "awaiting_approval"
    await asking.execute()
    assert (await asking.press(alert_id)).changed
    await asking.reaches(alert_id, "filled")


async def test_after_a_restart_open_questions_are_shown_anew_and_old_ones_expire(asking):
    old = await ask(asking, buy("A"))
    asking.clock.forward(seconds=40)
    young = await ask(asking, buy("B"))
    before = await asking.shown(young)
    await asking.restart()
    asking.clock.forward(seconds=30)
    await asking.approvals.ask_again()
    assert await asking.status(old) == "expired"
    assert await asking.status(young) == "awaiting_approval"
    assert await asking.shown(young) == before + 1
    assert not (await asking.press(old)).changed


async def test_an_approval_that_outlived_its_alert_by_a_long_stop_is_not_sent(asking):
    """A restored backup is a time machine: what it approved an hour ago is not wanted now."""
    alert_id = await ask(asking)
    await asking.press(alert_id)
    asking.clock.forward(hours=1)
    await asking.restart()
    await asking.execute()
    await asking.reaches(alert_id, "expired")
    assert asking.attempts() == []


@pytest.mark.parametrize("forged", ["", "x", "0" * 64, "' OR 1=1 --", "\x00"])
async def test_a_forged_press_changes_nothing(asking, forged):
    alert_id = await ask(asking)
    decision = await asking.approvals.decide(forged, approve=True, by="Mallory")
    assert (decision.changed, decision.sentence) == (False, "This question is not known any more.")
    assert await asking.status(alert_id) == "awaiting_approval"


async def test_a_press_that_was_not_stored_is_no_decision(asking, monkeypatch):
    """The button stays; the owner presses again."""
    alert_id = await ask(asking)

    def broken(*_, **__):
        raise RuntimeError("killed before the commit")

    monkeypatch.setattr(Outbox, "show", broken)
    with pytest.raises(RuntimeError):
        await asking.press(alert_id)
    monkeypatch.undo()
    assert await asking.status(alert_id) == "awaiting_approval"
    assert (await asking.press(alert_id)).changed


async def test_all_slices_of_one_alert_are_one_question(asking):
    await asking.execute()
    alert_id = await ask(asking, buy(lots=30))
    assert len(await asking.rows(tables.approvals)) == 1
    await asking.press(alert_id)
    view = await asking.reaches(alert_id, "filled")
    assert [row.quantity for row in view.intents] == [1755, 195]


async def test_exits_never_wait_for_approval_unless_the_owner_wants_it(asking):
    await asking.execute()
    await asking.press(entry := await ask(asking))
    await asking.reaches(entry, "filled")
    await asking.filled(sell())
    assert len(await asking.rows(tables.approvals)) == 1


async def test_an_exit_waits_for_approval_where_the_owner_wants_it(make_world):
    world = await make_world(defaults={"approval": "auto", "confirm_exits": True})
    await world.execute()
    await world.filled(buy())
    alert_id = await ask(world, sell())
    await asyncio.sleep(0.02)
    assert len(world.attempts()) == 1
    await world.press(alert_id)
    await world.reaches(alert_id, "filled")


async def test_an_exit_from_the_future_has_only_just_arrived_and_goes_out(world):
    """By a sender's wrong clock or zone every exit would wait for a press, and expire undone."""
    await world.execute()
    await world.filled(buy())
    await world.filled(sell(time=world.clock() + timedelta(seconds=7_200)))
    assert await world.held() == 0


async def test_a_late_exit_is_asked_about_not_sent_blindly(world):
    await world.execute()
    await world.filled(buy())
    alert_id = await ask(world, sell(time=world.clock() - timedelta(seconds=61)))
    assert len(world.attempts()) == 1
    assert (await world.press(alert_id)).changed
    await world.reaches(alert_id, "filled")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-61, "alert 1 min old"), (7_200, "alert of unknown age: its time is 25 Nov 12:00:00 IST")],
)
async def test_the_card_of_an_exit_says_how_old_it_is_if_that_is_known(make_world, seconds, words):
    world = await make_world(defaults={"approval": "auto", "confirm_exits": True})
    await world.execute()
    await world.filled(buy())
    alert_id = await ask(world, sell(time=world.clock() + timedelta(seconds=seconds)))
    assert words in alert_card(await world.view(alert_id), world.clock()).text


async def test_each_strategy_has_its_own_mode(make_world):
    world = await make_world(
        defaults={"approval": "confirm"}, strategies={"quick": {"approval": "auto", "lots": 1}}
    )
    await world.execute()
    await ask(world, buy("slow"))
    await world.filled(buy("quick"))
    assert await world.held("quick") == LOT


async def test_a_mode_set_while_prices_are_read_counts_and_its_card_lacks_nothing(world, monkeypatch):
    said = []

    def confirm(name):
        if name == "planning.decided" and not said:
            said.append(name)
            world.database.write_now(
                lambda connection: modes.set_approval_mode(
                    connection, None, "confirm", by="owner", at=world.clock()
                )
            )

    monkeypatch.setattr(checkpoints, "_strike", confirm)
    await world.execute()
    alert_id = await ask(world)
    (row,) = await world.intents(alert_id)
    assert row.margin_paise
    assert world.attempts() == []


async def test_the_watch_over_deadlines_survives_a_locked_database(asking, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.01)
    alert_id = await ask(asking)
    asking.clock.forward(seconds=61)
    fails = [1]
    real = asking.database.write

    async def write(work):
        if fails:
            fails.pop()
            raise StorageFailed("locked")
        return await real(work)

    async def tell(_):
        """The owner would hear of it."""

    monkeypatch.setattr(asking.database, "write", write)
    await asking.run(lambda: supervision.supervise("approvals", asking.approvals.run, tell))
    await asking.reaches(alert_id, "expired", look=False)


def test_the_use_case_needs_nothing_of_the_broker():
    names = Approvals.__init__.__annotations__
    assert names.keys() == {"database", "outbox", "wakeups", "clock", "return"}
