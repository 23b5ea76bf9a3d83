"""Updates brought to the gateway's own door: stored before 200, worked on afterwards."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import bot.hearing
from bot.inbox import Inbox
from config.faults import Fault
from config.rules import faults_in
from gateway.domain.errors import StorageFailed
from gateway.ingress.app import serve
from gateway.ingress.door import TelegramDoor
from gateway.ingress.middleware import surround
from gateway.ingress.protocol import Connections
from gateway.ingress.telegram import MAX_BODY_BYTES, PATH, TelegramUpdates
from gateway.metrics import Metrics
from storage import tables
from tests.bot.commands.thumb import Thumb, thumb_on
from tests.bot.hearing.test_inbox import pressed
from tests.bot.hearing.test_presses import asked
from tests.usecases.world import OWNER, World, settings_of


class Door:
    """The door's one route, and the bot behind it once there is one."""

    def __init__(self) -> None:
        self.thumb: Thumb | None = None
        self.url = ""

    async def open(self) -> web.AppRunner:
        from gateway.ingress.app import _CONNECTIONS  # noqa: PLC0415

        metrics = Metrics()
        app = web.Application(middlewares=[surround(metrics)], client_max_size=16_384)
        app[_CONNECTIONS] = Connections((), metrics)
        app.add_routes([web.post(PATH, self._receive)])
        runner, port = await serve(app, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{port}"
        return runner

    async def _receive(self, request: web.Request) -> web.Response:
        if self.thumb is None:
            raise web.HTTPServiceUnavailable
        webhook = self.thumb.bot.webhook
        return await TelegramUpdates(TelegramDoor(secret=webhook.secret, take=webhook.take)).receive(request)

    async def bring(self, body: bytes, secret: str | None) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url + PATH, data=body, headers=headers) as answer,
        ):
            return answer.status


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    runner = await found.open()
    yield found
    await runner.cleanup()


@pytest.fixture
async def world(make_world, tmp_path: Path, door: Door) -> World:
    made: World = await make_world(
        log_dir=tmp_path / "logs",
        defaults={"approval": "confirm"},
        server={"public_url": door.url},
        telegram={"bot_token": "700:test-token", "owner_ids": [OWNER], "webhook": True, "api_url": door.url},
    )
    await made.execute()
    return made


@pytest.fixture
async def thumb(world: World, door: Door) -> AsyncIterator[Thumb]:
    async with thumb_on(world, local=True) as made:
        door.thumb = made
        yield made
        door.thumb = None


async def test_commands_and_presses_arrive_without_a_single_poll(thumb, world):
    assert "1.2.3" in (await thumb.ask("/version"))["text"]
    alert_id, key = await asked(world)
    thumb.phone.hand_over(json.loads(pressed(2**40, f"a:{key}")[2**40]))
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == 1
    assert thumb.phone.calls("getUpdates") == []


@pytest.mark.parametrize("secret", [None, "", "wrong", "ü"])
async def test_nobody_but_telegram_is_believed(thumb, world, door, secret):
    alert_id, key = await asked(world)
    assert await door.bring(pressed(1, f"a:{key}")[1], secret) == 401
    await thumb.settled()
    assert await world.status(alert_id) == "awaiting_approval"
    assert await world.rows(tables.updates) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"update_id": "x"}', b"\xff", b'{"update_id": 1}'])
async def test_what_is_no_update_of_an_owner_is_not_kept(thumb, world, door, body):
    assert await door.bring(body, thumb.bot.webhook.secret) in {200, 400}
    assert await world.rows(tables.updates) == []


async def test_an_update_may_be_larger_than_an_alert_but_not_endless(thumb, world, door):
    text = {"update_id": 1, "filler": "x" * 100_000}
    assert await door.bring(json.dumps(text).encode(), thumb.bot.webhook.secret) == 200
    assert await door.bring(b" " * (MAX_BODY_BYTES + 1), thumb.bot.webhook.secret) == 413


async def test_what_cannot_be_stored_is_refused_and_brought_again(thumb, world, monkeypatch):
    take, failures = Inbox.take, [StorageFailed("disk full")]

    async def once_full(self: Inbox, bodies: Any) -> None:
        if failures:
            raise failures.pop()
        await take(self, bodies)

    monkeypatch.setattr(Inbox, "take", once_full)
    assert "1.2.3" in (await thumb.ask("/version"))["text"]
    assert "503" in thumb.phone._phone.profile.webhook["last_error_message"]


async def test_a_webhook_that_telegram_cannot_reach_is_told(world, door, monkeypatch):
    monkeypatch.setattr(bot.hearing, "WEBHOOK_LOOK_SECONDS", 0.02)
    async with thumb_on(world, local=True) as thumb:
        thumb.phone.say("/version")  # the door has nobody behind it yet: 503

        async def told() -> bool:
            return "Telegram does not reach" in (thumb.bot.trouble or "")

        await world.until(told, lambda: f"{thumb.bot.trouble}")
        door.thumb = thumb
        await thumb.settled()

        async def heals() -> bool:
            return thumb.bot.trouble is None

        await world.until(heals, lambda: f"{thumb.bot.trouble}")
        door.thumb = None


async def test_a_webhook_that_somebody_has_taken_away_is_set_again(world, door, monkeypatch):
    monkeypatch.setattr(bot.hearing, "WEBHOOK_LOOK_SECONDS", 0.02)
    async with thumb_on(world, local=True) as thumb:
        door.thumb = thumb
        thumb.phone._phone.profile.set_webhook({"url": ""}, local=True)
        assert "1.2.3" in (await thumb.ask("/version"))["text"]
        door.thumb = None


def test_a_webhook_needs_an_address_that_telegram_reaches():
    def faults(**telegram: Any) -> list[Fault]:
        settings = settings_of(
            telegram={"bot_token": "1:x", "owner_ids": [1], "webhook": True, **telegram},
            server={"public_url": telegram.pop("public_url", None)} if "public_url" in telegram else {},
        )
        return [fault for fault in faults_in(settings, None) if fault.key == "telegram.webhook"]

    assert "needs server.public_url" in faults()[0].sentence
    assert "needs telegram.bot_token" in faults(bot_token="")[0].sentence
