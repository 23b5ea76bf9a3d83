"""The card of an alert: one message from the question to the fill, drawn anew from what is known. Pure."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from bot.guard_lines import guard_lines
from bot.keyboard import Button
from bot.question_lines import question_buttons, question_lines, worst_line
from gateway.domain.freshness import is_ahead
from gateway.domain.market import ist
from gateway.domain.money import format_rupees, to_paise
from gateway.domain.order import IntentState
from gateway.domain.status import Status
from gateway.questions import premium_asked
from gateway.square_off import DueRow
from gateway.views import AlertView
from gateway.wording import VENUE_BADGES, seconds
from storage import intents, sells

__all__ = ["Button", "Card", "alert_card", "square_off_card"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A message: Telegram HTML and its rows of buttons."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    #: A PNG; the text is then its caption.
    picture: bytes | None = None


#: So many names of fields that are not used are shown.
_MOST_UNUSED = 4
_TITLES = {
    Status.QUEUED: "🕓 Queued",
    Status.AWAITING_APPROVAL: "🟡 Approve?",
    Status.REJECTED: "🚫 Rejected",
    Status.EXPIRED: "⌛ Expired",
    Status.PLACING: "📤 Sending",
    Status.UNKNOWN: "❓ No clear answer yet",
    Status.OPEN: "📨 Placed, not filled yet",
    Status.FILLED: "✅ Filled",
    Status.FAILED: "❌ Failed",
    Status.REFUSED: "⛔ Not sent",
}


def alert_card(view: AlertView, now: datetime) -> Card:
    """The card as it stands now; buttons only while there is something to decide."""
    first = view.intents[0]
    lines = [
        f"<b>{_title(view)}</b> · {VENUE_BADGES[first.venue]}",
        *(_contract_lines(rows) for rows in _by_contract(view.intents)),
        *question_lines(view.approval, first),
        _context_line(view, now),
        _unused_line(view),
        *_life(view, now),
        *guard_lines(view.guards),
    ]
    return Card(text="\n".join(line for line in lines if line), buttons=_buttons(view))


def _title(view: AlertView) -> str:
    """The status; told apart where a word of the outside covers two things."""
    if _is_resting_stop(view):
        return "🛡 Stop at rest"
    filled = sum(order.filled_quantity for order in view.orders.values())
    wanted = sum(row.quantity for row in view.intents if row.follows is None)
    if view.status is Status.FILLED and filled < wanted:
        return f"🟠 Partly filled, {filled} of {wanted}"
    if view.status is Status.FAILED and any(order.state == "cancelled" for order in view.orders.values()):
        return "⚪ Cancelled, nothing filled"
    return _TITLES.get(view.status, str(view.status))


def square_off_card(day: str, rows: Sequence[DueRow], at: str) -> Card:
    """What will be closed at the day's end, each NRML holding with a Keep button until it is kept."""
    lines = [f"🏁 <b>Square-off at {at} IST</b>. This will be closed:"]
    buttons = []
    for row in rows:
        name = f"{row.tradingsymbol} {row.quantity} {row.product} · {row.strategy}"
        mark = "📌 kept: " if row.kept else "• " if row.due else "⌛ not closed: "
        left = row.expires and (row.kept or not row.due)
        tail = " · expires today: what is held at the close is settled in cash" if left else ""
        lines.append(f"{mark}{html.escape(name)} · {VENUE_BADGES[row.venue]}{tail}")
        if row.product == "NRML" and row.due and not row.kept:
            buttons.append((Button(label=f"Keep {row.tradingsymbol}"[:60], data=f"f:{day}:{row.seq}"),))
    if not rows:
        lines = ["🏁 <b>Square-off</b>: nothing is held any more."]
    return Card(text="\n".join(lines), buttons=tuple(buttons))


def _by_contract(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    groups: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.tradingsymbol, row.side), []).append(row)
    return list(groups.values())


def _contract_lines(rows: list[Row[Any]]) -> str:
    first = rows[0]
    # What carries on a rest is not more of it.
    decided = [row for row in rows if row.follows is None]
    quantity = sum(row.quantity for row in decided)
    lots = quantity // first.lot_size
    strike = f"{Decimal(first.strike).normalize():f}"
    lines = [
        f"<b>{first.side} {html.escape(first.name)} {strike} {first.option_type} {first.expiry:%d %b}</b>",
        f"{lots} lot{'s' if lots != 1 else ''} = {quantity} units · {first.product} · {_order_words(first)}",
    ]
    if len(decided) > 1:
        lines[1] += f" · {len(decided)} orders"
    lines += [_premium_line(first, quantity), _guard_line(first) if first.purpose == "entry" else ""]
    if first.state == IntentState.AWAITING_APPROVAL:
        lines.append(worst_line(first, quantity))
    return "\n".join(line for line in lines if line)


def _is_resting_stop(view: AlertView) -> bool:
    """A guard's stop order that waits for its price."""
    first = view.intents[0]
    order = view.orders.get(first.id)
    waits = order is None or order.status != sells.RELEASED
    return bool(first.order_type == sells.STOP_ORDER and view.status is Status.OPEN and waits)


def _order_words(row: Row[Any]) -> str:
    if row.order_type == sells.STOP_ORDER:
        return f"stop order: from ₹{row.trigger_price:.2f} on a LIMIT ₹{row.price:.2f}"
    if row.order_type == "MARKET":
        band = "Kite's band" if row.market_protection < 0 else f"{row.market_protection.normalize():f} %"
        return f"MARKET, protected ({band})"
    return f"{row.order_type} ₹{row.price:.2f}"


def _premium_line(row: Row[Any], quantity: int) -> str:
    premium = premium_asked(row)
    if premium is None and row.purpose != "entry":
        return ""
    if premium is None:
        return "⚠️ Premium not known: risk.max_premium_per_order could not be checked"
    total = to_paise(premium * quantity)
    margin = f" · margin {format_rupees(row.margin_paise)}" if row.margin_paise is not None else ""
    return f"Premium ₹{premium:.2f} x {quantity} = {format_rupees(total)}{margin}"


def _guard_line(row: Row[Any]) -> str:
    """What guards it once it is held; the notices tell what became of that."""
    wanted = [
        f"{word} {html.escape(level)}"
        for word, level in (("stop", row.stop_loss), ("trailing", row.trailing_stop), ("target", row.target))
        if level
    ]
    return " · ".join(wanted).capitalize() if wanted else ""


def _context_line(view: AlertView, now: datetime) -> str:
    age = f" · {_age(view, now)}" if view.status is Status.AWAITING_APPROVAL else ""
    return f"{html.escape(view.row.strategy)}{age} · <code>{view.row.id}</code>"


def _age(view: AlertView, now: datetime) -> str:
    said, came = view.signal.time if view.signal else None, view.row.received_at
    if said is not None and is_ahead(said, came):
        return f"alert of unknown age: its time is {ist(said):%d %b %H:%M:%S} IST"
    return f"alert {seconds(now - min(said or came, came))} old"


def _unused_line(view: AlertView) -> str:
    """Fields of the alert that mean nothing here, where somebody was asked: he decides knowing that."""
    names = view.signal.ignored if view.signal and view.approval else ()
    if not names:
        return ""
    more = " and more" if len(names) > _MOST_UNUSED else ""
    return f"Not used: {html.escape(', '.join(names[:_MOST_UNUSED]))}{more}"


def _life(view: AlertView, now: datetime) -> list[str]:
    lines = [_approval_line(view.approval, now)] if view.approval else []
    for row in view.intents:
        order = view.orders.get(row.id)
        if order is not None:
            lines.append(_order_line(order))
        elif row.reason:
            lines.append(html.escape(row.reason, quote=False))
    return list(dict.fromkeys(lines))


def _approval_line(approval: Row[Any], now: datetime) -> str:
    if approval.decision == intents.PENDING:
        left = max((approval.deadline - now).total_seconds(), 0)
        return f"⏳ {left:.0f} s left, until {_clock(approval.deadline)}"
    by = html.escape(approval.decided_by or "")
    at = _clock(approval.decided_at)
    return {
        intents.APPROVED: f"👍 Approved by {by}, {at}",
        intents.REJECTED: f"👎 Rejected by {by}, {at}. Nothing was sent.",
        intents.EXPIRED: f"Nobody approved by {_clock(approval.deadline)}. Nothing was sent.",
        intents.VOID: f"{by}, {at}. Nothing was sent.",
    }[approval.decision]


def _order_line(order: Row[Any]) -> str:
    words = f": {html.escape(order.status_message, quote=False)}" if order.status_message else ""
    filled = (
        f" · {order.filled_quantity}/{order.quantity}"
        + (f" @ ₹{order.average_price:.2f}" if order.average_price else ", price not known yet")
        if order.filled_quantity
        else ""
    )
    order_id = html.escape(order.order_id)
    return f"Order <code>{order_id}</code> {_clock(order.placed_at)} · {order.state}{filled}{words}"


def _clock(moment: datetime) -> str:
    return f"{ist(moment):%H:%M:%S} IST"


def _buttons(view: AlertView) -> tuple[tuple[Button, ...], ...]:
    if view.approval is not None and view.approval.decision == intents.PENDING:
        return question_buttons(view.approval, view.intents)
    asked = [row for row in view.intents if row.state == "unknown" and row.questioned_at is not None]
    return tuple(buttons for row in asked for buttons in _unknown_buttons(row, many=len(asked) > 1))


def _unknown_buttons(row: Row[Any], *, many: bool) -> tuple[tuple[Button, ...], ...]:
    which = f" ({row.tag})" if many else ""
    return (
        (
            Button(label=f"It is there{which}", data=f"y:{row.id}"),
            Button(label=f"It is not there{which}", data=f"n:{row.id}"),
        ),
        (Button(label=f"Send again as a new order{which}", data=f"s:{row.id}", style="danger"),),
    )
