"""The simulated month: 23 November to 25 December 2026, each day lived through on the real process."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import aiohttp

from gateway.domain.market import IST
from tests.month.days import HOLIDAYS, Day, Plan, Report
from tests.month.stage import MonthStage

FIRST, LAST = date(2026, 11, 23), date(2026, 12, 25)
#: Around the table in a document.
MARK = "<!-- the month's table -->"
#: A Saturday on which the owner adds a session, the evening before, to a gateway that runs.
ADDED = date(2026, 12, 19)
SQUARE_OFF_OF_ADDED = "11:35"

PLANS: dict[date, Plan] = {
    date(2026, 11, 24): Plan(restart="holiday"),
    date(2026, 11, 26): Plan(restart="night"),
    date(2026, 11, 27): Plan(restart="reminder"),
    date(2026, 11, 30): Plan(restart="login"),
    date(2026, 12, 1): Plan(restart="entry"),
    date(2026, 12, 2): Plan(event="the token dies at 11:00"),
    date(2026, 12, 3): Plan(restart="question"),
    date(2026, 12, 4): Plan(restart="held"),
    date(2026, 12, 7): Plan(restart="exit"),
    date(2026, 12, 8): Plan(event="Telegram out from 13:00 to 15:30"),
    date(2026, 12, 9): Plan(restart="notice"),
    date(2026, 12, 10): Plan(event="the machine sleeps from 15:10 to 15:21"),
    date(2026, 12, 11): Plan(restart="square-off"),
    date(2026, 12, 14): Plan(event="the gateway is down from 15:05 to 15:24"),
    date(2026, 12, 15): Plan(restart="close"),
    date(2026, 12, 16): Plan(event="no instrument list until 09:05"),
    date(2026, 12, 17): Plan(restart="evening"),
    ADDED: Plan(short=SQUARE_OFF_OF_ADDED, event="session 10:00-12:00 added by `manjha calendar add`"),
    date(2026, 12, 22): Plan(restart="entry", event="the token dies at 11:00"),
}


def days_between(first: date, last: date) -> list[date]:
    """Every day, the two named included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def trades(day: date) -> bool:
    """Whether the exchange trades on that day of the month."""
    return day.weekday() < 5 and day not in HOLIDAYS


async def live_through(
    folder: Path, days: Sequence[date], say: Callable[[str], None] = lambda _: None
) -> list[Report]:
    """Each of these days on one gateway; the reports, with what went wrong."""
    began = datetime.combine(days[0], datetime.min.time(), IST) + timedelta(hours=5)
    reports: list[Report] = []
    async with aiohttp.ClientSession() as http:
        stage = MonthStage(folder, http, began)
        try:
            await stage.open()
            await stage.start_gateway()
            for day in days:
                if day == ADDED:
                    await stage.manjha("calendar", "add", str(day), "--hours", "10:00-12:00")
                plan = PLANS.get(day, Plan())
                report = await Day(stage, day, plan, trades=trades(day)).live()
                reports.append(report)
                say(line_of(report))
        finally:
            await stage.close()
    return reports


def line_of(report: Report) -> str:
    """A row of the table."""
    done = sum(report.jobs.values())
    wrong = "; ".join(report.faults) or "-"
    return (
        f"| {report.day:%a %d %b} | {report.kind} | {done} | {report.entries} | {report.exits} "
        f"| {report.squared_off} | {report.told} | {report.special or '-'} | {wrong} |"
    )


HEAD = (
    "| day | kind | jobs done | bought | sold by alert | squared off | messages | what happened | wrong |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def summary_of(reports: Sequence[Report], seconds: float) -> str:
    """The sentence under the table."""
    traded = sum(report.kind == "trading" for report in reports)
    kills = sum(PLANS.get(report.day, Plan()).restart is not None for report in reports)
    return (
        f"{len(reports)} days, {traded} of them trading, in {seconds:.0f} s: "
        f"{sum(sum(report.jobs.values()) for report in reports)} jobs, "
        f"{sum(report.entries for report in reports)} entries, "
        f"{sum(report.exits for report in reports)} exits by alert, "
        f"{sum(report.squared_off for report in reports)} holdings squared off, "
        f"{sum(report.told for report in reports)} messages, kill -9 {kills} times; "
        f"{sum(len(report.faults) for report in reports)} things wrong."
    )


def write(path: Path, lines: Sequence[str]) -> None:
    """Puts the table between the marks of a document. Raises ValueError where there are none."""
    head, found, rest = path.read_text(encoding="utf-8").partition(MARK)
    _, ends, tail = rest.partition(MARK)
    if not (found and ends):
        raise ValueError(f"{path} has no two marks {MARK}")
    table = "\n".join(lines)
    path.write_text(f"{head}{MARK}\n{table}\n{MARK}{tail}", encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Lives through the month and prints its table; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=__doc__)
    parser.add_argument("--write", type=Path, help="a document whose table is replaced, docs/operations.md")
    options = parser.parse_args(argv)
    began = time.monotonic()
    _say(HEAD)
    with tempfile.TemporaryDirectory(prefix="manjha-month-") as folder:
        reports = asyncio.run(live_through(Path(folder), days_between(FIRST, LAST), say=_say))
    summary = summary_of(reports, time.monotonic() - began)
    _say(f"\n{summary}")
    if options.write:
        write(options.write, [HEAD, *map(line_of, reports), "", summary])
    return 1 if any(report.faults for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
