"""The pure decisions: where a stop and a target lie, and at which prices their orders wait."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.market import guards as figures
from gateway.domain.guarding import Edge, crossed, least_distance, legs_for, levels_for, limit_behind
from gateway.domain.order import TRANSITIONS, GuardState, may_move

TICK = Decimal("0.05")
STRIKE = Decimal(24000)
FIGURES = figures()


def levels(average: str, stop: str | None = None, target: str | None = None):
    return levels_for(Decimal(average), stop, target, tick=TICK, strike=STRIKE)


@pytest.mark.parametrize(
    ("average", "stop", "target", "expected"),
    [
        ("150", "140", "180", ("140", "180")),
        ("150", "-20%", "+30%", ("120", "195")),
        ("150.35", "-20.0%", "+30%", ("120.30", "195.50")),
        ("150", "139.98", None, ("140", None)),
        ("150", None, "180.01", (None, "180.05")),
        ("0.40", "-50%", "+100%", ("0.20", "0.80")),
    ],
)
def test_levels_are_option_prices_on_the_tick(average, stop, target, expected):
    found = levels(average, stop, target)
    wanted = tuple(None if level is None else Decimal(level) for level in expected)
    assert (found.stop, found.target) == wanted
    assert found.problems == ()


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        ("22812.78", "level of the index"),
        ("150", "not below the fill"),
        ("149.96", "not below the fill"),
        ("151", "not below the fill"),
    ],
)
def test_a_stop_that_guards_nothing_is_left_out_with_what_would_work(stop, why):
    found = levels("150", stop, "180")
    assert found.stop is None
    assert found.target == 180
    (sentence,) = found.problems
    assert why in sentence
    assert "such as 120" in sentence
    assert "-20%" in sentence


@pytest.mark.parametrize(
    ("target", "why"), [("25213.5", "level of the index"), ("150", "not above"), ("90", "not above")]
)
def test_a_target_that_guards_nothing_is_left_out_with_what_would_work(target, why):
    found = levels("150", "-20%", target)
    assert found.target is None
    assert found.stop == 120
    (sentence,) = found.problems
    assert why in sentence
    assert "such as 195" in sentence


def test_what_a_price_has_reached_is_known_the_stop_first():
    assert crossed(Decimal(140), Decimal(180), Decimal(140)) is Edge.STOP
    assert crossed(Decimal(140), Decimal(180), Decimal(180)) is Edge.TARGET
    assert crossed(Decimal(140), Decimal(180), Decimal("140.05")) is None
    assert crossed(None, None, Decimal(1)) is None


def test_the_distance_is_a_share_above_fifty_rupees_and_paise_below():
    assert least_distance(Decimal(200), FIGURES) == Decimal("0.50")
    assert least_distance(Decimal(50), FIGURES) == Decimal("0.09")


prices = st.integers(min_value=20, max_value=40_000).map(lambda ticks: ticks * TICK)
shares = st.integers(min_value=1, max_value=99)


@given(last=prices, down=shares, up=shares)
def test_legs_lie_on_the_tick_around_the_price_and_far_enough_from_it(last, down, up):
    stop = levels(str(last), f"-{down}%", f"+{up}%")
    if crossed(stop.stop, stop.target, last) is not None:
        return
    found = legs_for(stop.stop, stop.target, last=last, tick=TICK, figures=FIGURES)
    distance = least_distance(last, FIGURES)
    for leg in found.all:
        assert leg.trigger_price % TICK == 0
        assert leg.price % TICK == 0
        assert 0 < leg.price <= leg.trigger_price
        assert abs(leg.trigger_price - last) >= distance
    if found.stop:
        assert found.stop.trigger_price < last
    if found.target:
        assert found.target.trigger_price > last
    moved = [leg for leg in (found.stop, found.target) if leg is not None]
    assert len(moved) + len([s for s in found.moved if "cannot be placed" in s]) == 2 or stop.stop is None


@given(trigger=prices)
def test_the_limit_behind_a_stop_is_below_it_by_its_band_or_a_few_ticks(trigger):
    limit = limit_behind(trigger, TICK, FIGURES.stop)
    assert limit >= TICK
    assert limit <= trigger - 2 * TICK or limit == TICK
    assert limit >= trigger * Decimal("0.9") - 3 * TICK


def test_no_way_leads_from_a_call_or_an_end_to_a_second_call():
    reachable = set()
    ways = [GuardState.PLACING, GuardState.UNKNOWN, GuardState.DONE, GuardState.REMOVED, GuardState.FAILED]
    while ways:
        new = set(TRANSITIONS[GuardState][ways.pop()]) - reachable
        reachable |= new
        ways += new
    assert GuardState.PLACING not in reachable
    assert GuardState.WANTED not in reachable


def test_triggered_is_not_done_and_placing_has_one_way_in():
    assert not may_move(GuardState.ACTIVE, GuardState.DONE)
    origins = {state for state in GuardState if may_move(state, GuardState.PLACING)}
    assert origins == {GuardState.WANTED}
