"""The phone as a process of its own: ready line, kill -9, and everything still there."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from tests.phone.conftest import OWNER, TOKEN, application
from tests.phone.helpers import eventually


class Process:
    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def start(data_dir: Path, *extra: str) -> Process:
    arguments = ["--token", TOKEN, "--owner-id", str(OWNER), "--data-dir", str(data_dir), *extra]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.phone", *arguments, stdout=asyncio.subprocess.PIPE
    )
    line = json.loads(await process.stdout.readline())
    assert line["url"] == line["api_url"]
    return Process(process, line["url"])


@pytest.fixture
async def running(tmp_path):
    phone = await start(tmp_path)
    yield phone
    if phone.process.returncode is None:
        await phone.kill()


async def test_a_killed_phone_comes_back_with_chat_queue_files_and_commands(running, tmp_path):
    app = application(running.url)
    await app.initialize()
    keys = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Approve", callback_data="a:1"))
    asked = await app.bot.send_message(OWNER, "Approve?", reply_markup=keys)
    sent = await app.bot.send_document(OWNER, b"a,b", filename="trades.csv")
    await app.bot.set_my_commands([("status", "What runs")])
    async with aiohttp.ClientSession() as session:
        await session.post(f"{running.url}/_phone/press", json={"label": "Approve"})
    (before,) = await app.bot.get_updates()
    await app.shutdown()
    await running.kill()

    again = await start(tmp_path)
    app = application(again.url)
    await app.initialize()
    (update,) = await app.bot.get_updates()
    assert (update.update_id, update.callback_query.data) == (before.update_id, "a:1")
    assert await app.bot.answer_callback_query(update.callback_query.id, "late but fine")
    edited = await app.bot.edit_message_text("Filled", OWNER, asked.message_id)
    assert (edited.text, edited.message_id) == ("Filled", asked.message_id)
    assert (await app.bot.get_my_commands())[0].command == "status"
    assert bytes(await (await app.bot.get_file(sent.document.file_id)).download_as_bytearray()) == b"a,b"
    later = await app.bot.send_message(OWNER, "x")
    assert later.message_id > sent.message_id
    await app.shutdown()
    await again.kill()
    assert (tmp_path / "phone.db").stat().st_mode & 0o077 == 0


async def test_sigterm_stops_it_at_once_even_with_a_waiting_poll(running):
    app = application(running.url)
    await app.initialize()
    waiting = asyncio.create_task(app.bot.get_updates(timeout=30))
    async with aiohttp.ClientSession() as session:

        async def polled() -> bool:
            return '"getUpdates"' in await (await session.get(f"{running.url}/_phone/calls")).text()

        await eventually(polled)
    running.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running.process.wait(), 5) == 0
    await asyncio.gather(waiting, return_exceptions=True)
    await app.shutdown()


async def test_composed_alerts_are_forwarded_with_their_query(tmp_path):
    seen = []

    async def webhook(request: web.Request) -> web.Response:
        seen.append((await request.text(), request.query_string))
        return web.json_response({"success": True}, status=200)

    runner = web.AppRunner(receiver := web.Application())
    receiver.add_routes([web.post("/webhook/tradingview", webhook)])
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook/tradingview"
    phone = await start(tmp_path, "--alert-url", address)
    async with aiohttp.ClientSession() as session:
        alert = {"body": "BUY CE {{ticker}}", "symbol": "NIFTY", "query": "strategy=RSI"}
        answer = await (await session.post(f"{phone.url}/_phone/alert", json=alert)).json()
        assert (answer["status"], seen) == (200, [("BUY CE NIFTY", "strategy=RSI")])
        await runner.cleanup()
        answer = await (await session.post(f"{phone.url}/_phone/alert", json=alert)).json()
        assert answer["status"] == 502
    await phone.kill()
