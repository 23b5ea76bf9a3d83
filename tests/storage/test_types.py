"""Moments are aware, decimals exact, whatever the database."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from storage.types import Exact, Moment

DIALECT = SQLiteDialect()
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def kept(kind, value):
    return kind.process_result_value(kind.process_bind_param(value, DIALECT), DIALECT)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_a_moment_comes_back_to_the_microsecond_in_utc(moment):
    found = kept(Moment(), moment)
    assert found == moment
    assert found.tzinfo is UTC


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Moment().process_bind_param(datetime(2026, 11, 25), DIALECT)  # noqa: DTZ001


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_comes_back_digit_for_digit(value):
    assert kept(Exact(), value).as_tuple() == value.as_tuple()


def test_nothing_comes_back_as_nothing():
    assert kept(Moment(), None) is None
    assert kept(Exact(), None) is None


def test_a_price_is_no_float_on_its_way():
    assert Exact().process_bind_param(Decimal("150.10"), DIALECT) == "150.10"
