"""The trading calendar: days added by a command, in force in the running gateway; a year without data."""

from datetime import date, datetime

import pytest

from config.market import calendar
from gateway import calendar_command
from gateway.commands import parser
from gateway.domain.errors import Refusal
from gateway.domain.market import IST, Calendar
from gateway.trading_days import CalendarKeeper, next_days, year_warning
from tests.usecases.world import Clock, buy, sell

CHRISTMAS_EVE = date(2026, 12, 24)


@pytest.fixture
def told():
    return []


@pytest.fixture
def keeper(world, told):
    async def tell(text):
        told.append(text)

    world.calendar.always = False
    return CalendarKeeper(world.calendar, world.database, world.clock, tell)


async def command(world, *words):
    arguments = parser().parse_args(["calendar", *words])
    return await world.write(
        lambda connection: calendar_command.run(connection, world.outbox, arguments, always=False)
    )


def at(clock, day):
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=IST)


async def test_a_day_added_by_the_command_is_in_force_in_the_running_gateway(world, keeper):
    assert world.calendar.is_open(at("11:00", CHRISTMAS_EVE))
    assert "closed (added by you)" in await command(world, "add", "2026-12-24", "--closed")
    await keeper.look()
    assert not world.calendar.is_trading_day(CHRISTMAS_EVE)
    await command(world, "add", "2026-12-24", "--hours", "18:00-19:00")
    await keeper.look()
    assert world.calendar.is_open(at("18:30", CHRISTMAS_EVE))
    await command(world, "remove", "2026-12-24")
    await keeper.look()
    assert world.calendar.is_open(at("11:00", CHRISTMAS_EVE))
    assert await world.was_told("Trading calendar", "24 Dec 2026 18:00-19:00")


@pytest.mark.parametrize("hours", ["18:00", "19:00-18:00", "25:00-26:00", "six-seven"])
async def test_hours_that_are_none_are_refused(world, hours):
    with pytest.raises(Refusal):
        await command(world, "add", "2026-12-24", "--hours", hours)


async def test_a_day_that_was_not_added_cannot_be_taken_back(world):
    with pytest.raises(Refusal, match="2026-12-24 was not added"):
        await command(world, "remove", "2026-12-24")


def test_the_next_ten_days_say_what_is_special():
    known = Calendar(data=calendar())
    days = next_days(known, datetime(2026, 12, 23, 10, tzinfo=IST))
    assert days[0] == "Wed 23 Dec 09:15-15:40"
    assert "Fri 25 Dec closed (holiday)" in days
    assert "Sat 26 Dec closed" in days
    assert days[-1] == "Fri 01 Jan 09:15-15:40 (no data of 2027)"
    muhurat = next_days(known, datetime(2026, 11, 8, 10, tzinfo=IST))[0]
    assert muhurat == "Sun 08 Nov 18:15-19:15 (special session)"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 30), None),
        (date(2026, 12, 1), "2027 has no data yet"),
        (date(2026, 12, 2), None),
        (date(2026, 12, 7), "2027 has no data yet"),
        (date(2026, 12, 8), None),
        (date(2027, 1, 5), "2027 has no data. Every weekday"),
        (date(2027, 1, 6), "2027 has no data. Every weekday"),
    ],
)
async def test_december_says_each_week_that_the_next_year_has_no_data(keeper, told, day, said):
    await keeper.warn(day)
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


async def test_a_year_entered_by_the_owner_is_known(world, keeper, told):
    await command(world, "add", "2027-01-26", "2027-03-22", "--closed")
    await command(world, "complete", "2027")
    await keeper.look()
    await keeper.warn(date(2026, 12, 1))
    await keeper.warn(date(2027, 1, 5))
    assert told == []
    assert not world.calendar.is_trading_day(date(2027, 1, 26))
    assert year_warning(world.calendar, date(2027, 1, 27)) is None


async def test_in_a_year_without_data_unattended_entries_are_refused_and_exits_go(make_world):
    """2027 begins: what is held from 2026 can be closed, what comes in is refused, what is asked goes."""
    world = await make_world(
        market={"hours": "exchange"},
        defaults={"approval": "auto", "square_off": "none"},
        strategies={"asking": {"approval": "confirm"}},
        clock=Clock(datetime(2026, 12, 31, 11, tzinfo=IST)),
    )
    await world.execute()
    await world.filled(buy())
    world.clock.now = datetime(2027, 1, 4, 11, tzinfo=IST)
    await world.log_in()
    await world.reconciler.read()
    refused = await world.reaches(await world.send(buy("other")), "refused")
    assert "no data of this year" in (refused.row.reason or "")
    await world.reaches(await world.send(buy("asking")), "awaiting_approval")
    await world.reaches(await world.send(sell()), "filled")
