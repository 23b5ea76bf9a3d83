"""The stage of the acceptance tests: exchange, phone and gateway as processes of their own."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

SECRET = "a-webhook-secret-of-these-tests"
TOKEN = "123456:the-bot-token-of-these-tests"
OWNER = 4242
API_KEY, API_SECRET, USER = "acceptancekey", "acceptancesecret", "AB1234"
SEED_ALERT = {"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": 24000, "quantity": 65}
RISK = {
    "max_lots_per_order": 10,
    "max_premium_per_order": 200000,
    "max_open_positions": 5,
    "max_orders_per_day": 500,
    "max_daily_loss": 100000,
    "allowed_symbols": ["NIFTY", "BANKNIFTY", "SENSEX"],
}


class Process:
    """One child process that prints a JSON line (or answers) when it is ready."""

    def __init__(self, *command: str, cwd: Path, environment: dict[str, str] | None = None) -> None:
        self._command = command
        self._cwd = cwd
        self._environment = environment or {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, log: Path) -> None:
        root = Path(__file__).parents[2]
        with log.open("ab") as file:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                cwd=self._cwd,
                env={**os.environ, "PYTHONPATH": str(root), **self._environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                limit=2**24,
            )

    async def line(self, within: float | None = 60.0) -> bytes:
        """The next line it prints; empty when it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        return await asyncio.wait_for(self._process.stdout.readline(), within)

    def tell(self, line: bytes) -> None:
        """Writes a line to its standard input."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM; the exit status."""
        return await self._end(signal.SIGTERM)

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def _end(self, number: int) -> int:
        if self._process is None or self._process.returncode is not None:
            return 0
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 20)


class Stage:
    """Everything around one gateway, and the owner's hands and eyes."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.http = http
        self.paper: dict[str, str] = {}
        self.phone: dict[str, str] = {}
        self.url = ""
        self._paper = Process(
            *("-m", "gateway.paper", "--api-key", API_KEY, "--api-secret", API_SECRET, "--user-id", USER),
            *("--price-interval", "0.2", "--data-dir", str(folder / "exchange")),
            cwd=folder,
        )
        self._phone = Process(
            *("-m", "bot.phone", "--token", TOKEN, "--owner-id", str(OWNER)),
            *("--data-dir", str(folder / "telegram")),
            cwd=folder,
        )
        self._gateway: Process | None = None
        self.settings: dict[str, Any] = {}

    async def open(self, **changes: Any) -> None:
        """Starts the exchange and the phone, and writes a live configuration pointed at them."""
        for process, name in ((self._paper, "exchange.log"), (self._phone, "phone.log")):
            await process.start(log=self.folder / name)
        self.paper = json.loads(await self._paper.line())
        self.phone = json.loads(await self._phone.line())
        self.settings = {
            "webhook_secret": SECRET,
            "venue": "live",
            "server": {"port": 0},
            "kite": {
                "api_key": API_KEY,
                "api_secret": API_SECRET,
                "user_id": USER,
                "api_url": self.paper["url"],
                "login_url": self.paper["login_url"],
                "ticker_url": self.paper["ticker_url"],
            },
            "telegram": {
                "bot_token": TOKEN,
                "owner_ids": [OWNER],
                "api_url": self.phone["api_url"],
                # They come at their hours, whatever a test is about.
                "notices": {"day": "off"},
            },
            "market": {"hours": "always"},
            "risk": RISK,
        }
        for section, values in changes.items():
            known = self.settings.get(section)
            self.settings[section] = {**known, **values} if isinstance(known, dict) else values

    def write_settings(self) -> Path:
        """The configuration file as the gateway reads it."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.settings))
        path.chmod(0o600)
        return path

    async def start_gateway(self) -> None:
        """Starts the gateway; returns when it takes alerts."""
        path = self.write_settings()
        self._gateway = Process("-m", "gateway", "run", "--config", str(path), cwd=self.folder)
        await self._gateway.start(log=self.folder / "gateway.log")
        line = (await self._gateway.line()).decode()
        assert " at http" in line, (line, (self.folder / "gateway.log").read_text()[-3000:])
        self.url = line.split(" at ")[1].split("/webhook")[0]

    async def kill_gateway(self) -> None:
        assert self._gateway is not None
        await self._gateway.kill()

    def signal_gateway(self, number: signal.Signals) -> None:
        """Sends it a signal; returns at once."""
        assert self._gateway is not None
        self._gateway.signal(number)

    async def stop_gateway(self) -> int:
        assert self._gateway is not None
        return await self._gateway.terminate()

    async def close(self) -> None:
        for process in (self._gateway, self._paper, self._phone):
            if process is not None:
                await process.kill()

    async def log_in(self) -> None:
        """The owner's browser: the login link, Kite's page, the redirect back."""
        async with self.http.get(f"{self.url}/kite/login", allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            location = answer.headers["Location"]
        query = location.split("redirect_params=")[1].split("&")[0]
        state = query.replace("%3D", "=").split("state=")[1]
        async with self.http.post(f"{self.paper['url']}/_paper/request_token") as answer:
            token = (await answer.json())["request_token"]
        callback = f"{self.url}/kite/callback?status=success&request_token={token}&state={state}"
        async with self.http.get(callback) as answer:
            assert answer.status == 200, await answer.text()
            assert USER in await answer.text()
        await self.until(self._is_ready, "the gateway is ready to trade")

    async def _is_ready(self) -> bool:
        parts = await self.ready()
        return all(parts[name]["ok"] for name in ("database", "kite_session", "instruments", "telegram"))

    async def ready(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/readyz") as answer:
            return dict(await answer.json())

    async def alert(self, body: Any = None, *, path: str = f"/{SECRET}", **options: Any) -> dict[str, Any]:
        """Sends an alert like TradingView; status and JSON of the answer in one dict."""
        data = body if isinstance(body, bytes) else json.dumps(body or SEED_ALERT).encode()
        async with self.http.post(f"{self.url}/webhook/tradingview{path}", data=data, **options) as answer:
            return {"http": answer.status, **await answer.json()}

    async def life(self, alert_id: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with self.http.get(f"{self.url}/alerts/{alert_id}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def book(self) -> dict[str, Any]:
        """The exchange's own truth."""
        async with self.http.get(f"{self.paper['url']}/_paper/book") as answer:
            return dict(await answer.json())

    async def faults(self, *faults: dict[str, Any]) -> None:
        async with self.http.post(f"{self.paper['url']}/_paper/faults", json=list(faults)) as answer:
            assert answer.status == 200, await answer.text()

    async def messages(self, contains: str = "") -> list[dict[str, Any]]:
        query = {"contains": contains}
        async with self.http.get(f"{self.phone['url']}/_phone/messages", params=query) as answer:
            found = await answer.json()
        return list(found["messages"] if isinstance(found, dict) else found)

    async def say(self, text: str, **fields: Any) -> None:
        async with self.http.post(f"{self.phone['url']}/_phone/say", json={"text": text, **fields}) as answer:
            assert answer.status == 200, await answer.text()

    async def press(self, label: str, **fields: Any) -> int:
        """Presses the newest button whose label contains the word; the HTTP status of the press."""
        for message in reversed(await self.messages()):
            for row in message.get("keyboard") or ():
                for button in row:
                    if label in button["text"]:
                        pressed = {"message_id": message["message_id"], "label": button["text"], **fields}
                        url = f"{self.phone['url']}/_phone/press"
                        async with self.http.post(url, json=pressed) as answer:
                            return answer.status
        raise AssertionError(f"no button {label!r} in {[m['text'] for m in await self.messages()]}")

    async def message(self, *words: str, within: float = 15.0) -> dict[str, Any]:
        """The newest message of the bot with all these words, waited for."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = [
                m
                for m in await self.messages()
                if m["from_bot"] and all(word.lower() in m["text"].lower() for word in words)
            ]
            return bool(found)

        await self.until(there, f"a message with {words}", within=within)
        return found[-1]

    async def until(self, condition: Callable[[], Any], what: str, *, within: float = 15.0) -> None:
        """Waits for something outside this process to become true."""
        deadline = time.monotonic() + within
        while not await condition():
            if time.monotonic() > deadline:
                texts = [message["text"] for message in await self.messages()]
                log = (self.folder / "gateway.log").read_text()[-3000:]
                raise AssertionError(f"not within {within} s: {what}\nphone: {texts}\nlog: {log}")
            await asyncio.sleep(0.03)

    async def settled(self, alert_id: str, *statuses: str, within: float = 20.0) -> dict[str, Any]:
        """The alert's life once its status is one of these."""
        life: dict[str, Any] = {}

        async def there() -> bool:
            life.update(await self.life(alert_id))
            return life["status"] in statuses

        await self.until(
            there, f"alert {alert_id} becomes {statuses}, is {life.get('status')}", within=within
        )
        return life
