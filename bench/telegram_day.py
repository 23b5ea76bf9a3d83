"""A day of 200 alerts on the real process: how soon each question is on the phone, how fast it is written to.

`python -m bench.telegram_day [--bursts 25] [--each 8] [--every 15]`: bursts of alerts, as strategies make
them that fire on the same candle; every question is approved as soon as it is seen. `--outage SECONDS` stops
the phone in the middle for so long; `--kill` kills the gateway with -9 while it is away. Prints JSON.
"""

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance.stage import OWNER, TOKEN, Process, Stage


class Day(Stage):
    """A stage whose phone can go away and come back at the same address."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession) -> None:
        super().__init__(folder, http)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._phone = self._new_phone()
        self.sent: dict[str, float] = {}
        self.calls: dict[tuple[float, str], dict[str, Any]] = {}

    def _new_phone(self) -> Process:
        return Process(
            *("-m", "bot.phone", "--token", TOKEN, "--owner-id", str(OWNER), "--port", str(self._port)),
            *("--data-dir", str(self.folder / "telegram")),
            cwd=self.folder,
        )

    async def hang_up(self) -> None:
        """The phone is gone; what it was told stays on its disk."""
        await self.look()
        await self._phone.kill()

    async def pick_up(self) -> None:
        self._phone = self._new_phone()
        await self._phone.start(log=self.folder / "phone.log")
        await self._phone.line()

    async def look(self) -> None:
        """Keeps the phone's memory of calls, which is short."""
        async with self.http.get(f"{self.phone['url']}/_phone/calls") as answer:
            for call in await answer.json():
                self.calls[call["at"], call["method"]] = call

    async def burst(self, number: int, each: int) -> None:
        async def one(index: int) -> None:
            began = time.time()
            body = {
                "action": "BUY",
                "symbol": "NIFTY",
                "option_type": "CE",
                "quantity": 65,
                "strike": 23800 + 50 * index,
                "strategy": f"S{index}",
                "id": f"{number}-{index}",
            }
            self.sent[(await self.alert(body))["alert_id"]] = began

        await asyncio.gather(*(one(index) for index in range(each)))

    async def approve_all(self) -> None:
        """Presses every Approve button that is on the phone."""
        for message in await self.messages():
            for row in message.get("keyboard") or ():
                for button in row:
                    if "Approve" in button["text"]:
                        pressed = {"message_id": message["message_id"], "label": button["text"]}
                        async with self.http.post(f"{self.phone['url']}/_phone/press", json=pressed):
                            pass

    async def unsent(self) -> int:
        database = self.folder / "data" / "manjha.db"
        process = await asyncio.create_subprocess_exec(
            *("sqlite3", str(database), "SELECT count(*) FROM notices WHERE state = 'due'"),
            stdout=asyncio.subprocess.PIPE,
        )
        return int((await process.communicate())[0] or 0)


def figures(day: Day) -> dict[str, Any]:
    """Delays of the questions in seconds, and calls to the owner's chat."""
    said = sorted(
        (call["at"], call["method"], str(call["fields"].get("text", "")))
        for call in day.calls.values()
        if call["method"] in {"sendMessage", "editMessageText"}
    )
    delays = []
    for alert_id, began in day.sent.items():
        shown = next((at for at, _, text in said if alert_id in text), None)
        if shown is not None:
            delays.append(shown - began)
    moments = [at for at, _, _ in said]
    percentiles = statistics.quantiles(delays, n=100)
    return {
        "alerts": len(day.sent),
        "shown": len(delays),
        "p50_s": round(percentiles[49], 3),
        "p95_s": round(percentiles[94], 3),
        "max_s": round(max(delays), 3),
        "calls": len(said),
        "sends": sum(method == "sendMessage" for _, method, _ in said),
        "calls_per_second": round(len(said) / (moments[-1] - moments[0]), 2),
        "most_in_1_s": most(moments, 1.0),
        "most_in_60_s": most(moments, 60.0),
    }


def most(moments: list[float], seconds: float) -> int:
    return max(sum(begun <= at < begun + seconds for at in moments) for begun in moments)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            day = Day(Path(folder), http)
            try:
                return await through(day, arguments)
            finally:
                await day.close()


async def through(day: Day, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole day; each burst's questions are approved while the next is waited for."""
    risk = {"max_open_positions": 500, "max_orders_per_day": 5000, "max_premium_per_order": 10**7}
    await day.open(risk=risk, defaults={"approval_timeout_seconds": 60})
    await day.start_gateway()
    await day.log_in()
    middle = arguments.bursts // 2
    for number in range(arguments.bursts):
        began = time.monotonic()
        back: asyncio.Task[None] | None = None
        if arguments.outage and number == middle:
            await day.hang_up()
            back = asyncio.create_task(outage(day, arguments))
        await day.burst(number, arguments.each)
        if back is not None:
            await back
        while time.monotonic() - began < arguments.every:
            await asyncio.sleep(0.5)
            await day.look()
            await day.approve_all()
    deadline = time.monotonic() + 120
    while await day.unsent() and time.monotonic() < deadline:
        await asyncio.sleep(1)
        await day.look()
    await day.look()
    return {**figures(day), "unsent": await day.unsent()}


async def outage(day: Day, arguments: argparse.Namespace) -> None:
    await asyncio.sleep(arguments.outage / 2)
    if arguments.kill:
        await day.kill_gateway()
        await day.start_gateway()
    await asyncio.sleep(arguments.outage / 2)
    await day.pick_up()


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bursts", type=int, default=25)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--every", type=float, default=15.0)
    parser.add_argument("--outage", type=float, default=0.0)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--folder", type=Path)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
