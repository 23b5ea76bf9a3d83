"""A house a test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import prices
from tests.guards.house import House, opened
from tests.usecases.world import Template, make_template


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are asked for without a pace; nothing is rendered for the log."""
    monkeypatch.setattr(prices, "REQUEST_INTERVAL", 0.0)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def house(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    async with opened(tmp_path, template) as found:
        yield found


@pytest.fixture
async def mis(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    """The same, for a strategy that trades MIS."""
    async with opened(tmp_path, template, defaults={"approval": "auto", "product": "MIS"}) as found:
        yield found
