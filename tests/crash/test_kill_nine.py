"""kill -9 under load, five rounds of it; a hundred by `make crash`."""

import random
from pathlib import Path

import pytest

from tests.crash.load import load


@pytest.mark.timeout(300)
async def test_no_acknowledged_alert_is_lost_by_a_crash_under_load(tmp_path: Path) -> None:
    faults, line = await load(tmp_path, rounds=5, seed=random.randrange(10**6))
    assert faults == [], line
