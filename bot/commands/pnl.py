"""/pnl: a day's profit and loss after charges, by strategy, with its picture."""

from collections.abc import Sequence
from datetime import date, timedelta

from bot.cards import Button
from bot.commands.command import Page, reading, view_button
from bot.ports import Ports
from gateway.day_figures import figures
from gateway.domain.market import trading_date
from gateway.profit import Day
from gateway.wording import VENUE_BADGES


async def _pnl(ports: Ports, words: Sequence[str]) -> Page:
    """Words, in any order: a venue, a day as YYYY-MM-DD, or `yesterday`."""
    today = trading_date(ports.clock())
    venue: str = ports.settings.venue
    day = today
    for word in map(str.lower, words):
        if word in ports.venues:
            venue = word
        elif word == "yesterday":
            day = _before(today)
        elif (said := _date(word)) is not None and said <= today:
            day = said
        else:
            return Page(
                text="Say <code>/pnl</code>, <code>/pnl yesterday</code>, <code>/pnl 2026-11-24</code>.",
                help=True,
            )
    found = await ports.profits.day(venue, day)
    picture = await ports.pictures.draw(venue, day)
    missing = "" if picture is not None else "\n(The picture could not be drawn; the log says why.)"
    return Page(text=day_text(found) + missing, buttons=_buttons(ports, venue, day, today), picture=picture)


def _date(word: str) -> date | None:
    try:
        return date.fromisoformat(word)
    except ValueError:
        return None


def _before(day: date) -> date:
    return day - timedelta(days=3 if day.weekday() == 0 else 2 if day.weekday() == 6 else 1)


def _after(day: date) -> date:
    return day + timedelta(days=3 if day.weekday() == 4 else 2 if day.weekday() == 5 else 1)


def _buttons(ports: Ports, venue: str, day: date, today: date) -> tuple[tuple[Button, ...], ...]:
    row = [*view_button(f"◂ {_before(day):%d %b}", "pnl", [venue, str(_before(day))])]
    if day < today:
        later = min(_after(day), today)
        row += view_button("Today ▸" if later == today else f"{later:%d %b} ▸", "pnl", [venue, str(later)])
    others = [other for other in ports.venues if other != venue]
    row += [
        button for other in others for button in view_button(VENUE_BADGES[other], "pnl", [other, str(day)])
    ]
    return (tuple(row),)


def day_text(found: Day) -> str:
    """The day as a caption."""
    title = f"<b>P&amp;L</b> · {VENUE_BADGES[found.venue]} · {found.day:%a %d %b}"
    return f"{title}\n{figures(found)}"


PNL = reading("pnl", "profit and loss after charges, with a picture", _pnl)
