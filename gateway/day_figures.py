"""A day's profit and loss, in the few lines that a phone shows."""

import html
from collections.abc import Sequence

from gateway.columns import WIDTH, clipped, pairs, pre
from gateway.domain.money import Paise, format_rupees
from gateway.profit import Day, StrategyDay

#: A caption holds 1024 characters (facts/telegram.md 1.1); more strategies are summed up.
STRATEGIES_SHOWN = 8


def figures(found: Day) -> str:
    """Realised, charges, net, and what is open; by strategy where there are several. What is not known is
    said so."""
    result = found.result
    rows = [
        ("Realised", format_rupees(result.realised, sign=True)),
        ("Charges", format_rupees(Paise(-result.charges), sign=True)),
        ("Net", format_rupees(result.net, sign=True)),
    ]
    if found.open:
        rows.append(("Open, at last price", gain_words(found.open_gain)))
        rows.append(("Together", gain_words(found.net)))
    lines = [pairs(rows)]
    if len(found.strategies) > 1:
        lines.append(pre(_strategy_lines(found.strategies)))
    if result.orders:
        trades = f"{result.trades} trade{'s' if result.trades != 1 else ''} closed, {result.wins} won"
        lines.append(f"{trades}, {result.orders} order{'s' if result.orders != 1 else ''} filled")
    elif not found.open:
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


def gain_words(paise: Paise | None) -> str:
    """An amount with its sign, or that it is not known."""
    return "not known" if paise is None else format_rupees(paise, sign=True)
