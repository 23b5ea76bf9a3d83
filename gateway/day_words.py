"""The sentences of the day's own messages, as Telegram HTML."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from sqlalchemy import Row

from config.market import Hours
from config.sections import Risk
from gateway.columns import clipped
from gateway.day_figures import figures, gain_words
from gateway.day_ledger import Ledger
from gateway.domain.money import Paise, format_rupees, to_paise
from gateway.domain.status import Status
from gateway.profit import Day
from gateway.wording import VENUE_BADGES
from storage import holdings

HOLDINGS_SHOWN = 10
LONGEST_REASON = 120
_STATUSES = {
    Status.FILLED: "filled",
    Status.OPEN: "placed and not filled",
    Status.REFUSED: "refused by your rules",
    Status.FAILED: "failed",
    Status.REJECTED: "rejected by you",
    Status.EXPIRED: "expired",
    Status.INVALID: "not understood",
    Status.STALE: "stale",
    Status.UNKNOWN: "without a clear answer",
}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How everything stands: what the morning's message and the heartbeat say."""

    killed: bool
    everything_paused: bool
    paused: tuple[str, ...]
    #: A line a venue: whether it can trade, and why not.
    venues: tuple[tuple[str, bool, str], ...]
    approval: str
    #: The strategies that trade without being asked for, where the rest asks; and the other way round.
    otherwise: tuple[str, ...]
    held: tuple[Row[Any], ...]


def armed_line(standing: Standing) -> str:
    """What stands in the way of an entry, or that nothing does."""
    if standing.killed:
        return "🛑 <b>Kill switch on</b>: nothing is sent until /resume"
    if standing.everything_paused:
        return "⏸ <b>Everything is paused</b>: no entries until /unpause"
    if not all(ready for _, ready, _ in standing.venues):
        return "🟠 <b>Armed where it can trade</b>"
    return "🟢 <b>Armed</b>"


def morning(
    day: date, hours: Hours | None, square_off: time, standing: Standing, risk: Risk, last: Sequence[Day]
) -> str:
    """The day ahead. `hours` None: a market that never closes (practice)."""
    session = f"market {hours.open:%H:%M} to {hours.close:%H:%M}" if hours else "practice: open all day"
    lines = [
        f"🌅 <b>{day:%a %d %b}</b> · {session} · square-off {square_off:%H:%M} IST",
        armed_line(standing),
    ]
    lines += [
        f"{'✅' if ready else '⚠️'} {VENUE_BADGES[venue]}: {html.escape(words, quote=False)}"
        for venue, ready, words in standing.venues
    ]
    lines.append(_approval_line(standing))
    if standing.paused:
        lines.append(f"⏸ Paused: {html.escape(', '.join(standing.paused), quote=False)}")
    lines.append(_limits(risk))
    lines += _held(standing.held, "Carried over")
    lines += [
        f"{VENUE_BADGES[each.venue]} on {each.day:%a %d %b}: "
        f"net {format_rupees(each.result.net, sign=True)}, {each.result.trades} trades"
        for each in last
    ]
    return "\n".join(lines)


def _approval_line(standing: Standing) -> str:
    rule = "each entry asks you" if standing.approval == "confirm" else "entries go straight on"
    if not standing.otherwise:
        return f"Approval: {rule}"
    names = html.escape(", ".join(standing.otherwise), quote=False)
    alone = "s" if len(standing.otherwise) == 1 else ""
    verb = f"go{'es' if alone else ''} straight on" if standing.approval == "confirm" else f"ask{alone} you"
    return f"Approval: {rule}; {names} {verb}"


def _limits(risk: Risk) -> str:
    return (
        f"Limits: {risk.max_lots_per_order} lots and {_rupees(risk.max_premium_per_order)} an order, "
        f"{risk.max_open_positions} positions, {risk.max_orders_per_day} orders a day, "
        f"loss {_rupees(risk.max_daily_loss)} · {', '.join(risk.allowed_symbols)}"
    )


def _rupees(amount: Any) -> str:
    return format_rupees(to_paise(amount)).removesuffix(".00")


def summary(day: date, days: Sequence[Day], ledger: Ledger) -> str:
    """How the day went; what is not known is said so."""
    if ledger.is_empty:
        return f"📋 <b>{day:%a %d %b}</b>: no alert came, and nothing is held."
    lines = [f"📋 <b>Summary of {day:%a %d %b}</b>"]
    for each in days:
        lines += [f"<b>{VENUE_BADGES[each.venue]}</b>", figures(each)]
    lines.append(_alerts_line(ledger.statuses))
    if ledger.slippage is not None:
        share = f" ({abs(ledger.slippage) / ledger.expected * 100:.2f} %)" if ledger.expected else ""
        verb = "cost" if ledger.slippage >= 0 else "gained"
        amount = format_rupees(Paise(abs(ledger.slippage)))
        lines.append(f"Slippage against the alerts' prices {verb} {amount}{share}")
    lines += [
        f"• {_short(reason)}{f' ({count} times)' if count > 1 else ''}" for reason, count in ledger.reasons
    ]
    if ledger.unknown:
        lines.append(f"❓ {ledger.unknown} without a clear answer from Kite: look in the Kite app")
    lines += _held(ledger.held, "Stays open") or ["Nothing stays open."]
    return "\n".join(lines)


def _short(reason: str) -> str:
    return html.escape(clipped(reason, LONGEST_REASON), quote=False)


def _alerts_line(statuses: Mapping[Status, int]) -> str:
    total = sum(statuses.values())
    parts = [f"{statuses[status]} {words}" for status, words in _STATUSES.items() if statuses.get(status)]
    named = sum(statuses.get(status, 0) for status in _STATUSES)
    parts += [f"{total - named} under way"] if total > named else []
    return f"{total} alert{'s' if total != 1 else ''}" + (f": {', '.join(parts)}" if parts else "")


def _held(rows: Sequence[Row[Any]], title: str) -> list[str]:
    if not rows:
        return []
    lines = [
        f"• {holdings.signed(row)} {html.escape(row.tradingsymbol)} {row.product} · "
        f"{html.escape(row.strategy)} · {VENUE_BADGES[row.venue]}"
        for row in rows[:HOLDINGS_SHOWN]
    ]
    more = [f"and {len(rows) - HOLDINGS_SHOWN} more: /positions"] if len(rows) > HOLDINGS_SHOWN else []
    return [f"<b>{title}</b>", *lines, *more]


def heartbeat(at: time, standing: Standing, days: Sequence[Day]) -> str:
    """One line of life."""
    parts = [f"💓 {at:%H:%M}", armed_line(standing)]
    parts += [f"{VENUE_BADGES[each.venue]} {gain_words(each.net)}" for each in days]
    parts += [f"{VENUE_BADGES[venue]} cannot trade" for venue, ready, _ in standing.venues if not ready]
    parts.append(f"{len(standing.held)} held")
    return " · ".join(parts)


def no_picture(day: date) -> str:
    """What is said in the place of a picture."""
    return f"📈 The picture of {day:%a %d %b} could not be drawn; /pnl {day} tries again."
