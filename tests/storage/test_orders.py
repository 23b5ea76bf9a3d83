"""Updates from Kite are hints: in any order, any number of times, they come to the same row."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from gateway.domain.money import to_paise
from gateway.domain.order import OrderState, Purpose, Side
from storage import audit, holdings, orders
from storage.tables import fills
from storage.tables import orders as table
from tests.storage.conftest import counted
from tests.storage.rows import NOW, bought, later, placed, said, selling

FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)

#: Lives of an order of 130 units: (status, filled, average price).
LIVES = {
    "filled at once": [("OPEN", 0, "0"), ("COMPLETE", 130, "100.05")],
    "filled in parts": [
        ("PUT ORDER REQ RECEIVED", 0, "0"),
        ("OPEN", 0, "0"),
        ("UPDATE", 65, "100.00"),
        ("UPDATE", 100, "100.35"),
        ("COMPLETE", 130, "100.4231"),
    ],
    "cancelled unfilled": [("OPEN", 0, "0"), ("CANCEL PENDING", 0, "0"), ("CANCELLED", 0, "0")],
    "cancelled in part": [("OPEN", 0, "0"), ("UPDATE", 65, "99.95"), ("CANCELLED", 65, "99.95")],
    "cancelled, and the last fill heard of late": [
        ("OPEN", 0, "0"),
        ("CANCELLED", 0, "0"),
        ("CANCELLED", 65, "99.95"),
    ],
    "rejected at the exchange": [("VALIDATION PENDING", 0, "0"), ("REJECTED", 0, "0")],
    "open, then rejected": [("OPEN", 0, "0"), ("REJECTED", 0, "0")],
    "triggered": [("TRIGGER PENDING", 0, "0"), ("OPEN", 0, "0"), ("COMPLETE", 130, "100")],
}


@st.composite
def shuffled_lives(draw):
    """A life with all its updates, in any order, each any number of times."""
    life = draw(st.sampled_from(sorted(LIVES)))
    updates = LIVES[life]
    repeated = draw(st.lists(st.sampled_from(updates), max_size=6))
    return life, draw(st.permutations([*updates, *repeated]))


def outcome(connection, row):
    found = connection.execute(select(table).where(table.c.intent_id == row.id)).one()
    made = select(
        func.coalesce(func.sum(fills.c.quantity), 0), func.coalesce(func.sum(fills.c.value_paise), 0)
    )
    held = holdings.open_(connection)
    return {
        "state": found.state,
        "filled": found.filled_quantity,
        "average": found.average_price,
        "fills": tuple(connection.execute(made.where(fills.c.intent_id == row.id)).one()),
        "held": sum(each.quantity for each in held),
        "cost": sum(each.cost_paise for each in held),
        "realised": holdings.realised_since(connection, NOW),
    }


def lived(connection, updates, side=Side.BUY):
    with connection.begin_nested() as savepoint:
        if side is Side.BUY:
            row = placed(connection)
        else:
            bought(connection, 130, "77.77")
            row = selling(connection, 130)
        for status, filled, average in updates:
            orders.apply(connection, "paper", said(row, status, filled, average), NOW)
        found = outcome(connection, row)
        savepoint.rollback()
    return found


@pytest.mark.parametrize("side", Side)
@FIXTURE
@given(shuffled_lives())
def test_updates_in_any_order_any_number_of_times_give_the_same_row(connection, side, shuffled):
    life, updates = shuffled
    expected = lived(connection, LIVES[life], side)
    assert lived(connection, updates, side) == expected
    filled = max(filled for _, filled, _ in LIVES[life])
    final = LIVES[life][-1]
    assert expected["fills"] == (filled, to_paise(Decimal(final[2]) * filled))
    assert expected["held"] == (filled if side is Side.BUY else 130 - filled)


@FIXTURE
@given(
    st.lists(
        st.tuples(st.sampled_from(["OPEN", "UPDATE", "COMPLETE", "CANCELLED"]), st.integers(0, 130)),
        max_size=8,
    )
)
def test_the_filled_quantity_only_grows_and_the_state_never_goes_back(connection, updates):
    ranks = {state: rank for rank, state in enumerate(OrderState)}
    with connection.begin_nested() as savepoint:
        row = placed(connection)
        seen = [(OrderState.PLACED, 0)]
        for status, filled in updates:
            orders.apply(connection, "paper", said(row, status, filled, "100"), NOW)
            found = orders.find(connection, "paper", f"o-{row.id}")
            seen.append((OrderState(found.state), found.filled_quantity))
        savepoint.rollback()
    assert [filled for _, filled in seen] == sorted(filled for _, filled in seen)
    assert [ranks[state] for state, _ in seen] == sorted(ranks[state] for state, _ in seen)


def test_an_update_that_says_nothing_new_changes_nothing(connection):
    row = placed(connection)
    first = orders.apply(connection, "paper", said(row, "OPEN"), NOW)
    assert (first.before, first.state, first.newly_filled) == (OrderState.PLACED, OrderState.OPEN, 0)
    before = counted(connection, "audit")
    assert orders.apply(connection, "paper", said(row, "OPEN"), later(seconds=9)) is None
    assert orders.apply(connection, "paper", said(row, "PUT ORDER REQ RECEIVED"), later(seconds=9)) is None
    assert counted(connection, "audit") == before


def test_an_order_that_is_not_ours_is_left_alone(connection):
    row = placed(connection)
    stranger = said(row, "COMPLETE", 130, "100", order_id="of the owner's own hand")
    assert orders.apply(connection, "paper", stranger, NOW) is None
    assert orders.apply(connection, "live", said(row, "COMPLETE", 130, "100"), NOW) is None
    assert counted(connection, "fills") == 0


def test_a_lower_filled_quantity_is_an_old_story(connection):
    row = placed(connection)
    orders.apply(connection, "paper", said(row, "UPDATE", 100, "100"), NOW)
    assert orders.apply(connection, "paper", said(row, "UPDATE", 65, "99"), NOW) is None
    change = orders.apply(connection, "paper", said(row, "COMPLETE", 130, "101"), NOW)
    assert (change.newly_filled, change.ended) == (30, True)


def test_the_end_of_an_order_is_news_once(connection):
    row = placed(connection)
    ends = [orders.apply(connection, "paper", said(row, "CANCELLED"), NOW) for _ in range(3)]
    assert [change.ended if change else None for change in ends] == [True, None, None]


def test_a_fill_heard_of_after_the_end_is_counted_and_the_end_stays(connection):
    row = placed(connection)
    orders.apply(connection, "paper", said(row, "CANCELLED"), NOW)
    change = orders.apply(connection, "paper", said(row, "CANCELLED", 65, "100"), NOW)
    assert (change.state, change.newly_filled, change.ended) == (OrderState.CANCELLED, 65, False)
    assert sum(each.quantity for each in holdings.open_(connection)) == 65


def test_the_brokers_words_are_kept(connection):
    row = placed(connection)
    update = said(row, "REJECTED", status_message="RMS: margin exceeds")
    assert orders.apply(connection, "paper", update, NOW).row.status_message == "RMS: margin exceeds"
    assert [
        each["message"] for each in audit.trail(connection, row.alert_id) if each["event"] == "order.rejected"
    ]


def test_a_second_order_under_one_tag_is_remembered_once_and_never_followed(connection):
    row = placed(connection)
    assert orders.note_stranger(connection, "paper", "other", row, NOW)
    assert not orders.note_stranger(connection, "paper", "other", row, NOW)
    assert orders.apply(connection, "paper", said(row, "COMPLETE", 130, "1", order_id="other"), NOW) is None
    assert [each.order_id for each in orders.working(connection)] == [f"o-{row.id}"]


def test_working_orders_carry_what_their_readers_need(connection):
    row = placed(connection)
    (found,) = orders.working(connection)
    names = ("alert_id", "part", "strategy", "purpose", "side", "tradingsymbol", "questioned_at")
    assert [getattr(found, name) for name in names] == [getattr(row, name) for name in names]
    orders.apply(connection, "paper", said(row, "COMPLETE", 130, "1"), NOW)
    assert orders.working(connection) == []


def test_the_first_reason_of_a_cancellation_stays_but_the_kill_switch_wins(connection):
    row = placed(connection)

    def reason(new):
        orders.note_cancellation(connection, "paper", f"o-{row.id}", new, NOW)
        return orders.working(connection)[0].cancel_reason

    assert reason(orders.TIMEOUT) == orders.TIMEOUT
    assert reason(orders.EXIT) == orders.TIMEOUT
    assert reason(orders.KILL) == orders.KILL
    orders.note_cancellation(connection, "paper", "unknown", orders.KILL, NOW)


@pytest.mark.parametrize(
    ("updates", "unfinished"),
    [
        ([("CANCELLED", 0)], True),
        ([("CANCELLED", 60)], True),
        ([("REJECTED", 0)], True),
        ([("COMPLETE", 130)], False),
        ([("OPEN", 0)], False),
    ],
)
def test_what_ended_with_a_rest_is_unfinished(connection, updates, unfinished):
    row = selling(connection, 130)
    for status, filled in updates:
        orders.apply(connection, "paper", said(row, status, filled, "1"), NOW)
    found = orders.unfinished(connection, NOW)
    assert [each.id for each in found] == ([row.id] if unfinished else [])
    assert orders.unfinished(connection, later(seconds=1)) == [], "what is old is let be"


def test_the_newest_orders_come_first(connection):
    rows = [placed(connection, purpose=Purpose.ENTRY) for _ in range(3)]
    assert [each.intent_id for each in orders.latest(connection, 2)] == [rows[2].id, rows[1].id]
