"""The stage: exchange, phone and gateway as processes of their own, configured as for live trading."""

import json
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from bench.process import Child, settled

_SECRET = secrets.token_urlsafe(24)
_TOKEN, _OWNER = "123456:the-bot-token-of-the-benchmark", 4242
_KEY, _API_SECRET, _USER = "benchkey", "benchsecret", "AB1234"
_RISK = {
    "max_lots_per_order": 10,
    "max_premium_per_order": 200000,
    "max_open_positions": 4000,
    "max_orders_per_day": 4000,
    "max_daily_loss": 1000000,
    "allowed_symbols": ["NIFTY", "BANKNIFTY", "SENSEX"],
}
_DRAIN_SECONDS = 120.0
_LEFT = "SELECT count(*) FROM alerts WHERE state = 'received'"


class Stage:
    """One gateway and its world. The exchange fills at once; nothing in it is slower than it must be."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.http = http
        self.exchange_url = ""
        self.url = ""
        self._changes = changes
        self._exchange = Child(
            "exchange",
            *("-m", "gateway.paper", "--latency", "0", "--price-interval", "0.5"),
            *("--api-key", _KEY, "--api-secret", _API_SECRET, "--user-id", _USER),
            folder=folder,
        )
        self._phone = Child(
            "phone", "-m", "bot.phone", "--token", _TOKEN, "--owner-id", str(_OWNER), folder=folder
        )
        self.gateway = Child(
            "gateway", "-m", "gateway", "run", "--config", str(folder / "config.json"), folder=folder
        )

    async def open(self) -> float:
        """Starts everything; the seconds from the gateway's start until it says that an alert would be
        stored."""
        exchange = json.loads(await self._exchange.start())
        phone = json.loads(await self._phone.start())
        self.exchange_url = exchange["url"]
        self._write_configuration(exchange, phone)
        return await self.open_gateway()

    async def open_gateway(self) -> float:
        """Starts the gateway alone; the seconds until it says that an alert would be stored."""
        began = time.perf_counter()
        line = await self.gateway.start()
        self.url = line.split(" at ")[1].split("/webhook")[0]
        async with self.http.get(f"{self.url}/readyz") as answer:
            if answer.status != 200:
                raise RuntimeError(f"the gateway is not ready: {await answer.text()}")
        return time.perf_counter() - began

    async def log_in(self) -> None:
        """The owner's browser: the login link, Kite's page, the redirect back; then orders may go out."""
        async with self.http.get(f"{self.url}/kite/login", allow_redirects=False) as answer:
            location = answer.headers["Location"]
        state = location.replace("%3D", "=").split("state=")[1].split("&")[0]
        async with self.http.post(f"{self.exchange_url}/_paper/request_token") as answer:
            token = (await answer.json())["request_token"]
        callback = f"{self.url}/kite/callback?status=success&request_token={token}&state={state}"
        async with self.http.get(callback) as answer:
            answer.raise_for_status()

    async def close(self) -> None:
        """Ends all processes."""
        for child in (self.gateway, self._exchange, self._phone):
            await child.stop()

    @property
    def webhook(self) -> str:
        """Where alerts go, with the secret in the path."""
        return f"{self.url}/webhook/tradingview/{_SECRET}"

    @property
    def database(self) -> Path:
        """The gateway's database file."""
        return self.folder / "data" / "manjha.db"

    async def drained(self) -> None:
        """Until every alert is planned; its messages go out at Telegram's pace meanwhile."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:

            async def nothing_left() -> bool:
                return bool(connection.execute(_LEFT).fetchone() == (0,))

            await settled(nothing_left, "all alerts worked off", _DRAIN_SECONDS)

    def _write_configuration(self, exchange: dict[str, str], phone: dict[str, str]) -> None:
        settings = {
            "webhook_secret": _SECRET,
            "venue": "live",
            "server": {"port": 0},
            "kite": {
                "api_key": _KEY,
                "api_secret": _API_SECRET,
                "user_id": _USER,
                "api_url": exchange["url"],
                "login_url": exchange["login_url"],
                "ticker_url": exchange["ticker_url"],
            },
            "telegram": {"bot_token": _TOKEN, "owner_ids": [_OWNER], "api_url": phone["api_url"]},
            "market": {"hours": "always"},
            "risk": _RISK,
            **self._changes,
        }
        path = self.folder / "config.json"
        path.write_text(json.dumps(settings))
        path.chmod(0o600)
