"""Intents and approvals: every step guarded, the claim once, the owner's word once."""

import pytest

from gateway.domain.errors import IllegalMove
from gateway.domain.order import IntentState, Purpose, Side, may_move
from storage import alerts, audit, intents, orders
from storage.tables import intents as table
from storage.transition import move
from tests.storage.conftest import counted
from tests.storage.rows import (
    NOW,
    add_intent,
    arrival,
    bring_to,
    fetch,
    intent_values,
    later,
    placed,
    said,
    selling,
)


@pytest.mark.parametrize("origin", IntentState)
def test_a_claim_takes_an_approved_intent_and_no_other(connection, origin):
    row = add_intent(connection, state=origin)
    assert row.state == origin
    if origin is IntentState.APPROVED:
        intents.claim(connection, row, NOW)
        assert fetch(connection, row.id).state == IntentState.PLACING
    else:
        with pytest.raises(IllegalMove):
            intents.claim(connection, row, NOW)
        assert fetch(connection, row.id).state == origin


@pytest.mark.parametrize("origin", IntentState)
@pytest.mark.parametrize("goal", IntentState)
def test_only_arrows_of_the_table_change_a_row(connection, origin, goal):
    row = add_intent(connection, state=origin)
    before = counted(connection, "audit")

    def step():
        move(connection, table, row.id, IntentState(row.state), goal, at=NOW, alert_id=row.alert_id)

    if may_move(origin, goal):
        step()
        assert counted(connection, "audit") == before + 1
        assert fetch(connection, row.id).state == goal
    else:
        with pytest.raises(IllegalMove, match="no arrow"):
            step()
        assert counted(connection, "audit") == before
        assert fetch(connection, row.id).state == origin


def test_of_two_claims_with_one_look_the_second_is_refused(connection):
    row = add_intent(connection, state=IntentState.APPROVED)
    intents.claim(connection, row, NOW)
    with pytest.raises(IllegalMove, match="not approved any more"):
        intents.claim(connection, row, NOW)


def test_every_step_leaves_its_audit_row(connection):
    row = add_intent(connection)
    bring_to(connection, row.id, IntentState.UNKNOWN)
    events = [each["event"] for each in audit.trail(connection, row.alert_id)]
    assert events == [
        "alert.received",
        "alert.planned",
        "intent.planned",
        "intent.approved",
        "intent.placing",
        "intent.unknown",
    ]
    assert audit.first_broken(connection) is None


def test_two_intents_never_share_a_tag(connection):
    row = add_intent(connection)
    with pytest.raises(Exception, match="UNIQUE"):
        intents.add(connection, [intent_values(row.alert_id, part=2, tag=row.tag)], NOW)


def test_an_alert_is_planned_once(connection):
    row = add_intent(connection)
    with pytest.raises(Exception, match="UNIQUE"):
        intents.add(connection, [intent_values(row.alert_id)], NOW)


def test_exits_go_before_entries_and_older_before_newer(connection):
    entry = add_intent(connection, state=IntentState.APPROVED)
    exit_ = add_intent(connection, state=IntentState.APPROVED, purpose=Purpose.EXIT, side=Side.SELL)
    later_entry = add_intent(connection, state=IntentState.APPROVED)
    rows = intents.in_state(connection, IntentState.APPROVED)
    assert [row.id for row in rows] == [exit_.id, entry.id, later_entry.id]


# approvals


@pytest.fixture
def asked(connection):
    row = add_intent(connection, state=IntentState.AWAITING_APPROVAL)
    return f"ask-{row.alert_id}", row.id


@pytest.mark.parametrize(
    ("decision", "goal"),
    [
        (intents.APPROVED, IntentState.APPROVED),
        (intents.REJECTED, IntentState.REJECTED),
        (intents.EXPIRED, IntentState.EXPIRED),
        (intents.VOID, IntentState.REFUSED),
    ],
)
def test_a_decision_moves_its_intents_and_is_made_once(connection, asked, decision, goal):
    approval_id, intent_id = asked
    intents.decide(connection, approval_id, decision, by="Asha", at=NOW)
    assert fetch(connection, intent_id).state == goal
    for again in (intents.APPROVED, intents.REJECTED, intents.EXPIRED, intents.VOID):
        with pytest.raises(IllegalMove, match="not pending"):
            intents.decide(connection, approval_id, again, by="Ravi", at=NOW)
    kept = intents.approval(connection, approval_id)
    assert (kept.decision, kept.decided_by) == (decision, "Asha")


def test_all_slices_of_an_alert_are_decided_together(connection):
    made = add_intent(connection)
    intents.add(connection, [intent_values(made.alert_id, part=2)], NOW)
    intents.ask(connection, "ask", made.alert_id, NOW, later(seconds=60))
    intents.decide(connection, "ask", intents.APPROVED, by="Asha", at=NOW)
    assert {row.state for row in intents.of_alert(connection, made.alert_id)} == {IntentState.APPROVED}


@pytest.mark.parametrize(("seconds", "in_time"), [(59.999999, True), (60, False), (61, False)])
def test_an_approval_at_its_deadline_or_after_is_none(connection, asked, seconds, in_time):
    approval_id, intent_id = asked
    if in_time:
        intents.decide(connection, approval_id, intents.APPROVED, by="Asha", at=later(seconds=seconds))
    else:
        with pytest.raises(IllegalMove):
            intents.decide(connection, approval_id, intents.APPROVED, by="Asha", at=later(seconds=seconds))
        assert fetch(connection, intent_id).state == IntentState.AWAITING_APPROVAL


def test_a_forged_question_decides_nothing(connection, asked):
    with pytest.raises(IllegalMove):
        intents.decide(connection, "forged", intents.APPROVED, by="Mallory", at=NOW)
    assert fetch(connection, asked[1]).state == IntentState.AWAITING_APPROVAL


def test_pending_questions_are_listed_by_their_deadline(connection):
    for seconds in (60, 20, 40):
        row = add_intent(connection)
        intents.ask(connection, f"ask-{seconds}", row.alert_id, NOW, later(seconds=seconds))
    assert [row.id for row in intents.pending_approvals(connection)] == ["ask-20", "ask-40", "ask-60"]


# what counts as sold


@pytest.mark.parametrize(
    ("state", "units"),
    [
        (IntentState.PLANNED, 65),
        (IntentState.AWAITING_APPROVAL, 0),  # a question sells nothing
        (IntentState.APPROVED, 65),
        (IntentState.PLACING, 65),
        (IntentState.UNKNOWN, 65),
        (IntentState.PLACED, 65),
        (IntentState.REFUSED, 0),
        (IntentState.REJECTED, 0),
        (IntentState.EXPIRED, 0),
        (IntentState.CLOSED, 0),
    ],
)
def test_a_sell_that_may_become_or_be_an_order_counts_as_sold(connection, state, units):
    row = add_intent(connection, state=state, quantity=65, side=Side.SELL, purpose=Purpose.EXIT)
    assert intents.being_sold(connection, "paper", "S", row.tradingsymbol, "NRML") == units


@pytest.mark.parametrize(
    ("status", "filled", "units"),
    [("OPEN", 0, 65), ("UPDATE", 20, 45), ("COMPLETE", 65, 0), ("CANCELLED", 20, 0), ("REJECTED", 0, 0)],
)
def test_what_is_filled_or_ended_is_not_being_sold(connection, status, filled, units):
    row = selling(connection, 65)
    orders.apply(connection, "paper", said(row, status, filled, "1"), NOW)
    assert intents.being_sold(connection, "paper", "S", row.tradingsymbol, "NRML") == units


def test_sells_of_others_and_buys_do_not_count(connection):
    row = selling(connection, 65)
    for changes in ({"strategy": "T"}, {"venue": "live"}, {"product": "MIS"}, {"tradingsymbol": "OTHER"}):
        selling(connection, 1000, **changes)
    placed(connection, quantity=1000)
    assert intents.being_sold(connection, "paper", "S", row.tradingsymbol, "NRML") == 65


def test_positions_on_their_way_are_entries_that_may_still_open(connection):
    for state in IntentState:
        add_intent(connection, state=state, strategy=state)
    found = {strategy for _, strategy, _ in intents.live_entry_contracts(connection)}
    assert found == {
        IntentState.PLANNED,
        IntentState.AWAITING_APPROVAL,
        IntentState.APPROVED,
        IntentState.PLACING,
        IntentState.UNKNOWN,
        IntentState.PLACED,
    }


def test_orders_of_the_day_are_those_that_were_tried_refused_ones_too(connection):
    for state in IntentState:
        add_intent(connection, state=state)
    tried = {
        IntentState.PLACING,
        IntentState.PLACED,
        IntentState.REFUSED,
        IntentState.UNKNOWN,
        IntentState.CLOSED,
    }
    assert intents.placed_since(connection, NOW) == len(tried)
    assert intents.placed_since(connection, later(seconds=1)) == 0


def test_a_rest_is_carried_on_once_under_a_tag_of_its_own(connection):
    row = selling(connection, 130)
    values = intent_values(row.alert_id, part=101)
    new = {
        key: values[key]
        for key in ("id", "part", "tag", "order_type", "price", "market_protection", "premium")
    }
    intents.carry_on(connection, row, {**new, "quantity": 65}, NOW)
    follower = intents.successor_of(connection, row.id)
    assert (follower.state, follower.quantity, follower.side) == (IntentState.APPROVED, 65, Side.SELL)
    assert follower.tag != row.tag
    other = {**new, **intent_values(row.alert_id, part=201)}
    with pytest.raises(Exception, match="UNIQUE"):
        intents.carry_on(connection, row, other, NOW)


def test_every_strategy_that_ever_sent_an_alert_is_known(connection):
    alerts.store(connection, [arrival(strategy="B"), arrival(strategy="A"), arrival(strategy="B")])
    assert intents.known_strategies(connection) == {"A", "B"}
