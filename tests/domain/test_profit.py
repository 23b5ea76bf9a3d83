"""Profit and loss: each fill counts once, charges are taken off, what is not known is not zero."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.market import charges as rates_in_force
from gateway.domain.charges import charges_of
from gateway.domain.market import IST
from gateway.domain.money import Paise, to_paise
from gateway.domain.order import Side
from gateway.domain.profit import (
    Deal,
    OpenHolding,
    by_day,
    by_strategy,
    equity_of,
    losses_in_a_row,
    open_gain,
    result_of,
    trades_of,
)

RATES = rates_in_force()
TEN = datetime(2026, 11, 25, 10, 0, tzinfo=IST)
BOUGHT = Deal(
    at=TEN,
    strategy="S",
    alert_id="a1",
    order="a1-1",
    begins=True,
    closes=False,
    exchange="NFO",
    tradingsymbol="X",
    side=Side.BUY,
    quantity=65,
    value=to_paise(65 * 150),
    realised=Paise(0),
)
SOLD = replace(
    BOUGHT,
    at=TEN + timedelta(minutes=5),
    alert_id="a2",
    order="a2-1",
    closes=True,
    side=Side.SELL,
    value=to_paise(65 * 160),
    realised=to_paise(650),
)
HELD = OpenHolding(
    strategy="S",
    exchange="NFO",
    tradingsymbol="X",
    product="NRML",
    quantity=65,
    average=Decimal(150),
    price=Decimal(140),
)


def sold(number: int, realised: int) -> Deal:
    """A sell of an alert of its own, so many minutes later."""
    return replace(
        SOLD,
        at=TEN + timedelta(minutes=number),
        alert_id=f"s{number}",
        order=f"s{number}-1",
        realised=to_paise(realised),
    )


def test_charges_are_brokerage_taxes_and_duties_of_one_order() -> None:
    """NIFTY option sold for 10,400: 20 + 15.60 STT + 3.64 exchange + 0.01 SEBI, GST on all but the tax."""
    found = charges_of(RATES, "NFO", Side.SELL, Decimal(10_400))
    assert [found.brokerage, found.stt, found.stamp] == [20, Decimal("15.6"), 0]
    assert found.turnover == Decimal("3.64312")
    assert found.gst == (20 + found.turnover + found.sebi) * Decimal("0.18")
    assert found.paise == 43_51


def test_a_purchase_pays_stamp_duty_and_no_transaction_tax() -> None:
    found = charges_of(RATES, "BFO", Side.BUY, Decimal(10_000))
    assert [found.stt, found.stamp, found.turnover] == [0, Decimal("0.3"), Decimal("3.25")]


def test_brokerage_is_for_an_order_and_not_for_each_of_its_fills() -> None:
    half = replace(SOLD, quantity=30, value=to_paise(30 * 160), realised=to_paise(300))
    rest = replace(half, quantity=35, value=to_paise(35 * 160), realised=to_paise(350), begins=False)
    whole, parts = result_of([BOUGHT, SOLD], RATES), result_of([BOUGHT, half, rest], RATES)
    assert (parts.realised, parts.orders, parts.trades) == (whole.realised, 2, 1)
    assert abs(parts.charges - whole.charges) <= 1


def test_net_is_after_the_charges_of_purchases_too() -> None:
    result = result_of([BOUGHT, SOLD], RATES)
    assert result.net == result.realised - BOUGHT.charges(RATES) - SOLD.charges(RATES)
    assert (result.orders, result.trades, result.wins) == (2, 1, 1)
    assert result_of([BOUGHT], RATES).net == -BOUGHT.charges(RATES)


def test_nothing_traded_is_nothing_made() -> None:
    result = result_of([], RATES)
    assert (result.net, result.orders, result.trades) == (0, 0, 0)


def test_an_exit_in_slices_and_chases_is_one_trade() -> None:
    """A loser in three orders is one loss, and its size is the sum."""
    slices = [replace(sold(number, -100), alert_id="a2") for number in (1, 2, 3)]
    [trade] = trades_of(slices, RATES)
    assert (trade.realised, trade.quantity) == (to_paise(-300), 3 * 65)
    assert losses_in_a_row(slices, RATES) == 1


def test_a_gain_that_its_charges_eat_up_is_a_loss() -> None:
    assert losses_in_a_row([sold(1, 40)], RATES) == 1
    assert result_of([sold(1, 40)], RATES).wins == 0


@pytest.mark.parametrize(
    ("results", "count"),
    [([], 0), ([500], 0), ([-500], 1), ([-500, 500], 0), ([500, -1, -1], 2), ([-1, 500, -1], 1)],
)
def test_losses_in_a_row_end_with_a_gain(results: list[int], count: int) -> None:
    deals = [sold(number, realised) for number, realised in enumerate(results, 1)]
    assert losses_in_a_row(deals, RATES) == count


def test_the_curve_has_a_point_after_each_sell_and_ends_at_the_days_result() -> None:
    deals = [BOUGHT, sold(1, 500), replace(BOUGHT, order="a3-1"), sold(2, -900)]
    points = equity_of(deals, RATES)
    assert [point.at.minute for point in points] == [1, 2]
    assert points[-1].net == result_of(deals, RATES).net
    assert points[0].net == result_of(deals[:2], RATES).net


def test_days_are_those_of_india() -> None:
    late = replace(SOLD, at=datetime(2026, 11, 25, 18, 29, 59, tzinfo=IST))
    past = replace(SOLD, at=datetime(2026, 11, 26, 0, 0, 1, tzinfo=IST))
    assert [each.day for each in by_day([past, late], RATES)] == [date(2026, 11, 25), date(2026, 11, 26)]


def test_each_strategy_has_its_own_fills() -> None:
    groups = by_strategy([SOLD, replace(SOLD, strategy="A"), SOLD])
    assert {name: len(deals) for name, deals in groups.items()} == {"A": 1, "S": 2}
    assert list(groups) == ["A", "S"]


def test_an_open_loss_is_at_the_last_price() -> None:
    assert HELD.gain == to_paise(-650)
    assert open_gain([HELD, HELD]) == to_paise(-1300)
    assert open_gain([]) == 0


def test_a_short_gains_what_the_price_falls() -> None:
    short = replace(HELD, quantity=-65)
    assert short.gain == to_paise(650)
    assert replace(short, price=Decimal(170)).gain == to_paise(-1300)


def test_an_unknown_price_makes_the_sum_unknown_and_never_zero() -> None:
    unknown = replace(HELD, price=None)
    assert unknown.gain is None
    assert open_gain([HELD, unknown]) is None


def test_a_gain_is_never_rounded_up() -> None:
    third = replace(HELD, quantity=1, average=Decimal(10000) / 3, price=Decimal("3333.33"))
    assert third.gain == -1


@given(st.lists(st.integers(-5_000, 5_000), max_size=20))
def test_the_strategies_add_up_to_the_account(results: list[int]) -> None:
    deals = [
        replace(sold(number, realised), strategy="AB"[number % 2]) for number, realised in enumerate(results)
    ]
    parts = [result_of(group, RATES) for group in by_strategy(deals).values()]
    assert sum(part.net for part in parts) == result_of(deals, RATES).net
