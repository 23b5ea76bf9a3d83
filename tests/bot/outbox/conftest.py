"""Stages with one owner or two."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.phone import PhoneServer
from tests.bot.outbox.stage import OWNER, PARTNER, TOKEN, Stage
from tests.usecases.world import Template, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def make_stage(tmp_path: Path, template: Template) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def make(*chat_ids: int) -> Stage:
            phone = PhoneServer(token=TOKEN, owner_id=OWNER, owner_name="Asha")
            await phone.start()
            stack.push_async_callback(phone.stop)
            stage = Stage(f"sqlite:///{template.copy(tmp_path)}", phone, chat_ids)
            await stage.begin()
            stack.push_async_callback(stage.end)
            await stage.settled()
            return stage

        yield make


@pytest.fixture
async def stage(make_stage: Callable[..., Any]) -> Stage:
    """One owner."""
    return await make_stage(OWNER)


@pytest.fixture
async def both(make_stage: Callable[..., Any]) -> Stage:
    """Two owners."""
    return await make_stage(OWNER, PARTNER)
