"""The day's own messages: what they say, once, at their hour; the figures never wait for a picture."""

from datetime import date, datetime, time

import pytest

import config.sections
from config.notices import NoticeEvent, NoticeLevel
from gateway import daily as daily_module
from gateway.daily import Daily
from gateway.domain.market import IST
from gateway.profit import Profits
from gateway.schedule import Schedule, heartbeats, table_of_jobs
from storage import modes, tables
from storage.notices import Outbox
from tests.usecases.world import OWNER, buy, sell

DAY = date(2026, 11, 25)


class Nobody:
    """Stands where jobs of others do; their hours never come."""

    notice_at = at = until = run = remind = warn = give_notice = staticmethod(lambda _: time.min)
    ends_at = staticmethod(lambda day: datetime.combine(day, time.min, IST))


def daily_of(world, *, drawn=True, **changes):
    kept = []

    async def keep_picture(venue, day):
        kept.append((venue, day))
        return drawn

    profits = Profits(world.database, {"paper": world.access}, world.clock)
    fields = {
        "settings": world.settings,
        "database": world.database,
        "outbox": world.outbox,
        "venues": {"paper": world.access},
        "calendar": world.calendar,
        "square_off": world.square_off,
        "profits": profits,
        "clock": world.clock,
    }
    made = Daily(*{**fields, **changes}.values(), keep_picture=keep_picture, ring=lambda: None)
    return made, kept


async def at(world, hour, minute):
    world.clock.now = datetime.combine(DAY, time(hour, minute), IST)


async def traded(world, *names):
    await world.execute()
    for name in names:
        await world.filled(buy(name))
        await world.filled(sell(name))


async def test_the_morning_says_what_is_armed_and_what_is_carried_over(make_world):
    world = await make_world(strategies={"Careful": {"approval": "confirm"}}, risk={"max_daily_loss": 7500})
    await world.execute()
    await world.filled(buy("Held"))
    await world.write(lambda c: modes.pause(c, "Careful", by="Asha", at=world.clock()))
    daily, _ = daily_of(world)
    await daily.morning(DAY)
    (text,) = [text for text in await world.told() if "🌅" in text]
    for words in (
        *("Wed 25 Nov", "square-off 15:15", "🟢 <b>Armed</b>", "✅ PAPER", "contracts"),
        *("entries go straight on; Careful asks you", "Paused: Careful", "loss ₹7,500", "Carried over"),
        *("65 NIFTY26D0124000CE NRML · Held",),
    ):
        assert words in text, (words, text)


async def test_the_morning_says_what_stands_in_the_way(world, monkeypatch):
    monkeypatch.setattr(daily_module, "SETTLING_SECONDS", 0.0)
    await world.kill_switch.throw("Asha", flatten=False)
    world.clock.forward(days=1)
    daily, _ = daily_of(world)
    await daily.morning(date(2026, 11, 26))
    (text,) = [text for text in await world.told() if "🌅" in text]
    assert "Kill switch on" in text
    assert "⚠️ PAPER" in text, "the session died at 06:00"
    assert "not today's" in text


async def test_the_summary_tells_the_day_and_shows_its_picture(world):
    await traded(world, "RSI", "MACD")
    await world.filled(buy("Held"))
    await world.reaches(await world.send(sell("Nothing")), "refused")
    await at(world, 15, 45)
    daily, kept = daily_of(world)
    await daily.summary(DAY)
    (text,) = [text for text in await world.told() if "📋" in text]
    for words in (
        *("Summary of Wed 25 Nov", "PAPER", "Realised", "Charges", "Net", "RSI", "MACD"),
        *("2 trades closed", "6 alerts: 5 filled, 1 refused by your rules", "Slippage against", "Stays open"),
        *("65 NIFTY26D0124000CE NRML · Held",),
    ):
        assert words in text, (words, text)
    assert kept == [("paper", DAY)]
    notices = await world.rows(tables.notices)
    assert (notices[-1].subject, notices[-1].card) == (f"picture:paper:{DAY}", True)


async def test_the_figures_come_without_a_picture_and_that_is_said(world):
    await traded(world, "RSI")
    daily, _ = daily_of(world, drawn=False)
    await daily.summary(DAY)
    texts = await world.told()
    assert "Summary of" in texts[-2]
    assert "could not be drawn" in texts[-1]


async def test_a_summary_that_is_begun_again_says_nothing_twice(world):
    await traded(world, "RSI")
    daily, _ = daily_of(world)
    await daily.summary(DAY)
    await world.restart()
    daily, _ = daily_of(world)
    await daily.summary(DAY)
    assert len([text for text in await world.told() if "📋" in text]) == 1
    assert (
        len([row for row in await world.rows(tables.notices) if row.card and "picture" in row.subject]) == 1
    )


async def test_a_quiet_day_is_one_line_and_a_late_start_tells_nothing_of_it(world):
    daily, kept = daily_of(world)
    await at(world, 20, 0)
    await daily.summary(DAY)
    assert await world.told() == []
    await at(world, 15, 46)
    await daily.summary(DAY)
    assert await world.told() == ["📋 <b>Wed 25 Nov</b>: no alert came, and nothing is held."]
    assert kept == []


async def test_an_owner_who_wants_none_of_it_gets_none(world):
    await traded(world, "RSI")
    before = len(await world.rows(tables.notices))
    levels = {NoticeEvent.DAY: NoticeLevel.OFF}
    outbox = Outbox(chat_ids=(OWNER,), level=lambda event, _: levels.get(event))
    daily, kept = daily_of(world, outbox=outbox)
    await daily.morning(DAY)
    await daily.summary(DAY)
    await daily.heartbeat(DAY)
    assert len(await world.rows(tables.notices)) == before
    assert kept == []


async def test_the_heart_beats_silently(world):
    daily, _ = daily_of(world)
    await at(world, 10, 15)
    await daily.heartbeat(DAY)
    (row,) = await world.rows(tables.notices)
    assert row.text == "💓 10:15 · 🟢 <b>Armed</b> · PAPER ₹0.00 · 0 held"
    assert not row.loud


@pytest.mark.parametrize(
    ("minutes", "count", "first", "last"),
    [(None, 0, None, None), (60, 7, (9, 15), (15, 15)), (1440, 1, (9, 15), (9, 15))],
)
def test_beats_are_rows_through_the_session(minutes, count, first, last):
    beats = heartbeats(minutes)
    assert len(beats) == count
    if beats:
        assert (beats[0][0], beats[-1][0]) == (time(*first), time(*last))
        assert all(at < until for at, until in beats)


async def test_morning_beat_and_summary_run_at_their_hours_once_a_day(world):
    times = config.sections.Schedule(heartbeat_minutes=60)
    ran = []
    daily, _ = daily_of(world)
    for name in ("morning", "heartbeat", "summary"):
        setattr(daily, name, _noting(ran, name, world))
    jobs = table_of_jobs(times, Nobody, Nobody, Nobody, {}, daily)
    assert all(job.until(DAY) > job.at(DAY) for job in jobs if job.name in {"morning message", "summary"})

    async def tell(_text):
        return

    schedule = Schedule(jobs, world.database, world.calendar, world.clock, tell)
    for hour, minute in ((8, 44), (8, 45), (8, 50), (9, 15), (10, 14), (10, 16), (15, 44), (15, 45), (23, 0)):
        await at(world, hour, minute)
        await schedule.look()
        for task in list(schedule._tasks):
            await task
    assert ran == [
        *(("morning", "08:45"), ("heartbeat", "09:15"), ("heartbeat", "10:16"), ("heartbeat", "15:44")),
        ("summary", "15:45"),
    ]


def _noting(ran, name, world):
    async def run(_day):
        ran.append((name, f"{world.clock().astimezone(IST):%H:%M}"))

    return run
