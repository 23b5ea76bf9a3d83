"""The trading calendar, on the Indian clock."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from config.market import CalendarData, Hours, calendar
from gateway.domain.market import IST, Additions, Calendar, ist, next_token_death, trading_date

REAL = Calendar(data=calendar())
WEDNESDAY, HOLIDAY, SATURDAY = date(2026, 11, 25), date(2026, 11, 24), date(2026, 11, 28)
MUHURAT = date(2026, 11, 8)


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def test_the_session_is_open_from_its_first_moment_to_before_its_last():
    assert not REAL.is_open(at(WEDNESDAY, "09:14:59"))
    assert REAL.is_open(at(WEDNESDAY, "09:15"))
    assert REAL.is_open(at(WEDNESDAY, "15:39:59"))
    assert not REAL.is_open(at(WEDNESDAY, "15:40"))


def test_the_hours_are_those_in_force_on_the_day():
    assert REAL.hours(date(2026, 7, 31)).close == time(15, 30)
    assert REAL.hours(date(2026, 8, 3)).close == time(15, 40)


def test_a_moment_is_read_on_the_indian_clock_wherever_the_machine_is():
    assert REAL.is_open(datetime(2026, 11, 25, 3, 45, tzinfo=UTC))
    assert not REAL.is_open(datetime(2026, 11, 25, 10, 10, tzinfo=UTC))
    assert trading_date(datetime(2026, 11, 24, 18, 30, tzinfo=UTC)) == WEDNESDAY


@pytest.mark.parametrize("day", [HOLIDAY, SATURDAY, date(2026, 11, 29)])
def test_holidays_and_weekends_do_not_trade(day):
    assert not REAL.is_trading_day(day)
    assert not REAL.is_open(at(day, "11:00"))


def test_a_special_day_trades_in_its_own_hours_even_on_a_sunday():
    assert MUHURAT.weekday() == 6
    assert REAL.is_open(at(MUHURAT, "18:30"))
    assert not REAL.is_open(at(MUHURAT, "11:00"))


def test_in_a_year_without_data_weekdays_are_taken_for_trading_days_and_said_to_be_guessed():
    """What is held must be squared off; what is opened unattended is refused by a risk rule."""
    later, sunday = date(2031, 11, 26), date(2031, 11, 30)
    assert REAL.is_trading_day(later)
    assert not REAL.knows(later)
    assert REAL.knows(WEDNESDAY)
    assert not REAL.is_trading_day(sunday)


def test_the_owners_days_come_before_the_file():
    hours = Hours(open=time(18), close=time(19))
    added = Additions(
        days={WEDNESDAY: None, SATURDAY: hours, date(2031, 1, 1): None}, years=frozenset({2032})
    )
    own = Calendar(data=calendar(), added=added)
    assert not own.is_trading_day(WEDNESDAY)
    assert own.is_open(at(SATURDAY, "18:30"))
    assert own.square_off(SATURDAY, time(15, 15)) == time(18, 35)
    assert own.knows(date(2031, 1, 1))
    assert not own.knows(date(2031, 1, 2))
    assert own.knows(date(2032, 5, 5))


def test_with_always_every_moment_of_every_day_trades():
    practice = Calendar(data=calendar(), always=True)
    assert practice.is_open(at(SATURDAY, "03:00"))
    assert practice.is_trading_day(date(2031, 1, 1))


def test_a_contract_lives_until_the_close_of_its_expiry_day():
    assert not REAL.has_expired(WEDNESDAY, at(WEDNESDAY, "15:39:59"))
    assert REAL.has_expired(WEDNESDAY, at(WEDNESDAY, "15:40"))
    assert REAL.has_expired(WEDNESDAY, at(date(2026, 11, 26), "00:00"))
    assert not REAL.has_expired(WEDNESDAY, at(HOLIDAY, "23:59"))


def test_practice_hours_do_not_keep_an_expired_contract_alive():
    assert Calendar(data=calendar(), always=True).has_expired(WEDNESDAY, at(WEDNESDAY, "15:40"))


def test_without_any_hours_nothing_is_open_and_a_contract_lives_its_whole_day():
    bare = Calendar(
        data=CalendarData(hours_from=(), holidays=frozenset(), special=(), years=frozenset({2026}))
    )
    assert not bare.is_open(at(WEDNESDAY, "11:00"))
    assert not bare.has_expired(WEDNESDAY, at(WEDNESDAY, "23:59"))


def test_a_special_day_wins_over_a_holiday():
    hours = Hours(open=time(18), close=time(19))
    data = CalendarData(
        hours_from=((date(2025, 1, 1), Hours(open=time(9, 15), close=time(15, 30))),),
        holidays=frozenset({WEDNESDAY}),
        special=((WEDNESDAY, hours),),
        years=frozenset({2026}),
    )
    assert Calendar(data=data).hours(WEDNESDAY) == hours


@pytest.mark.parametrize(
    ("login", "death"),
    [
        ("2026-11-25T08:10", "2026-11-26T06:00"),
        ("2026-11-25T05:59", "2026-11-25T06:00"),
        ("2026-11-25T06:00", "2026-11-26T06:00"),
        ("2026-11-25T00:00", "2026-11-25T06:00"),
    ],
)
def test_a_token_dies_at_the_next_six_in_the_morning(login, death):
    moment = datetime.fromisoformat(login).replace(tzinfo=IST)
    assert next_token_death(moment.astimezone(UTC)) == datetime.fromisoformat(death).replace(tzinfo=IST)


def test_a_token_never_lives_longer_than_a_day():
    for hour in range(24):
        login = datetime(2026, 11, 25, hour, 30, tzinfo=IST)
        assert timedelta(0) < next_token_death(login) - login <= timedelta(days=1)


def test_the_indian_clock_is_five_and_a_half_hours_ahead():
    assert ist(datetime(2026, 11, 25, 4, 30, tzinfo=UTC)).time() == time(10)
