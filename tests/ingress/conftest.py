"""The real door on a loopback port: real server, real database file, real intake; the lanes record."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import Row, select

from config.settings import Settings
from gateway.domain.market import utc_now
from gateway.ingress.app import Door, build_app, serve
from gateway.intake import Intake
from gateway.lanes import Accepted, Lanes
from gateway.wakeups import Changes
from storage.engine import Database
from storage.notices import Outbox
from storage.tables import alerts, metadata, notices

SECRET = "a-long-webhook-secret"
BUY = {
    "action": "BUY",
    "symbol": "NIFTY",
    "strike": 24000,
    "option_type": "CE",
    "quantity": 65,
    "strategy": "RSI Divergence",
}
OWNER_CHAT = 4711


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class House:
    """A running door, and what is behind it."""

    door: Door
    database: Database
    path: Path
    port: int
    worked: list[Accepted]
    session: aiohttp.ClientSession
    runner: web.AppRunner
    postbacks: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """As at SIGTERM: no new connections; what is under way is answered."""
        await self.runner.cleanup()

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(
            method, self.url + path, allow_redirects=False, **options
        ) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(
        self, body: object, path: str = f"/webhook/tradingview/{SECRET}", **options: Any
    ) -> Answer:
        data = (
            body
            if isinstance(body, bytes)
            else (body if isinstance(body, str) else json.dumps(body)).encode()
        )
        return await self.request("POST", path, data=data, **options)

    async def rows(self) -> list[Row[Any]]:
        return await self.database.read(
            lambda connection: list(connection.execute(select(alerts).order_by(alerts.c.seq)))
        )

    async def told(self) -> list[str]:
        return await self.database.read(
            lambda connection: [
                row.text for row in connection.execute(select(notices).order_by(notices.c.seq))
            ]
        )


def settings(**changes: Any) -> Settings:
    return Settings.model_validate({"webhook_secret": SECRET, **changes})


@asynccontextmanager
async def running(
    folder: Path,
    made: Settings | None = None,
    *,
    clock: Callable[[], datetime] = utc_now,
    work: Callable[[Database, Changes, Accepted], Any] | None = None,
    **parts: Any,
) -> AsyncIterator[House]:
    made = made or settings()
    path = folder / "manjha.db"
    database = Database(f"sqlite:///{path}")
    await database.write(metadata.create_all)
    worked: list[Accepted] = []
    changes = Changes()

    async def record(alert: Accepted) -> None:
        worked.append(alert)
        if work is not None:
            await work(database, changes, alert)

    lanes = Lanes(record)
    postbacks: list[tuple[str, str]] = []

    async def on_postback(venue: str, order_id: str) -> None:
        postbacks.append((venue, order_id))

    async def readiness() -> dict[str, dict[str, object]]:
        fine = {"ok": True, "detail": "fine"}
        return dict.fromkeys(("kite_session", "instruments", "telegram", "kill_switch"), fine)

    door = Door(
        settings=made,
        database=database,
        intake=Intake(database, Outbox(chat_ids=(OWNER_CHAT,)), lanes, lambda: None),
        changes=changes,
        clock=clock,
        **{"sessions": {}, "readiness": readiness, "on_postback": on_postback, **parts},
    )
    runner, port = await serve(build_app(door), "127.0.0.1", 0)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            yield House(door, database, path, port, worked, session, runner, postbacks)
        finally:
            await runner.cleanup()
            await lanes.stop()
            await database.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running(tmp_path) as house:
        yield house


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    """Waits for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  any condition at all, not an event of ours
            await asyncio.sleep(0.005)


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
