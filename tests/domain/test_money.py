"""Money: whole paise, Indian grouping, prices on the tick."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import format_rupees, round_to_tick, to_paise, to_rupees

PRICES = st.decimals(min_value=Decimal("0.05"), max_value=Decimal(99_999), places=2)


@pytest.mark.parametrize(
    ("rupees", "paise"),
    [
        (Decimal("150.55"), 15_055),
        (150.55, 15_055),  # a binary float is 150.550000000000011...
        (0.285 * 100, 2_850),
        ("1e3", 100_000),
        (7, 700),
        (Decimal("0.005"), 0),  # half-even
        (Decimal("0.015"), 2),
        (Decimal("-12.345"), -1_234),
    ],
)
def test_rupees_become_whole_paise_half_to_even(rupees, paise):
    assert to_paise(rupees) == paise


@pytest.mark.parametrize("nonsense", ["", "abc", float("nan"), float("inf"), "Infinity", "NaN", True])
def test_what_is_no_amount_is_a_value_error(nonsense):
    with pytest.raises(ValueError, match=r"amount|convert"):
        to_paise(nonsense)


@given(st.integers(-(10**12), 10**12))
def test_paise_and_rupees_are_two_writings_of_one_amount(paise):
    assert to_paise(to_rupees(paise)) == paise
    assert to_rupees(paise).as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("paise", "text"),
    [
        (0, "₹0.00"),
        (5, "₹0.05"),
        (99_999, "₹999.99"),
        (100_000, "₹1,000.00"),
        (12_345_650, "₹1,23,456.50"),
        (1_000_000_000_00, "₹1,00,00,00,000.00"),
        (-12_345_650, "-₹1,23,456.50"),
    ],
)
def test_rupees_are_grouped_as_in_india(paise, text):
    assert format_rupees(paise) == text


def test_a_gain_can_show_its_sign_and_nothing_has_none():
    assert format_rupees(100, sign=True) == "+₹1.00"
    assert format_rupees(-100, sign=True) == "-₹1.00"
    assert format_rupees(0, sign=True) == "₹0.00"


@given(PRICES, st.sampled_from([Decimal("0.05"), Decimal("0.10"), Decimal("0.01"), Decimal(1)]))
def test_a_rounded_price_is_on_the_tick_and_less_than_one_tick_away(price, tick):
    up, down = round_to_tick(price, tick, up=True), round_to_tick(price, tick, up=False)
    assert up % tick == down % tick == 0
    assert down <= price <= up
    assert up - down in {Decimal(0), tick}
