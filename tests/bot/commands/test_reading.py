"""The commands that read: what they show, Refresh in place, nothing wider than a phone."""

import csv
import io
import json
from datetime import timedelta

from gateway.columns import LONGEST_TEXT, WIDTH, newest_that_fit, units
from gateway.domain.signal import StrikeKind, StrikeRule
from gateway.paper.faults import FaultKind
from storage import trades
from tests.bot.commands.thumb import labels
from tests.usecases.world import arrival, buy, sell

READING = ("status", "positions", "orders", "trades", "alerts", "funds", "strategies", "logs", "version")
ATM = StrikeRule(kind=StrikeKind.ATM, value=0)


def log_of(world, *records):
    folder = world.settings.log_dir
    folder.mkdir(exist_ok=True)
    (folder / "app.log").write_text("".join(json.dumps(record) + "\n" for record in records))


def wide_lines(page):
    tables = [part.split("</pre>")[0] for part in page["html"].split("<pre>")[1:]]
    assert tables
    return [line for table in tables for line in table.splitlines() if len(line) > WIDTH]


async def test_every_reading_command_answers_and_refreshes_in_place(thumb, world):
    await world.filled(buy())
    log_of(world, {"level": "info", "event": "serving"})
    for name in READING:
        page = await thumb.ask(f"/{name}")
        count = len(thumb.phone.messages())
        world.clock.forward(seconds=7)
        fresh = await thumb.press(page, "Refresh")
        assert fresh["edited"] is not None, name
        assert "as of 10:0" in page["text"], name
        assert fresh["text"] != page["text"], name
        assert len(thumb.phone.messages()) == count, name
        assert "Refresh" in labels(fresh)[-1], name


async def test_refresh_shows_what_is_so_now(thumb, world):
    page = await thumb.ask("/positions")
    assert "Nothing is held" in page["text"]
    await world.filled(buy())
    assert "65 @" in (await thumb.press(page, "Refresh"))["text"]


async def test_refresh_twice_in_a_second_says_that_nothing_is_new(thumb):
    page = await thumb.ask("/version")
    await thumb.press(page, "Refresh")
    assert thumb.toast() == "Nothing new."


async def test_refresh_of_a_deleted_message_sends_a_new_one(thumb, world):
    page = await thumb.ask("/version")
    world.clock.forward(seconds=7)
    thumb.phone.press(page["message_id"], label="Refresh")
    history = thumb.phone._phone.history
    history.delete(history.find(page["message_id"]))
    assert "1.2.3" in (await thumb.after(page["message_id"]))["text"]


async def test_trades_fit_a_phone_and_come_as_a_file_safe_to_open(thumb, world):
    await world.filled(buy("=Evil", symbol="BANKNIFTY", strike=ATM, lots=25))
    await world.filled(sell("=Evil", symbol="BANKNIFTY"))
    page = await thumb.ask("/trades")
    assert wide_lines(page) == []
    assert "BUY" in page["text"]
    assert "SELL" in page["text"]
    assert {"📄 CSV", "7 days", "30 days"} <= set(labels(page))

    await thumb.press(page, "CSV")
    (document,) = await thumb.all_after(page["message_id"], 1)
    assert document["attachment"]["name"] == "trades-2026-11-25.csv"
    rows = list(csv.DictReader(io.StringIO((await thumb.download(document)).decode("utf-8-sig"))))
    day = timedelta(days=1)
    now = world.clock()
    fills = await world.database.read(lambda c: trades.between(c, now - day, now + day))
    assert len(rows) == len(fills) >= 2
    assert {row["strategy"] for row in rows} == {"'=Evil"}
    assert {row["side"] for row in rows} == {"BUY", "SELL"}
    assert sum(int(row["quantity"]) for row in rows) == sum(fill.quantity for fill in fills)


async def test_trades_of_other_days_are_a_press_away(thumb, world):
    await world.filled(buy())
    world.clock.forward(days=1)
    page = await thumb.ask("/trades")
    assert "Nothing was filled" in page["text"]
    assert "25 Nov" in (await thumb.press(page, "7 days"))["text"]
    assert "/trades 7" in (await thumb.ask("/trades next week"))["text"]


async def test_a_day_of_many_trades_still_is_one_message(thumb, world):
    names = [f"A strategy whose name is as long as one may be: {number:03d}" for number in range(12)]
    for name in names:
        await world.filled(buy(name))
    page = await thumb.ask("/trades")
    assert units(page["text"]) <= LONGEST_TEXT
    assert "12 fills" in page["text"]
    entries = [f"{name} and three lines of fills\n" * 4 for name in names]
    shown = newest_that_fit(entries, 2000)
    assert shown == entries[-len(shown) :]
    assert 0 < len(shown) < len(entries)


async def test_alerts_show_each_verdict_and_why(thumb, world):
    await world.filled(buy("Good"))
    await world.reaches(await world.send(sell("Never bought")), "refused")
    await world.accept(
        arrival(None, at=world.clock(), strategy="Odd <b>", field="strike", reason="it is no number")
    )
    world.fault(
        FaultKind.REFUSE,
        route="POST /orders/*",
        code=400,
        error_type="InputException",
        message="17070 : out of range",
    )
    await world.reaches(await world.send(buy("Unlucky")), "failed")
    text = (await thumb.ask("/alerts"))["text"]
    entries = text.split("\n\n")[1:]
    assert ["Unlucky" in entries[0], "Odd <b>" in entries[1], "Never" in entries[2]] == [True] * 3
    assert "❌ failed" in entries[0]
    assert "17070" in entries[0]
    assert "strike: it is no number" in entries[1]
    assert "⛔ refused" in entries[2]
    assert "✅ filled" in entries[3]
    assert "BUY 65 NIFTY 24000CE" in entries[3]


async def test_older_alerts_are_a_press_away_and_one_alert_tells_its_story(thumb, world):
    ids = [await world.send(buy(f"S{number}")) for number in range(10)]
    page = await thumb.ask("/alerts")
    assert "S9" in page["text"]
    assert "S1 " not in page["text"]
    older = await thumb.press(page, "Older")
    assert [f"S{number}" in older["text"] for number in (0, 1, 2)] == [True, True, False]
    assert "S9" in (await thumb.press(older, "Newest"))["text"]
    await world.reaches(ids[0], "filled")
    story = await thumb.ask(f"/alerts {ids[0]}")
    assert "Filled" in story["text"]
    assert "Received" in story["text"]
    assert "No alert has the id" in (await thumb.ask("/alerts nothing"))["text"]


async def test_funds_are_the_brokers_and_never_guessed(thumb, world):
    page = await thumb.ask("/funds")
    assert "₹10,00,000.00" in page["text"]
    assert wide_lines(page) == []
    world.fault(
        FaultKind.REFUSE,
        route="GET /user/margins",
        code=503,
        error_type="NetworkException",
        message="down",
        times=10,
    )
    world.clock.forward(seconds=7)
    assert "not known" in (await thumb.press(page, "Refresh"))["text"]


async def test_strategies_say_how_each_trades(thumb, world):
    await world.filled(buy("Held"))
    await world.filled(buy("Done"))
    await world.filled(sell("Done"))
    await thumb.ask("/pause Held")
    await thumb.ask("/mode Done confirm")
    text = (await thumb.ask("/strategies"))["text"]
    held, done = text.split("\n\n")[1], text.split("\n\n")[0]
    assert "asks first" in done
    assert "2 alerts, 2 fills" in done
    assert "⏸ paused" in held
    assert "holds 65" in held


async def test_the_log_is_shown_without_secrets_and_cut_to_a_message(thumb, world):
    secret = "123456789:AAF-this_is_a_bot_token_of_forty_signs"
    noise = [{"time": "2026-11-25T04:30:00.000Z", "level": "info", "event": "noise " * 90}] * 60
    told = {"time": "2026-11-25T04:30:01Z", "level": "warning", "event": "odd", "url": f"/bot{secret}/x"}
    log_of(world, *noise, told)
    page = await thumb.ask("/logs 100")
    assert secret not in page["text"]
    assert "[redacted]" in page["text"]
    assert "10:00:01 W odd" in page["text"]
    assert units(page["text"]) <= LONGEST_TEXT
    only = await thumb.press(page, "Warnings only")
    assert "noise" not in only["text"]
    assert "W odd" in only["text"]


async def test_a_log_that_is_not_there_is_said(thumb):
    assert "cannot be read" in (await thumb.ask("/logs"))["text"]


async def test_status_shows_how_much_of_each_limit_the_day_has_used(thumb, world):
    await world.filled(buy())
    text = (await thumb.ask("/status"))["text"]
    assert "Limits today, PAPER: positions 1/100 · orders 1/1000 · loss ₹" in text
    assert "of ₹1,00,00,000.00 (1 %)" in text
