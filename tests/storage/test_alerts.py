"""Alerts: kept as they came, settled once."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from gateway.domain.contract import OptionType
from gateway.domain.errors import IllegalMove
from gateway.domain.order import AlertState
from gateway.domain.signal import (
    Action,
    ExpiryKind,
    ExpiryRule,
    Level,
    LevelKind,
    Objection,
    Signal,
    StrikeKind,
    StrikeRule,
    what_is_said,
)
from storage import alerts, audit
from tests.storage.rows import NOW, arrival, later

EVERYTHING = Signal(
    action=Action.BUY,
    strategy="RSI 'Divergence' é ₹",
    symbol="NIFTY",
    option_type=OptionType.PE,
    strike=StrikeRule(kind=StrikeKind.PRICE, value=Decimal("24013.45")),
    quantity=65,
    expiry=ExpiryRule(kind=ExpiryKind.DATE, day=NOW.date()),
    stop_loss=Level(kind=LevelKind.PERCENT, value=Decimal("-20.5")),
    target=Level(kind=LevelKind.PRICE, value=Decimal("180.10")),
    id="x",
    time=NOW + timedelta(microseconds=1),
    price=Decimal("150.55"),
    market_position="long",
    prev_market_position="flat",
    position_size=Decimal(-3),
    ignored=("a", "b"),
    objections=(
        Objection(field="dte", sentence="dte is not understood."),
        Objection(field="action", sentence="they contradict.", option_type=OptionType.CE),
    ),
)


def test_a_signal_comes_back_as_it_was_understood(connection):
    made = arrival(signal=EVERYTHING)
    alerts.store(connection, [made])
    assert alerts.signal_of(alerts.get(connection, made.alert_id)) == EVERYTHING


def test_a_signal_without_objections_is_written_as_before_there_were_any(connection):
    """Else an element of an array, sent again after the upgrade, would be another alert by its id."""
    made = arrival(signal=Signal(action=Action.SELL))
    alerts.store(connection, [made])
    row = alerts.get(connection, made.alert_id)
    assert "objections" not in row.signal
    assert alerts.signal_of(row) == made.signal
    assert b"objections" not in msgspec.json.encode(what_is_said(EVERYTHING))


def test_the_bytes_are_kept_as_they_came(connection):
    made = arrival(body=bytes(range(256)), source="webhook 1.2.3.4")
    alerts.store(connection, [made])
    row = alerts.get(connection, made.alert_id)
    assert (row.body, row.source, row.received_at) == (bytes(range(256)), "webhook 1.2.3.4", NOW)


@pytest.mark.parametrize("goal", [AlertState.PLANNED, AlertState.REFUSED, AlertState.STALE])
def test_an_alert_is_settled_once(connection, goal):
    made = arrival()
    alerts.store(connection, [made])
    alerts.settle(connection, made.alert_id, goal, "because", NOW)
    row = alerts.get(connection, made.alert_id)
    assert (row.state, row.reason) == (goal, "because")
    for again in (AlertState.PLANNED, AlertState.REFUSED, AlertState.STALE):
        with pytest.raises(IllegalMove, match="planned before"):
            alerts.settle(connection, made.alert_id, again, None, NOW)


@pytest.mark.parametrize("goal", [AlertState.RECEIVED, AlertState.INVALID, AlertState.DUPLICATE])
def test_planning_makes_of_an_alert_nothing_else(connection, goal):
    made = arrival()
    alerts.store(connection, [made])
    with pytest.raises(IllegalMove, match="no alert becomes"):
        alerts.settle(connection, made.alert_id, goal, None, NOW)


def test_what_waits_for_its_plan_is_found_in_the_order_of_arrival(connection):
    made = [arrival(received_at=later(seconds=-number)) for number in range(4)]
    alerts.store(connection, [*made, arrival(signal=None), arrival(body_hash=made[0].body_hash)])
    alerts.settle(connection, made[1].alert_id, AlertState.PLANNED, None, NOW)
    assert [row.id for row in alerts.unplanned(connection)] == [made[i].alert_id for i in (0, 2, 3)]


def test_the_newest_alerts_come_first(connection):
    made = [arrival() for _ in range(3)]
    alerts.store(connection, made)
    assert [row.id for row in alerts.latest(connection, 2)] == [made[2].alert_id, made[1].alert_id]


def test_a_duplicate_has_no_key_of_its_own_and_names_the_first(connection):
    first, second, third = (arrival(dedupe_key="k") for _ in range(3))
    stored = alerts.store(connection, [first, second, third])
    assert [each.duplicate_of for each in stored] == [None, first.alert_id, first.alert_id]
    assert alerts.get(connection, third.alert_id).dedupe_key is None


def test_an_alert_with_an_id_is_never_a_repetition_by_its_bytes(connection):
    """Two bars may bring the same text; their ids tell them apart."""
    first, second = (arrival(dedupe_key=key, body_hash="same") for key in "ab")
    stored = alerts.store(connection, [first, second])
    assert [each.state for each in stored] == [AlertState.RECEIVED] * 2


def test_every_alert_that_came_in_is_in_the_audit_trail(connection):
    made = [arrival(dedupe_key="k"), arrival(dedupe_key="k"), arrival(signal=None, reason="nonsense")]
    alerts.store(connection, made)
    events = [audit.trail(connection, each.alert_id)[0]["event"] for each in made]
    assert events == ["alert.received", "alert.duplicate", "alert.invalid"]
    assert alerts.store(connection, []) == []
