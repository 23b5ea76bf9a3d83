"""Worlds for the tests of the use cases."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import positions, prices
from tests.usecases.world import Template, World, make_template, opened


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What was logged; nothing is rendered, tracebacks least of all."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def make_world(
    tmp_path: Path, template: Template, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Opens worlds with settings of the test's own."""
    monkeypatch.setattr(prices, "REQUEST_INTERVAL", 0.0)
    monkeypatch.setattr(positions, "POSITIONS_LAG_SECONDS", 0.0)
    async with AsyncExitStack() as stack:

        async def make(**changes: Any) -> World:
            return await stack.enter_async_context(opened(tmp_path, template, **changes))

        yield make


@pytest.fixture
async def world(make_world: Callable[..., Any]) -> World:
    """Approval off; execution not running yet."""
    return await make_world()


@pytest.fixture
async def asking(make_world: Callable[..., Any]) -> World:
    """Approval on."""
    return await make_world(defaults={"approval": "confirm"})
