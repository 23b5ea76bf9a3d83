"""/pnl: its figures, its picture in place, and that a picture never takes the figures with it."""

import asyncio
from datetime import timedelta

from bot import charts
from bot.charts import Charts
from bot.day_picture import wanted
from bot.phone.files import image_size
from gateway.profit import deals_of_day
from tests.bot.commands.test_reading import wide_lines
from tests.bot.commands.thumb import labels, thumb_on
from tests.phone.pictures import png
from tests.usecases.world import buy, sell

BROKEN = "import sys; sys.exit('the fonts are gone')"


def quick_painter(folder):
    """Paints one pixel, at once."""
    (folder / "pixel.png").write_bytes(png(1, 1))
    painter = folder / "painter.py"
    painter.write_text(
        "import pathlib, sys; sys.stdin.read(); "
        "sys.stdout.buffer.write(pathlib.Path(__file__).with_name('pixel.png').read_bytes())"
    )
    return painter


async def until(condition):
    while not condition():  # noqa: ASYNC110  a process announces itself by nothing
        await asyncio.sleep(0.01)


async def traded(world, *names):
    for name in names:
        await world.filled(buy(name))
        world.clock.forward(minutes=5)
        await world.filled(sell(name))


async def test_the_day_comes_with_its_picture_and_is_refreshed_in_place(thumb, world):
    await traded(world, "RSI", "$MACD$")
    await world.filled(buy("Held"))
    page = await thumb.ask("/pnl")
    assert page["attachment"]["kind"] == "photo"
    assert image_size(await thumb.download(page)) == (900, 960, "image/png")
    for word in ("P&L · PAPER", "Realised", "Charges", "Net", "Open, at last price", "$MACD$", "RSI", "Held"):
        assert word in page["text"], word
    assert wide_lines(page) == []
    assert "2 trades closed" in page["text"]

    count = len(thumb.phone.messages())
    world.clock.forward(seconds=61)
    fresh = await thumb.press(page, "Refresh")
    assert fresh["attachment"]["kind"] == "photo"
    assert fresh["text"] != page["text"]
    assert len(thumb.phone.messages()) == count


async def test_another_day_is_a_press_away(thumb, world, tmp_path, monkeypatch):
    monkeypatch.setattr(charts, "_PAINTER", quick_painter(tmp_path))
    await traded(world, "RSI")
    world.clock.forward(days=1)
    page = await thumb.ask("/pnl")
    assert "Nothing was traded" in page["text"]
    yesterday = await thumb.press(page, "◂ 25 Nov")
    assert "1 trade closed" in yesterday["text"]
    assert "Today ▸" in labels(yesterday)
    assert "Say /pnl" in (await thumb.ask("/pnl sometime"))["text"]


async def test_without_a_picture_the_figures_still_come(world, tmp_path, monkeypatch):
    painter = tmp_path / "painter.py"
    painter.write_text(BROKEN)
    monkeypatch.setattr(charts, "_PAINTER", painter)
    await traded(world, "RSI")
    async with thumb_on(world) as thumb:
        page = await thumb.ask("/pnl")
        assert page["attachment"] is None
        assert "Realised" in page["text"]
        assert "could not be drawn" in page["text"]


async def test_a_painter_that_hangs_is_ended(tmp_path, monkeypatch):
    painter = tmp_path / "painter.py"
    painter.write_text("import os, sys, time; sys.stdin.read(); time.sleep(600)")
    monkeypatch.setattr(charts, "_PAINTER", painter)
    drawn = Charts(tmp_path)
    drawing = asyncio.create_task(drawn.draw({}))
    async with asyncio.timeout(20):
        await until(lambda: drawn._process)
    process = drawn._process
    drawn.stop()
    assert await drawing is None
    assert process.returncode is not None
    assert await drawn.draw({}) is None

    drawn.begin()
    monkeypatch.setattr(charts, "PATIENCE_SECONDS", 0.01)
    assert await drawn.draw({}) is None
    assert drawn._process is None


async def test_no_tap_waits_for_a_picture(world, tmp_path, monkeypatch):
    painter = tmp_path / "painter.py"
    painter.write_text("import sys, time; sys.stdin.read(); time.sleep(600)")
    monkeypatch.setattr(charts, "_PAINTER", painter)
    async with thumb_on(world) as thumb:
        thumb.phone.say("/pnl")
        assert "1.2.3" in (await thumb.ask("/version"))["text"]


async def test_every_curve_goes_from_the_first_fill_to_the_last(world):
    await traded(world, "A", "B")
    day = (world.clock() + timedelta(hours=5, minutes=30)).date()
    deals = await world.database.read(lambda connection: deals_of_day(connection, "paper", day))
    curves = wanted("paper", day, deals, [])["curves"]
    assert [curve["label"] for curve in curves] == ["All", "A", "B"]
    assert len({(curve["points"][0][0], curve["points"][-1][0]) for curve in curves}) == 1
    assert all(curve["points"][0][1] == 0 for curve in curves)
    whole, *parts = (curve["points"][-1][1] for curve in curves)
    assert abs(whole - sum(parts)) < 0.01
