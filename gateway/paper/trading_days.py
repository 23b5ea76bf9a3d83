"""Trading days, hours and expiry days, drawn from the market's calendar file."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from config.market import Hours, Underlying, calendar
from gateway.paper.wire import IST, ist

WEEKLY_LISTED = 5
MONTHLY_LISTED = 3


@dataclass(frozen=True, kw_only=True, order=True)
class Expiry:
    """One expiry day; the last of its month bears the monthly form of the symbol (facts/kite.md 7.3)."""

    day: date
    monthly: bool


def hours_on(day: date) -> Hours | None:
    """The session of that day, IST, or None when nothing is traded."""
    special = dict(calendar().special)
    if day in special:
        return special[day]
    return _regular_hours(day) if _is_regular(day) else None


def is_open(now: datetime) -> bool:
    """Whether the F&O market is in session at this instant."""
    local = ist(now)
    hours = hours_on(local.date())
    return hours is not None and hours.open <= local.time() < hours.close


def close_of(day: date) -> datetime:
    """When that day's regular session ends, also for a day that is not traded."""
    return datetime.combine(day, _regular_hours(day).close, tzinfo=IST)


def expiries(underlying: Underlying, now: datetime) -> list[Expiry]:
    """The listed expiries, nearest first. An expiry day counts as past once its session has closed."""
    monthly = [Expiry(day=day, monthly=True) for day in _monthly_days(underlying, now)]
    if not underlying.weekly:
        return monthly
    taken = {expiry.day for expiry in monthly}
    weekly = [Expiry(day=day, monthly=False) for day in _weekly_days(underlying, now) if day not in taken]
    return sorted(monthly + weekly)


def _monthly_days(underlying: Underlying, now: datetime) -> list[date]:
    found: list[date] = []
    year, month = ist(now).year, ist(now).month
    while len(found) < MONTHLY_LISTED:
        day = traded_on_or_before(_last_weekday(year, month, underlying.expiry_weekday))
        if now < close_of(day):
            found.append(day)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _weekly_days(underlying: Underlying, now: datetime) -> list[date]:
    alive = (day for day in _weekdays(ist(now).date(), underlying.expiry_weekday) if now < close_of(day))
    return [day for day, _ in zip(alive, range(WEEKLY_LISTED), strict=False)]


def _weekdays(start: date, weekday: int) -> Iterator[date]:
    day = start + timedelta(days=(weekday - start.weekday()) % 7)
    while True:
        yield traded_on_or_before(day)
        day += timedelta(days=7)


def _last_weekday(year: int, month: int, weekday: int) -> date:
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def traded_on_or_before(day: date) -> date:
    """A holiday moves an expiry to the trading day before (facts/kite.md 7.5)."""
    while not _is_regular(day):
        day -= timedelta(days=1)
    return day


def _is_regular(day: date) -> bool:
    return day.weekday() < 5 and day not in calendar().holidays


def _regular_hours(day: date) -> Hours:
    rows = calendar().hours_from
    return next((hours for since, hours in reversed(rows) if since <= day), rows[0][1])
