"""Chaos, a bounded run of it: in the end the exchange's book, ours and the phone say the same."""

from pathlib import Path

import pytest

from tests.crash.chaos import chaos


@pytest.mark.timeout(300)
async def test_faults_on_all_sides_and_a_crash_leave_three_books_that_say_the_same(tmp_path: Path) -> None:
    faults, line = await chaos(tmp_path, alerts=60, kills=1, seed=1, late=2.0)
    assert faults == [], line
