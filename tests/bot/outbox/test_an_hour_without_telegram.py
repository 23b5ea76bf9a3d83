"""T2: without Telegram trading goes on, approvals expire, and all is told afterwards, in order."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from bot.drawing import Drawings
from bot.notices import Sender
from bot.pace import Pace
from bot.phone import Fault, FaultKind, PhoneServer
from config.telegram import telegram_limits
from storage.notices import waiting
from tests.usecases.conftest import logged, make_world
from tests.usecases.world import OWNER, World, buy

__all__ = ["logged", "make_world"]

TOKEN = "700:test-token"
#: Every call, until the faults are cleared.
AWAY = Fault(method="*", kind=FaultKind.DROP_BEFORE, times=1_000_000)


@pytest.fixture
async def world(make_world, tmp_path: Path) -> World:
    made: World = await make_world(strategies={"Asks": {"approval": "confirm"}})
    await made.execute()
    await made.run(made.approvals.run)
    return made


async def test_an_hour_without_telegram(world):
    phone = PhoneServer(token=TOKEN, owner_id=OWNER, owner_name="Asha")
    await phone.start()
    phone.faults.add(AWAY)
    ticks = [1000.0]
    pace = Pace(limits=telegram_limits(), monotonic=lambda: ticks[0])
    drawings = Drawings(world.database, *cast(Any, (None, world.clock, None)))
    told = (world.database, world.wakeups.outbox, drawings, pace, world.clock)
    sender = Sender(TOKEN, phone.api_url, (OWNER,), *told)
    running = asyncio.create_task(sender.run())
    try:
        filled = [(await world.filled(buy(f"Auto {number}"))).row.id for number in range(7)]
        asked = await world.send(buy("Asks"))
        await world.reaches(asked, "awaiting_approval")
        attempts = len(world.attempts())
        world.clock.forward(hours=1)
        world.wakeups.approvals.ring()
        await world.reaches(asked, "expired")
        assert phone.messages() == []
        assert sender.trouble

        phone.faults.clear()

        async def all_told() -> bool:
            ticks[0] += 5.0
            await sender.retry_now()
            world.wakeups.outbox.ring()
            return not await world.database.read(waiting)

        await world.until(all_told, lambda: f"{[m.content.text for m in phone.messages()]}")
        said = "\n".join(message.content.text for message in phone.messages())
        places = [said.index(f"Auto {number}") for number in range(7)]
        assert places == sorted(places)
        assert all(alert_id in said for alert_id in [*filled, asked])
        assert "Expired" in said
        assert not any((m.content.markup or {}).get("inline_keyboard") for m in phone.messages())
        assert len(phone.messages()) <= 4
        assert len(world.attempts()) == attempts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await sender.close()
        await phone.stop()
