"""An open question on its card: the market now, the limits used, the worst loss, the buttons. Pure."""

import html
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from bot.keyboard import Button
from gateway.domain.figures import Figures, drift_percent, loss_of_short, spread_percent, worst_loss
from gateway.domain.market import ist
from gateway.domain.money import format_rupees
from gateway.domain.order import Purpose
from gateway.questions import Change, premium_asked
from storage import intents


def question_lines(approval: Row[Any] | None, first: Row[Any]) -> list[str]:
    """Why it is asked once more; the market now; the limits used. Nothing once it is decided."""
    if approval is None or approval.decision != intents.PENDING:
        return []
    mark = "❗" if approval.note and "approve at" in approval.note else "✏️"
    note = f"{mark} <b>{html.escape(_sentence(approval.note), quote=False)}</b>" if approval.note else ""
    figures = intents.figures_of(approval)
    if figures is None:
        return [note]
    limits = f"Limits: {' · '.join(figures.limits)}" if figures.limits else ""
    return [note, _market_line(figures, premium_asked(first)), html.escape(limits, quote=False)]


def _market_line(figures: Figures, asked: Decimal | None) -> str:
    if figures.premium is None:
        return ""
    moved = drift_percent(asked, figures.premium)
    line = f"Now ₹{figures.premium:.2f}"
    if moved:
        line += f" ({moved:+.1f} %)"
    if figures.bid is not None and figures.ask is not None:
        spread = spread_percent(figures.bid, figures.ask)
        percent = f" ({spread:.1f} %)" if spread is not None else ""
        line += f" · bid {figures.bid:.2f} / ask {figures.ask:.2f}"
        line += f", spread ₹{figures.ask - figures.bid:.2f}{percent}"
    elif figures.bid is None and figures.ask is None:
        line += " · ⚠️ nobody bids or offers"
    else:
        line += " · ⚠️ nobody offers" if figures.ask is None else " · ⚠️ nobody bids"
    return f"{line} · {ist(figures.at):%H:%M:%S}"


def worst_line(row: Row[Any], quantity: int) -> str:
    """What an entry can lose, before charges and beyond no gap."""
    premium = premium_asked(row)
    if row.purpose != Purpose.ENTRY:
        return ""
    if row.side == "SELL":
        return _worst_of_short(row, quantity, premium)
    if premium is None:
        return ""
    loss, limited = worst_loss(premium, quantity, row.stop_loss, tick=row.tick_size, strike=row.strike)
    where = "at the stop" if limited else "without a stop: the whole premium"
    return f"Worst loss {format_rupees(loss)}, {where}"


def _worst_of_short(row: Row[Any], quantity: int, premium: Decimal | None) -> str:
    if premium is None:
        return "⚠️ Opens a short" + ("" if row.stop_loss else ": without a stop its loss has no limit")
    loss = loss_of_short(premium, quantity, row.stop_loss, tick=row.tick_size, strike=row.strike)
    if loss is None:
        return "⚠️ Opens a short: without a stop its loss has no limit"
    return f"⚠️ Opens a short · worst loss {format_rupees(loss)}, at the stop"


def question_buttons(approval: Row[Any], rows: Sequence[Row[Any]]) -> tuple[tuple[Button, ...], ...]:
    """Approve and Reject; for an entry also its size, and the pause of its strategy."""
    asked = f"{approval.id}:{approval.version}"
    first, quantity = rows[0], sum(row.quantity for row in rows)
    premium = premium_asked(first)
    at = f" at ₹{premium:.2f}" if approval.note and "approve at" in approval.note and premium else ""
    found: list[tuple[Button, ...]] = [
        (
            Button(label=f"✅ Approve{at}", data=f"a:{asked}", style="success"),
            Button(label="❌ Reject", data=f"r:{asked}", style="danger"),
        )
    ]
    if first.purpose == Purpose.ENTRY:
        lots = quantity // first.lot_size
        sizes = [Button(label="+1 lot", data=f"z:{asked}:{Change.ONE_MORE}")]
        if lots > 1:
            sizes = [
                Button(label=f"Half: {lots // 2}", data=f"z:{asked}:{Change.HALF}"),
                Button(label="-1 lot", data=f"z:{asked}:{Change.ONE_LESS}"),
                *sizes,
            ]
        found.append(tuple(sizes))
        found.append((Button(label="⏸ Pause strategy", data=f"p:{approval.id}"),))
    return tuple(found)


def _sentence(note: str) -> str:
    return note[0].upper() + note[1:]
