"""The one table of transitions: what no state may lead to."""

from enum import StrEnum

import pytest

from gateway.domain.order import (
    LIVE_INTENTS,
    TRANSITIONS,
    WORKING_ORDERS,
    AlertState,
    IntentState,
    OrderState,
    may_move,
)

WORDS: list[type[StrEnum]] = [AlertState, IntentState, OrderState]
STATES: list[StrEnum] = [*AlertState, *IntentState, *OrderState]


def origins(goal: StrEnum) -> set[StrEnum]:
    return {origin for origin in STATES if may_move(origin, goal)}


def goals(origin: StrEnum) -> set[StrEnum]:
    return {goal for goal in STATES if may_move(origin, goal)}


def reachable(origin: StrEnum) -> set[StrEnum]:
    found, ways = set(), [origin]
    while ways:
        new = goals(ways.pop()) - found
        found |= new
        ways += new
    return found


@pytest.mark.parametrize("word", WORDS)
def test_the_table_knows_every_state(word):
    assert TRANSITIONS[word].keys() == set(word)


@pytest.mark.parametrize("word", WORDS)
def test_an_arrow_stays_among_the_states_of_its_own_word(word):
    assert all(type(goal) is word for state in word for goal in TRANSITIONS[word][state])
    assert all(type(goal) is word for state in word for goal in STATES if may_move(state, goal))


def test_states_of_different_words_with_one_text_are_not_mistaken_for_each_other():
    assert str(AlertState.REFUSED) == str(IntentState.REFUSED), "the trap: as keys they are one"
    assert not may_move(AlertState.REFUSED, IntentState.PLACED)
    assert may_move(IntentState.REFUSED, IntentState.PLACED)
    assert not may_move(OrderState.REJECTED, OrderState.PLACED)
    assert may_move(IntentState.REJECTED, IntentState.PLACED)
    assert not may_move(IntentState.PLACED, OrderState.OPEN)


def test_placing_is_reached_from_approved_alone():
    assert origins(IntentState.PLACING) == {IntentState.APPROVED}


@pytest.mark.parametrize(
    "state",
    [
        IntentState.PLACING,
        IntentState.UNKNOWN,
        IntentState.PLACED,
        IntentState.REFUSED,
        IntentState.CLOSED,
        IntentState.REJECTED,
        IntentState.EXPIRED,
    ],
)
def test_no_way_leads_from_a_call_or_an_end_to_a_second_call(state):
    assert IntentState.PLACING not in reachable(state)
    assert IntentState.APPROVED not in reachable(state)


def test_approved_is_reached_only_by_planning_and_by_the_owners_answer():
    assert origins(IntentState.APPROVED) == {IntentState.PLANNED, IntentState.AWAITING_APPROVAL}


def test_unknown_becomes_an_order_or_the_owners_word_and_never_a_refusal():
    assert goals(IntentState.UNKNOWN) == {IntentState.PLACED, IntentState.CLOSED}
    assert origins(IntentState.UNKNOWN) == {IntentState.PLACING}
    assert origins(IntentState.CLOSED) == {IntentState.UNKNOWN}
    assert origins(IntentState.REFUSED) == {
        IntentState.PLANNED,
        IntentState.AWAITING_APPROVAL,
        IntentState.APPROVED,
        IntentState.PLACING,
    }


def test_whatever_we_wrote_the_book_can_prove_that_there_is_an_order():
    assert origins(IntentState.PLACED) == set(IntentState) - {IntentState.PLACED}


def test_an_order_never_goes_back_and_ends_once():
    ranks: dict[StrEnum, int] = {state: rank for rank, state in enumerate(OrderState)}
    for state in OrderState:
        assert all(ranks[goal] > ranks[state] for goal in goals(state))
    for ended in set(OrderState) - WORKING_ORDERS:
        assert goals(ended) == set()


def test_every_working_order_can_still_end_in_every_way():
    ends = set(OrderState) - WORKING_ORDERS
    assert all(ends <= goals(state) for state in WORKING_ORDERS)


def test_what_may_still_become_an_order_is_live():
    silent = {state for state in IntentState if IntentState.PLACING in reachable(state)}
    assert silent | {IntentState.PLACING, IntentState.UNKNOWN} == LIVE_INTENTS
