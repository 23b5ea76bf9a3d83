"""The contract's one word for an alert."""

import pytest

from gateway.domain.order import AlertState, IntentState, OrderState
from gateway.domain.status import SETTLED, Leg, Status, overall


def leg(intent, order=None, filled=0, refused_by=None):
    return Leg(intent=intent, refused_by=refused_by, order=order, filled_quantity=filled)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (AlertState.RECEIVED, "queued"),
        (AlertState.INVALID, "invalid"),
        (AlertState.DUPLICATE, "duplicate"),
        (AlertState.STALE, "stale"),
        (AlertState.REFUSED, "refused"),
    ],
)
def test_the_doors_word_counts_while_nothing_is_planned(state, word):
    assert overall(state, []) == word


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (leg(IntentState.PLANNED), "queued"),
        (leg(IntentState.AWAITING_APPROVAL), "awaiting_approval"),
        (leg(IntentState.REJECTED), "rejected"),
        (leg(IntentState.EXPIRED), "expired"),
        (leg(IntentState.APPROVED), "queued"),
        (leg(IntentState.PLACING), "placing"),
        (leg(IntentState.UNKNOWN), "unknown"),
        (leg(IntentState.CLOSED), "failed"),
        (leg(IntentState.REFUSED, refused_by="rules"), "refused"),
        (leg(IntentState.REFUSED, refused_by="broker"), "failed"),
        (leg(IntentState.REFUSED, refused_by="not_sent"), "failed"),
        (leg(IntentState.PLACED), "open"),
        (leg(IntentState.PLACED, OrderState.PLACED), "open"),
        (leg(IntentState.PLACED, OrderState.OPEN), "open"),
        (leg(IntentState.PLACED, OrderState.PARTLY_FILLED, 65), "open"),
        (leg(IntentState.PLACED, OrderState.FILLED, 130), "filled"),
        (leg(IntentState.PLACED, OrderState.CANCELLED, 65), "filled"),
        (leg(IntentState.PLACED, OrderState.CANCELLED), "failed"),
        (leg(IntentState.PLACED, OrderState.REJECTED), "failed"),
    ],
)
def test_each_state_of_an_intent_and_its_order_has_its_word(one, word):
    assert overall(AlertState.PLANNED, [one]) == word


@pytest.mark.parametrize("order", [None, *OrderState])
def test_what_has_no_fill_is_never_called_filled(order):
    assert overall(AlertState.PLANNED, [leg(IntentState.PLACED, order, filled=0)]) != Status.FILLED


def test_one_leg_of_which_nothing_is_known_is_the_alerts_word():
    filled = leg(IntentState.PLACED, OrderState.FILLED, 65)
    assert overall(AlertState.PLANNED, [filled, leg(IntentState.UNKNOWN)]) == "unknown"
    assert overall(AlertState.PLANNED, [filled, leg(IntentState.PLACING)]) == "placing"
    assert overall(AlertState.PLANNED, [filled, leg(IntentState.REFUSED, refused_by="broker")]) == "filled"


def test_only_what_changes_by_itself_no_more_is_settled():
    moving = {Status.QUEUED, Status.AWAITING_APPROVAL, Status.PLACING, Status.UNKNOWN, Status.OPEN}
    assert set(Status) - SETTLED == moving
