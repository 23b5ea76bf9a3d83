"""Two days of the simulated month, with an expiry moved by the holiday between; the whole is `make month`."""

from datetime import date
from pathlib import Path

from tests.month.month import days_between, live_through


async def test_each_job_runs_once_on_its_days_and_nothing_is_left_open(tmp_path: Path) -> None:
    """Monday 23 November is NIFTY's moved expiry, Tuesday the holiday, with a kill -9 in it."""
    reports = await live_through(tmp_path, days_between(date(2026, 11, 23), date(2026, 11, 24)))
    assert [report.faults for report in reports] == [[], []]
    monday, holiday = reports
    assert (monday.entries, monday.exits, monday.squared_off) == (3, 1, 2)
    assert set(monday.jobs) > {"login reminder", "square-off notice", "square-off"}
    assert set(holiday.jobs) == {"audit trail", "backup", "clearing away"}
