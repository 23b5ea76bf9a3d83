"""How the guards around a holding stand, a line each: wanted, at Kite, watched, triggered, missing. Pure."""

import html
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from gateway.domain.guarding import GuardKind
from gateway.domain.money import format_rupees, to_paise
from gateway.domain.order import GuardState


def guard_lines(rows: Iterable[Row[Any]]) -> list[str]:
    """A line a guard, for a card or a list."""
    return [_line(row) for row in rows]


def _line(row: Row[Any]) -> str:
    at, reason = _levels(row), html.escape(row.reason or "", quote=False)
    of = f"{at} for {row.quantity}"
    match row.state:
        case GuardState.WANTED:
            return f"🛡 {of}: not placed yet; Manjha watches the price"
        case GuardState.PLACING:
            return f"🛡 {of}: on its way to Kite"
        case GuardState.UNKNOWN:
            return f"❓ {of}: no clear answer from Kite yet"
        case GuardState.ACTIVE:
            return f"🛡 {of}: {_where(row)}"
        case GuardState.TRIGGERED:
            return f"⚡ {at}: triggered, being {_done(row)} ({reason})"
        case GuardState.DONE:
            return f"🛡 {at}: triggered, and {_done(row)}"
        case GuardState.REMOVED:
            return f"🛡 {at}: taken away ({reason})"
    if row.final:
        return f"⚠️ No guard: {reason}"
    return f"⚠️ {of}: not placed ({reason}); it is tried again"


def _done(row: Row[Any]) -> str:
    return "bought back" if row.opened_by == "SELL" else "sold"


def _where(row: Row[Any]) -> str:
    if row.kind == GuardKind.WATCH:
        return "watched by Manjha while it runs"
    if row.kind == GuardKind.STOP:
        return "stop order at Kite"
    return f"at Kite, GTT <code>{row.trigger_id}</code>" + (", as set there by hand" if row.by_hand else "")


def _levels(row: Row[Any]) -> str:
    """What is placed, else what is wanted."""
    is_placed = row.stop_trigger is not None or row.target_trigger is not None
    stop, target = (row.stop_trigger, row.target_trigger) if is_placed else (row.stop, row.target)
    named: Sequence[tuple[str, Decimal | None]] = (("Stop", stop), ("target", target))
    said = " · ".join(
        f"{word} {format_rupees(to_paise(price))}" for word, price in named if price is not None
    )
    return said[:1].upper() + said[1:]
