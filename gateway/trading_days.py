"""The owner's days in the trading calendar, in force in the running gateway; the calendar in words."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from config.market import Hours
from gateway.domain.errors import Refusal, StorageFailed
from gateway.domain.market import Additions, Calendar, ist
from storage import calendar_days
from storage.engine import Database

log = structlog.get_logger()

LOOK_SECONDS = 5.0
DAYS_SHOWN = 10
DECEMBER = 12


def hours_of(text: str) -> Hours | None:
    """Of `18:00-19:00`, or None of `closed`. Raises Refusal for anything else."""
    if text == calendar_days.CLOSED:
        return None
    try:
        first, last = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise Refusal("hours", f"{text!r} is no span of hours: write 18:00-19:00") from None
    if first >= last:
        raise Refusal("hours", f"{text!r} ends before it begins")
    return Hours(open=first, close=last)


def additions(connection: Connection) -> Additions:
    """What the owner added so far."""
    days = {day: hours_of(text) for day, text in calendar_days.days(connection).items()}
    return Additions(days=days, years=calendar_days.years(connection))


class CalendarKeeper:
    """Takes up the owner's days while the gateway runs, and says when a year has no data."""

    def __init__(
        self,
        calendar: Calendar,
        database: Database,
        clock: Callable[[], datetime],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._calendar = calendar
        self._database = database
        self._clock = clock
        self._tell = tell

    async def run(self) -> None:
        """Looks for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("calendar_not_read", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """The days added so far are in force."""
        found = await self._database.read(additions)
        if found != self._calendar.added:
            self._calendar.added = found
            log.info("calendar_changed", days=len(found.days), years=sorted(found.years))

    async def warn(self, day: date) -> None:
        """The morning's word on a year without data: daily in it, weekly in the December before."""
        sentence = year_warning(self._calendar, day)
        if sentence and (not self._calendar.knows(day) or _is_first_of_week(self._calendar, day)):
            await self._tell(f"📅 <b>Trading calendar</b>: {sentence}")


def year_warning(calendar: Calendar, day: date) -> str | None:
    """What to say on that day of a year that has no data; None when there is nothing to say."""
    if calendar.always:
        return None
    following = day.year + 1
    if not calendar.knows(day):
        return (
            f"{day.year} has no data. Every weekday is taken for a trading day, and only entries that you "
            f"approve are sent. {_HOW.format(year=day.year)}"
        )
    if day.month == DECEMBER and not calendar.knows_year(following):
        how = _HOW.format(year=following)
        return f"{following} has no data yet: unattended entries will be refused. {how}"
    return None


_HOW = (
    "Upgrade Manjha, or enter the holidays with `manjha calendar add DAY... --closed` and then "
    "`manjha calendar complete {year}`."
)


def _is_first_of_week(calendar: Calendar, day: date) -> bool:
    """Of its week in its month."""
    earlier = (day - timedelta(days=back) for back in range(1, min(day.weekday() + 1, day.day)))
    return not any(calendar.is_trading_day(each) for each in earlier)


def next_days(calendar: Calendar, now: datetime) -> list[str]:
    """The next ten days, today first, in words."""
    today = ist(now).date()
    return [f"{day:%a %d %b} {day_words(calendar, day)}" for day in _from(today, DAYS_SHOWN)]


def day_words(calendar: Calendar, day: date) -> str:
    """`09:15-15:40`, `closed`, and what is special about it."""
    hours = calendar.hours(day)
    words = f"{hours.open:%H:%M}-{hours.close:%H:%M}" if hours else calendar_days.CLOSED
    if day in calendar.added.days:
        return f"{words} (added by you)"
    if not calendar.knows(day):
        return f"{words} (no data of {day.year})" if hours else words
    if hours is None:
        return words if day.weekday() >= 5 else f"{words} (holiday)"
    return words if hours == calendar.regular(day) else f"{words} (special session)"


def _from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
