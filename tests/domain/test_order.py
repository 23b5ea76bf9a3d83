"""The tag, and the broker's words as our states."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.order import AlertId, OrderState, make_tag, order_state

ALERT_IDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)


@given(ALERT_IDS, st.integers(0, 10_000))
def test_a_tag_is_what_kite_takes_at_most_20_letters_and_digits(alert_id, part):
    assert re.fullmatch(r"MJ[A-Z2-7]{16}", make_tag(AlertId(alert_id), part))


def test_a_tag_is_the_same_at_every_restart():
    assert make_tag(AlertId("abcdefghijklmnop"), 1) == "MJG5V2SUNQRQJ73EWV"


def test_no_two_intents_share_a_tag():
    tags = {make_tag(AlertId(f"alert{number}"), part) for number in range(2_000) for part in range(1, 11)}
    assert len(tags) == 20_000


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("PUT ORDER REQ RECEIVED", 0, OrderState.PLACED),
        ("VALIDATION PENDING", 0, OrderState.PLACED),
        ("OPEN PENDING", 0, OrderState.PLACED),
        ("AMO REQ RECEIVED", 0, OrderState.PLACED),
        ("OPEN", 0, OrderState.OPEN),
        ("TRIGGER PENDING", 0, OrderState.OPEN),
        ("MODIFIED", 0, OrderState.OPEN),
        ("MODIFY PENDING", 0, OrderState.OPEN),
        ("MODIFY VALIDATION PENDING", 0, OrderState.OPEN),
        ("CANCEL PENDING", 0, OrderState.OPEN),
        ("OPEN", 65, OrderState.PARTLY_FILLED),
        ("UPDATE", 65, OrderState.PARTLY_FILLED),
        ("CANCEL PENDING", 65, OrderState.PARTLY_FILLED),
        ("COMPLETE", 130, OrderState.FILLED),
        ("complete", 130, OrderState.FILLED),
        ("CANCELLED", 0, OrderState.CANCELLED),
        ("CANCELLED", 65, OrderState.CANCELLED),
        ("CANCELLED AMO", 0, OrderState.CANCELLED),
        ("REJECTED", 0, OrderState.REJECTED),
        ("REJECTED", 65, OrderState.REJECTED),
    ],
)
def test_kites_words_have_one_state_each(status, filled, state):
    assert order_state(status, filled) is state


@given(st.text(max_size=30))
def test_a_word_we_do_not_know_is_a_living_order(status):
    word = status.upper()
    if not word.startswith(("COMPLETE", "CANCELLED", "REJECTED")):
        assert order_state(status, 0) in {OrderState.PLACED, OrderState.OPEN}
