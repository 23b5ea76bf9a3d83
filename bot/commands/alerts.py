"""/alerts: what came in, and what became of each; with an alert's id, its whole story."""

import html
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from bot.cards import alert_card
from bot.commands.command import Page, reading, view_button
from bot.contracts import short_name
from bot.ports import Ports
from gateway.columns import clipped
from gateway.domain.market import ist
from gateway.domain.signal import Signal, StrikeKind, StrikeRule
from gateway.domain.status import Status
from gateway.views import AlertView, alert_view
from storage import alerts, intents

SHOWN = 8
LONGEST_REASON = 160
_OLDER = "older"
_MARKS = {
    Status.QUEUED: "🕓 queued",
    Status.INVALID: "⚠️ not understood",
    Status.DUPLICATE: "♻️ duplicate",
    Status.STALE: "⌛ stale",
    Status.REFUSED: "⛔ refused",
    Status.AWAITING_APPROVAL: "🟡 waits for you",
    Status.REJECTED: "🚫 rejected",
    Status.EXPIRED: "⌛ expired",
    Status.PLACING: "📤 being sent",
    Status.UNKNOWN: "❓ no clear answer yet",
    Status.OPEN: "📨 placed, not filled yet",
    Status.FILLED: "✅ filled",
    Status.FAILED: "❌ failed",
}


async def _alerts(ports: Ports, words: Sequence[str]) -> Page:
    if words and words[0] != _OLDER:
        return await _one(ports, words[0])
    before = int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() else None
    views = await ports.database.read(lambda connection: _latest(connection, before))
    if not views:
        return Page(text="<b>Alerts</b>\n" + ("No older ones." if before else "None yet."))
    buttons = [view_button("◂ Newest", "alerts")[0]] if before else []
    if len(views) > SHOWN:
        buttons += view_button("Older ▸", "alerts", [_OLDER, str(views[SHOWN - 1].row.seq)])
    text = "<b>Alerts</b>, newest first\n\n" + "\n\n".join(map(_entry, views[:SHOWN]))
    return Page(text=text, buttons=(tuple(buttons),) if buttons else ())


def _latest(connection: Connection, before: int | None) -> list[AlertView]:
    """One more than is shown: whether there are older ones."""
    rows = alerts.latest(connection, SHOWN + 1, before=before)
    views = (alert_view(connection, row.id) for row in rows)
    return [view for view in views if view is not None]


async def _one(ports: Ports, alert_id: str) -> Page:
    view = await ports.database.read(lambda connection: alert_view(connection, alert_id))
    if view is None:
        said = html.escape(clipped(alert_id, 40), quote=False)
        return Page(text=f"No alert has the id <code>{said}</code>. /alerts lists the latest.", help=True)
    # Without the card's buttons: the card itself has them.
    card = alert_card(view, ports.clock()).text if view.intents else _entry(view)
    body = html.escape(clipped(view.row.body.decode("utf-8", "replace"), 700), quote=False)
    received = f"Received {ist(view.row.received_at):%d %b %H:%M:%S} IST from {html.escape(view.row.source)}"
    return Page(text=f"{card}\n\n{received}\n<pre>{body}</pre>")


def _entry(view: AlertView) -> str:
    row = view.row
    reason = _reason(view)
    lines = [
        f"<b>{ist(row.received_at):%d %b %H:%M:%S}</b> · {html.escape(row.strategy)}",
        " · ".join(part for part in (_what(view), _MARKS[view.status]) if part),
        f"<i>{html.escape(clipped(reason, LONGEST_REASON), quote=False)}</i>" if reason else "",
        f"<code>{row.id}</code>",
    ]
    return "\n".join(line for line in lines if line)


def _what(view: AlertView) -> str:
    if view.intents:
        first = view.intents[0]
        units = sum(intent.quantity for intent in view.intents if intent.follows is None)
        return html.escape(f"{first.side} {units} {short_name(first)}")
    return html.escape(_said(view.signal)) if view.signal else ""


def _said(signal: Signal) -> str:
    size = f"{signal.lots} lots" if signal.lots else signal.quantity
    strike = _strike(signal.strike) if signal.strike else None
    parts = (signal.action, size, signal.symbol, strike, signal.option_type)
    return " ".join(str(part) for part in parts if part)


def _strike(rule: StrikeRule) -> str:
    value = f"{rule.value.normalize():f}"
    if rule.kind is StrikeKind.PRICE:
        return value
    if rule.kind is StrikeKind.ATM:
        return "ATM" if not rule.value else f"ATM{rule.value.normalize():+f}"
    return f"{rule.kind.upper()}{value}"


def _reason(view: AlertView) -> str:
    """Why it did not become an order, or what the broker said, or how it was filled."""
    if view.status is Status.FILLED:
        return _fill(view)
    if view.status in {Status.REJECTED, Status.EXPIRED} and view.approval is not None:
        by = view.approval.decided_by
        return f"by {by}" if view.approval.decision == intents.REJECTED and by else ""
    of_intents = (row.reason for row in view.intents if row.reason)
    of_orders = (row.status_message for row in view.orders.values() if row.status_message)
    field = f"{view.row.field}: " if view.row.field and view.row.reason else ""
    repeats = f"of {view.row.duplicate_of}" if view.row.duplicate_of else ""
    return field + (view.row.reason or next(of_orders, None) or next(of_intents, None) or repeats)


def _fill(view: AlertView) -> str:
    filled: list[Row[Any]] = [order for order in view.orders.values() if order.filled_quantity]
    units = sum(order.filled_quantity for order in filled)
    value = sum(order.average_price * order.filled_quantity for order in filled)
    return f"{units} @ ₹{value / units:.2f}" if units and value else ""


ALERTS = reading("alerts", "what came in, and what became of each", _alerts)
