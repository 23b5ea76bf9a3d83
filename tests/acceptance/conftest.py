"""One stage a test."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as http:
        found = Stage(tmp_path, http)
        try:
            yield found
        finally:
            await found.close()
