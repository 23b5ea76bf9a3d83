"""The acceptance stage on the month's clock: the exchange in the driver, phone and gateway as processes."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import aiohttp

from gateway.domain.market import IST, ist
from gateway.paper.limits import Limits
from gateway.paper.server import PaperServer
from tests.acceptance.stage import API_KEY, API_SECRET, OWNER, RISK, TOKEN, USER, Process, Stage
from tests.month.clock import FILE, Clock

LIMITS = Limits(orders_per_second=10, orders_per_minute=400, quotes_per_second=100, others_per_second=100)
#: Tables in which nothing may be left open over night, and what open means there.
OPEN_AT_NIGHT = {
    "intents": "state NOT IN ('rejected', 'expired', 'refused', 'placed', 'closed')",
    "orders": "state IN ('placed', 'open', 'partly_filled')",
    "holdings": "quantity != 0",
    "approvals": "decision = 'pending'",
    "notices": "state = 'due'",
}


class MonthStage(Stage):
    """The exchange keeps NSE's hours; the clock jumps where the driver says."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, first: datetime) -> None:
        super().__init__(folder, http)
        self.clock = Clock(folder / "clock")
        self.clock.begin(first)
        self.exchange = PaperServer(
            data_dir=folder / "exchange",
            api_key=API_KEY,
            api_secret=API_SECRET,
            user_id=USER,
            clock=self.clock,
            always_open=False,
            price_interval=0.2,
            limits=LIMITS,
        )
        self.restarts = 0
        self._log_at = 0

    async def open(self, **changes: Any) -> None:
        """Starts exchange and phone; a live configuration with NSE's hours."""
        await self.exchange.start()
        await self._phone.start(log=self.folder / "phone.log")
        self.phone = json.loads(await self._phone.line())
        self.paper = {
            "url": self.exchange.url,
            "ticker_url": self.exchange.ticker_url,
            "login_url": self.exchange.login_url,
        }
        kite = {"api_key": API_KEY, "api_secret": API_SECRET, "user_id": USER}
        addresses = {f"{name}": address for name, address in self.paper.items() if name != "url"}
        self.settings = {
            "webhook_secret": "a-webhook-secret-of-these-tests",
            "venue": "live",
            "server": {"port": 0},
            "kite": {**kite, "api_url": self.exchange.url, **addresses},
            "telegram": {"bot_token": TOKEN, "owner_ids": [OWNER], "api_url": self.phone["api_url"]},
            "market": {"hours": "exchange"},
            "risk": RISK,
            "defaults": {"approval": "auto", "approval_timeout_seconds": 600, "square_off": "all"},
            "strategies": {"asking": {"approval": "confirm"}, "intraday": {"product": "MIS"}},
            **changes,
        }

    async def start_gateway(self) -> None:
        path = self.write_settings()
        environment = {FILE: str(self.folder / "clock")}
        self._gateway = Process(
            *("-m", "tests.month.steered", "run", "--config", str(path)),
            cwd=self.folder,
            environment=environment,
        )
        log = self.folder / "gateway.log"
        await self._gateway.start(log=log)
        line = (await self._gateway.line()).decode()
        assert " at http" in line, (line, log.read_text()[-3000:])
        self.url = line.split(" at ")[1].split("/webhook")[0]

    async def restart(self) -> None:
        """kill -9, and another gateway in its place."""
        await self.kill_gateway()
        self.restarts += 1
        await self.start_gateway()

    def freeze(self) -> None:
        """The machine sleeps."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._gateway is not None
        process = self._gateway._process
        assert process is not None
        process.send_signal(number)

    async def close(self) -> None:
        await super().close()
        await self.exchange.stop()

    # time

    @property
    def now(self) -> datetime:
        return ist(self.clock())

    def jump(self, day: date, clock: str) -> None:
        """To that time, unless it has passed already while something was waited for."""
        moment = datetime.combine(day, time.fromisoformat(clock), IST)
        if moment > self.clock():
            self.clock.jump(moment)

    # what can be seen

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the gateway's own database, read from outside."""
        path = self.folder / "data" / "manjha.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def jobs(self, day: date) -> dict[str, tuple[str, int]]:
        """The day's jobs, their states and how often they were begun."""
        found = self.rows("SELECT name, state, attempts FROM job_runs WHERE day = ?", str(day))
        return {name: (state, attempts) for name, state, attempts in found}

    async def job_done(self, day: date, name: str, within: float = 30.0) -> None:
        """Waits for the job's good end."""

        async def done() -> bool:
            return self.jobs(day).get(name, ("", 0))[0] == "done"

        await self.until(done, f"{name} of {day} is done", within=within)

    async def job_begun(self, day: date, name: str) -> None:
        """Waits for its beginning: some jobs go on for a while."""

        async def begun() -> bool:
            return name in self.jobs(day)

        await self.until(begun, f"{name} of {day} has begun", within=30.0)

    def done_count(self, day: date) -> dict[str, int]:
        """How often each job of the day ended well, by the audit trail."""
        query = "SELECT json_extract(detail, '$.name'), count(*) FROM audit WHERE event = 'job.done' "
        query += "AND json_extract(detail, '$.day') = ? GROUP BY 1"
        return dict(self.rows(query, str(day)))

    def net(self) -> dict[str, int]:
        """What the account holds by the exchange's own positions of the day and those carried."""
        found: dict[str, int] = {}
        for trade in self.exchange.book()["trades"]:
            sign = 1 if trade["transaction_type"] == "BUY" else -1
            symbol = trade["tradingsymbol"]
            found[symbol] = found.get(symbol, 0) + sign * trade["quantity"]
        return {symbol: quantity for symbol, quantity in found.items() if quantity}

    def left_open(self) -> list[str]:
        """What is open that should not be, at the exchange and with us."""
        book = self.exchange.book()
        found = [f"exchange holds {symbol} {quantity}" for symbol, quantity in self.net().items()]
        working = {"OPEN", "TRIGGER PENDING", "OPEN PENDING", "VALIDATION PENDING"}
        found += [f"order {row['order_id']} works" for row in book["orders"] if row["status"] in working]
        found += [f"trigger {row['id']} is active" for row in book["gtts"] if row["status"] == "active"]
        for table, condition in OPEN_AT_NIGHT.items():
            (count,) = self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0]
            if count:
                found.append(f"{count} {table} open")
        return found

    async def nothing_open(self, within: float = 30.0) -> list[str]:
        """Waits for it; what is open still when the patience ends."""
        for _ in range(int(within / 0.1)):
            if not self.left_open():
                return []
            await asyncio.sleep(0.1)
        return self.left_open()

    async def telegram_down(self) -> None:
        fault = {"method": "*", "kind": "server_error", "times": 1_000_000}
        async with self.http.post(f"{self.phone['url']}/_phone/faults", json=[fault]) as answer:
            assert answer.status == 200, await answer.text()

    async def telegram_up(self) -> None:
        async with self.http.delete(f"{self.phone['url']}/_phone/faults") as answer:
            assert answer.status == 200, await answer.text()

    async def manjha(self, *words: str) -> str:
        """A short command beside the gateway, on its database and its clock's calendar."""
        command = (sys.executable, "-m", "gateway", *words, "--config", str(self.write_settings()))
        root = str(Path(__file__).parents[2])
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": root},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, output.decode()
        return output.decode()
