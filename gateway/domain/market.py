"""The trading calendar: which days trade, between which hours, when an expiry has passed. IST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.market import CalendarData, Hours

IST = ZoneInfo("Asia/Kolkata")
#: Kite's tokens die at this hour (facts/kite.md 1.3).
TOKEN_DEATH = time(6, 0)


#: The square-off must be through this long before the exchange closes (Zerodha's own comes at 15:26 of 15:40,
#: facts/kite.md 8.2).
BEFORE_CLOSE = timedelta(minutes=25)


def is_squared_off(policy: str, product: str) -> bool:
    """Whether the day's end closes it: `policy` is all, intraday (MIS only) or none."""
    return policy == "all" or (policy == "intraday" and product == "MIS")


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def ist(moment: datetime) -> datetime:
    """An aware moment on the Indian clock."""
    return moment.astimezone(IST)


def trading_date(moment: datetime) -> date:
    """The Indian date of a moment."""
    return ist(moment).date()


def next_token_death(login: datetime) -> datetime:
    """The first 06:00 IST after a login."""
    local = ist(login)
    death = datetime.combine(local.date(), TOKEN_DEATH, IST)
    return death if local < death else death + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Additions:
    """What the owner added to the calendar's file: days with their hours (None: closed), whole years."""

    days: Mapping[date, Hours | None] = field(default_factory=dict)
    years: frozenset[int] = frozenset()


@dataclass(kw_only=True)
class Calendar:
    """The exchange's calendar; with `always` every moment of every day trades (practice).

    In a year without data every weekday counts as a trading day: what is held must still be squared off.
    Unattended entries are refused in it (`knows`, asked by the risk rules).
    """

    data: CalendarData
    always: bool = False
    #: Replaced in whole when the owner adds a day.
    added: Additions = field(default_factory=Additions)

    def hours(self, day: date) -> Hours | None:
        """The session of a day by the exchange's calendar, the owner's days first; None: no trading."""
        if day in self.added.days:
            return self.added.days[day]
        for special_day, hours in self.data.special:
            if special_day == day:
                return hours
        if day.weekday() >= 5 or day in self.data.holidays:
            return None
        return self.regular(day)

    def knows(self, day: date) -> bool:
        """Whether there is data of that day; without it its hours are a guess."""
        return self.always or day in self.added.days or self.knows_year(day.year)

    def knows_year(self, year: int) -> bool:
        """Whether the holidays of that year are known."""
        return year in self.data.years or year in self.added.years

    def is_trading_day(self, day: date) -> bool:
        """Whether timed jobs run on that day."""
        return self.always or self.hours(day) is not None

    def is_open(self, moment: datetime) -> bool:
        """Whether orders are taken at that moment."""
        if self.always:
            return True
        local = ist(moment)
        hours = self.hours(local.date())
        return hours is not None and hours.open <= local.time() < hours.close

    def square_off(self, day: date, wanted: time) -> time:
        """When that day's square-off is: at `wanted`, earlier where the exchange closes early. IST."""
        hours = None if self.always else self.hours(day)
        if hours is None:
            return wanted
        latest = (datetime.combine(day, hours.close) - BEFORE_CLOSE).time()
        return latest if hours.open > wanted else min(wanted, latest)

    def is_past_square_off(self, moment: datetime, wanted: time) -> bool:
        """Whether what is squared off must not be opened any more; never in a market that never closes."""
        local = ist(moment)
        return not self.always and local.time() >= self.square_off(local.date(), wanted)

    def has_expired(self, expiry: date, moment: datetime) -> bool:
        """Whether a contract's last session is over (its expiry day counts until the close)."""
        local = ist(moment)
        if expiry != local.date():
            return expiry < local.date()
        hours = self.hours(expiry) or self.regular(expiry)
        return hours is not None and local.time() >= hours.close

    def regular(self, day: date) -> Hours | None:
        """The hours of a day with nothing special about it, by the rules in force on it."""
        in_force = [hours for start, hours in self.data.hours_from if start <= day]
        return in_force[-1] if in_force else None
