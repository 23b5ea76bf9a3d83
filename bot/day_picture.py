"""What the picture of a day shows: the curve of the account and of each strategy, and the last 30 days."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from bot.charts import Charts
from config.market import charges
from gateway.domain.money import to_rupees
from gateway.domain.profit import DayNet, Deal, Point, by_strategy, equity_of
from gateway.profit import Profits, deals_of_day
from gateway.wording import VENUE_BADGES
from storage.engine import Database

#: More curves nobody can tell apart: those with the most closed trades.
CURVES = 5
LONGEST_LABEL = 22


class DayPictures:
    """Draws a venue's day."""

    def __init__(self, database: Database, profits: Profits, charts: Charts) -> None:
        self._database = database
        self._profits = profits
        self._charts = charts

    async def draw(self, venue: str, day: date) -> bytes | None:
        """The PNG; None when it cannot be drawn. Raises StorageFailed."""
        deals = await self._database.read(lambda connection: deals_of_day(connection, venue, day))
        return await self._charts.draw(wanted(venue, day, deals, await self._profits.days(venue)))

    def begin(self) -> None:
        """From here on there are pictures."""
        self._charts.begin()

    def stop(self) -> None:
        """Gives up what is being drawn, and draws no more."""
        self._charts.stop()


def wanted(venue: str, day: date, deals: Sequence[Deal], days: Iterable[DayNet]) -> dict[str, Any]:
    """For the painter: rupees, seconds since the epoch. Every curve goes from the first fill to the last."""
    rates = charges()
    span = (deals[0].at.timestamp(), deals[-1].at.timestamp()) if deals else (0.0, 0.0)
    each = by_strategy(deals)
    curves = {name: equity_of(own, rates) for name, own in each.items()}
    busiest = sorted((name for name in curves if curves[name]), key=lambda name: -len(curves[name]))[:CURVES]
    shown = [("All", equity_of(deals, rates))]
    if len(each) > 1:
        shown += [(name, curves[name]) for name in sorted(busiest)]
    return {
        "title": f"{VENUE_BADGES[venue]} · {day:%a %d %b %Y} · net",
        "empty": "Nothing closed yet" if deals else "No trades",
        "curves": [
            {"label": name[:LONGEST_LABEL], "points": _points(points, *span)}
            for name, points in shown
            if points
        ],
        "bars": [[str(each.day), float(to_rupees(each.result.net))] for each in days],
    }


def _points(points: Sequence[Point], began: float, ended: float) -> list[list[float]]:
    found = [[began, 0.0], *([point.at.timestamp(), float(to_rupees(point.net))] for point in points)]
    return [*found, [ended, found[-1][1]]]
