"""A thumb on a phone, in a world that asks before it buys."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bot.commands.thumb import Thumb, thumb_on
from tests.usecases.conftest import logged, make_world, template
from tests.usecases.world import World

__all__ = ["logged", "make_world", "template"]


@pytest.fixture
async def world(make_world: Callable[..., Any], tmp_path: Path) -> World:
    made: World = await make_world(log_dir=tmp_path / "logs", defaults={"approval": "confirm"})
    await made.execute()
    return made


@pytest.fixture
async def thumb(world: World) -> AsyncIterator[Thumb]:
    async with thumb_on(world) as made:
        yield made
