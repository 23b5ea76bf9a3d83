"""TradingView's view against ours: told where it fits neither a chart of the index nor one of the option."""

from decimal import Decimal

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.drift import Held, after_it, before_it
from gateway.domain.signal import Action, Signal

LOT = 65


def held(option_type, units):
    return Held(option_type=OptionType(option_type), units=units, lot_size=LOT)


CALL, PUT, SOLD_CALL = held("CE", LOT), held("PE", LOT), held("CE", -LOT)


def alert(words, before=None, after=None, size=None):
    """`BUY CE`, `EXIT`: what TradingView had before, has after, and how much."""
    action, _, option_type = words.partition(" ")
    return Signal(
        action=Action(action),
        option_type=OptionType(option_type) if option_type else None,
        prev_market_position=before,
        market_position=after,
        position_size=None if size is None else Decimal(size),
    )


def before(signal, *ours, may_short=False):
    drift = before_it(signal, ours, may_short=may_short)
    return drift and drift.sentence


def after(signal, had, left, may_short=False):
    drift = after_it(signal, had, left, may_short=may_short)
    return drift and drift.sentence


@pytest.mark.parametrize(
    ("signal", "ours", "words"),
    [
        (alert("SELL CE", "long"), [], "was long before this alert, and nothing is held here"),
        (alert("SELL PE", "short"), [], "was short before this alert, and nothing is held here"),
        (alert("BUY CE", "short", "long"), [], "was short before this alert, and nothing is held here"),
        (alert("BUY CE", "flat", "long"), [CALL], "was flat before this alert, and 65 CE are held here"),
        (alert("BUY CE", "flat", "long"), [CALL, PUT], "65 CE and 65 PE are held here"),
        (alert("SELL CE", "long", "flat"), [PUT], "was long before this alert, and what is held here is not"),
        (alert("BUY CE", "long", "long"), [PUT], "was long before this alert, and what is held here is not"),
        (alert("SELL PE", "short"), [CALL], "was short before this alert, and what is held here is not"),
        (alert("EXIT", "short"), [CALL], "was short before this alert, and what is held here is not"),
        (alert("EXIT", "long"), [SOLD_CALL], "what is held here is not long: 65 CE sold"),
    ],
)
def test_what_tradingview_had_and_we_have_not_is_told(signal, ours, words):
    assert words in before(signal, *ours)


@pytest.mark.parametrize(
    ("signal", "ours"),
    [
        (alert("SELL CE", "long", "flat"), [CALL]),
        (alert("SELL PE", "short", "flat"), [PUT]),
        (alert("SELL PE", "long", "flat"), [PUT]),
        (alert("EXIT", "long", "flat"), [PUT]),
        (alert("BUY PE", "flat", "long"), []),
        (alert("BUY PE", "flat", "short"), []),
        (alert("BUY CE", "long", "long"), [CALL, PUT]),
        (alert("BUY PE", "long", "short"), [CALL]),
        (alert("EXIT", "short", "flat"), [SOLD_CALL]),
    ],
)
def test_what_fits_a_chart_of_the_index_or_of_the_option_is_not(signal, ours):
    assert before(signal, *ours) is None


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (alert("BUY CE", after="short"), "this BUY leaves TradingView short: a CE is the other way round"),
        (alert("BUY CE", size=-75), "this BUY leaves TradingView short"),
        (alert("BUY CE", after="flat"), "this BUY leaves TradingView flat: it closes a short"),
        (alert("BUY PE", size=0), "this BUY leaves TradingView flat: it closes a short"),
    ],
)
def test_an_entry_that_leaves_tradingview_elsewhere_is_told(signal, words):
    assert words in before(signal)


def test_a_strategy_that_writes_options_is_told_in_the_mirror():
    assert before(alert("BUY CE", "short", "flat"), SOLD_CALL, may_short=True) is None
    assert before(alert("SELL CE", "flat", "short"), may_short=True) is None
    assert before(alert("SELL PE", "flat", "long"), may_short=True) is None
    told = before(alert("SELL CE", "flat", "long"), may_short=True)
    assert told == "this SELL leaves TradingView long: a CE is the other way round"
    assert "it closes a long" in before(alert("SELL CE", after="flat"), may_short=True)


@pytest.mark.parametrize(
    ("signal", "had", "left", "words"),
    [
        (alert("SELL CE", after="flat"), held("CE", 130), CALL, "flat after this alert, and 65 CE stay held"),
        (alert("SELL CE", size=0), held("CE", 130), CALL, "flat after this alert, and 65 CE stay held here"),
        (
            alert("SELL CE", "long", "long"),
            CALL,
            None,
            "leaves TradingView long, and nothing stays held here",
        ),
        (
            alert("SELL CE", size=130),
            CALL,
            None,
            "leaves TradingView with a position, and nothing stays held",
        ),
        (alert("EXIT", after="long"), CALL, None, "leaves TradingView long, and nothing stays held"),
        (alert("EXIT", "short", "short"), PUT, None, "leaves TradingView short, and nothing stays held"),
        (
            alert("SELL CE", after="long"),
            CALL,
            PUT,
            "leaves TradingView long, and what stays held here is not",
        ),
    ],
)
def test_an_exit_that_leaves_us_elsewhere_than_tradingview_is_told(signal, had, left, words):
    assert words in after(signal, [had], [left] if left else [])


@pytest.mark.parametrize(
    ("signal", "had", "left"),
    [
        (alert("SELL CE", "long", "flat", 0), CALL, None),
        (alert("SELL CE", "long", "long", 65), held("CE", 130), CALL),
        # one half of a turn: the other half comes by itself
        (alert("SELL CE", "long", "short", -75), CALL, None),
        (alert("SELL CE", after="short"), CALL, None),
        (alert("EXIT", after="short"), CALL, None),
        (alert("EXIT", "short", "long"), PUT, None),
        (alert("EXIT", "short", size=75), PUT, None),
    ],
)
def test_an_exit_that_leaves_us_where_tradingview_is_says_nothing(signal, had, left):
    assert after(signal, [had], [left] if left else []) is None


@pytest.mark.parametrize(
    ("size", "units", "told"),
    [
        (65, 65, None),
        (1, 65, None),
        (-2, 130, None),
        (650, 65, "TradingView counts 650 after this alert, Manjha 65 units (1 lot)"),
        (1, 130, "TradingView counts 1 after this alert, Manjha 130 units (2 lots)"),
    ],
)
def test_a_size_that_is_neither_our_units_nor_our_lots_is_told(size, units, told):
    assert after(alert("BUY CE", size=size), [], [held("CE", units)]) == told


def test_calls_beside_puts_are_no_size_to_compare():
    assert after(alert("BUY CE", size=1), [PUT], [held("CE", 130), PUT]) is None


def test_a_size_is_told_until_it_is_another_multiple():
    def standing(size, units):
        return after_it(alert("BUY CE", size=size), [], [held("CE", units)], may_short=False).standing.value

    assert standing(1, 130) == standing(2, 260) != standing(1, 65 * 3)
    assert standing(2, 130) == ""


def test_a_share_of_the_equity_new_with_each_trade_is_told_once():
    def standing(size):
        return after_it(alert("BUY CE", size=size), [], [held("CE", 65)], may_short=False).standing.value

    assert standing("4.16") == standing("3.98") == standing(7) != standing(13)
