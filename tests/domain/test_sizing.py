"""How many units, in which slices, at which price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Refusal
from gateway.domain.order import Side
from gateway.domain.sizing import closing_units, limit_at, marketable_limit, slices, units
from tests.domain.samples import contract

TICK = Decimal("0.05")
NIFTY = contract()


def sized(quantity=None, lots=None, *, round_down=False):
    return units(NIFTY, quantity=quantity, lots=lots, round_down=round_down)


def test_lots_are_times_the_contracts_lot_size():
    assert sized(lots=3) == 195


def test_a_multiple_of_the_lot_is_taken_as_it_is():
    assert sized(quantity=130) == 130
    assert sized(quantity=130, lots=2) == 130


def test_a_wrong_quantity_is_refused_with_the_lot_and_the_right_ones():
    with pytest.raises(Refusal, match="lot of 65 units; right would be 65 or 130") as caught:
        sized(quantity=100)
    assert caught.value.rule == "quantity"


def test_less_than_a_lot_is_refused_with_one_lot_even_when_rounding_down():
    for round_down in (False, True):
        with pytest.raises(Refusal, match="right would be 65"):
            sized(quantity=50, round_down=round_down)


def test_rounding_down_keeps_whole_lots():
    assert sized(quantity=129, round_down=True) == 65
    assert sized(quantity=131, round_down=True) == 130


def test_quantity_and_lots_that_disagree_are_refused():
    with pytest.raises(Refusal, match="quantity 65 and lots 2 disagree"):
        sized(quantity=65, lots=2)


def test_no_size_at_all_is_refused():
    with pytest.raises(Refusal, match="no quantity or lots"):
        sized()


@pytest.mark.parametrize("size", [{"quantity": 0}, {"lots": 0}, {"quantity": -65}, {"lots": -1}])
def test_nothing_and_less_than_nothing_are_refused(size):
    with pytest.raises(Refusal):
        sized(**size)


@pytest.mark.parametrize(
    ("wanted", "free", "closed"),
    [
        (65, 130, 65),
        (70, 130, 65),
        (129, 130, 65),
        (130, 130, 130),
        (500, 130, 130),
        (50, 65, 65),
        (1, 130, 65),
        (0, 130, 0),
        (50, 40, 40),
        (70, 0, 0),
    ],
)
def test_an_exit_closes_whole_lots_within_what_it_says_and_at_least_one(wanted, free, closed):
    assert closing_units(wanted, free, 65, at_least_one=True) == closed


def test_what_is_left_of_an_exit_after_one_contract_takes_no_lot_of_the_next():
    assert closing_units(5, 65, 65, at_least_one=False) == 0
    assert closing_units(70, 130, 65, at_least_one=False) == 65


@given(st.integers(1, 5_000), st.sampled_from([(65, 1800), (30, 600), (20, 1000), (120, 2800), (25, 10)]))
def test_slices_carry_all_units_in_whole_lots_below_the_freeze_quantity(lots, figures):
    lot, freeze = figures
    cut = slices(lots * lot, lot_size=lot, freeze_quantity=freeze)
    assert sum(cut) == lots * lot
    assert all(part > 0 and part % lot == 0 for part in cut)
    assert max(cut) <= max(freeze, lot)
    assert len(cut) == -(-lots // max(freeze // lot, 1)), "no more orders than needed"


def test_28_lots_of_nifty_go_in_two_slices_at_the_freeze_quantity():
    assert slices(28 * 65, lot_size=65, freeze_quantity=1800) == [1755, 65]


def test_slices_of_an_odd_rest_leave_nothing_out():
    assert slices(1800, lot_size=65, freeze_quantity=1800) == [1755, 45]


@pytest.mark.parametrize(
    ("last", "buy", "sell"),
    [
        ("4.00", "4.20", "3.80"),  # 5 % below ten rupees
        ("10.00", "10.30", "9.70"),  # 3 % below a hundred
        ("100.00", "102.00", "98.00"),  # 2 % below five hundred
        ("500.00", "505.00", "495.00"),  # 1 % above
        ("0.05", "0.10", "0.05"),  # never below one tick
    ],
)
def test_a_marketable_limit_crosses_by_the_band_of_its_premium(last, buy, sell):
    assert marketable_limit(Decimal(last), Side.BUY, TICK) == Decimal(buy)
    assert marketable_limit(Decimal(last), Side.SELL, TICK) == Decimal(sell)


@given(st.decimals(min_value=Decimal("0.01"), max_value=Decimal(5000), places=2))
def test_a_limit_at_the_last_price_pays_no_more_and_takes_no_less(last):
    buying, selling = limit_at(last, Side.BUY, TICK), limit_at(last, Side.SELL, TICK)
    assert buying % TICK == selling % TICK == 0
    assert buying <= max(last, TICK)
    assert selling >= last
