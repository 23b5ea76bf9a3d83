"""/pnl: a day's profit and loss after charges, by strategy, with its picture."""

import html
from collections.abc import Sequence
from datetime import date, timedelta

from bot.cards import Button
from bot.commands.command import Page, reading, view_button
from bot.ports import Ports
from bot.tables import WIDTH, clipped, pairs, pre
from gateway.domain.market import trading_date
from gateway.domain.money import Paise, format_rupees
from gateway.profit import Day, StrategyDay
from gateway.wording import VENUE_BADGES

#: A caption holds 1024 characters (facts/telegram.md 1.1); more strategies are summed up.
STRATEGIES_SHOWN = 8


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
                text="Say <code>/pnl</code>, <code>/pnl yesterday</code>, <code>/pnl 2026-11-24</code>."
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
    """The day in a few lines that fit a caption; what is not known is said so."""
    result = found.result
    rows = [
        ("Realised", format_rupees(result.realised, sign=True)),
        ("Charges", format_rupees(Paise(-result.charges), sign=True)),
        ("Net", format_rupees(result.net, sign=True)),
    ]
    if found.open:
        rows.append(("Open, at last price", _gain(found.open_gain)))
        rows.append(("Together", _gain(found.net)))
    lines = [f"<b>P&amp;L</b> · {VENUE_BADGES[found.venue]} · {found.day:%a %d %b}", pairs(rows)]
    if len(found.strategies) > 1:
        lines.append(pre(_strategy_lines(found.strategies)))
    if result.trades:
        lines.append(f"{result.trades} trades closed, {result.wins} won, {result.orders} orders filled")
    elif not result.orders and not found.open:
        lines.append("Nothing was traded.")
    if found.unpriced:
        lines.append(f"No price for {html.escape(clipped(', '.join(found.unpriced), 90))}")
    return "\n".join(lines)


def _strategy_lines(strategies: Sequence[StrategyDay]) -> list[str]:
    shown, rest = strategies[:STRATEGIES_SHOWN], strategies[STRATEGIES_SHOWN:]
    lines = [_strategy_line(each) for each in shown]
    return [*lines, f"and {len(rest)} more: /strategies"] if rest else lines


def _strategy_line(each: StrategyDay) -> str:
    """The name, and realised after charges and open together."""
    gain = each.open_gain
    value = "?" if gain is None else format_rupees(Paise(each.result.net + gain), sign=True)
    name = clipped(each.strategy, WIDTH - len(value) - 1)
    return f"{name}{value.rjust(WIDTH - len(name))}"


def _gain(paise: Paise | None) -> str:
    return "not known" if paise is None else format_rupees(paise, sign=True)


PNL = reading("pnl", "profit and loss after charges, with a picture", _pnl)
