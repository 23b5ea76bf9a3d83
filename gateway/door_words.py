"""What the owner is told of alerts at the door, as Telegram HTML."""

import html
from datetime import datetime
from typing import Final

from gateway.domain.market import ist
from gateway.domain.signal import Action
from storage.alerts import RESEND_WINDOW, Arrival, Repeat

#: TradingView fills both in; together they are new for each alert.
_OWN_ID: Final = '"id": "{{ticker}}-{{timenow}}"'


def not_understood(arrival: Arrival) -> str:
    """An authentic body that says nothing we could act on."""
    which = f", number {arrival.part + 1} of its body" if arrival.part else ""
    received = f"Received: <code>{_safe(arrival.received)}</code>\n" if arrival.received else ""
    return (
        f"⚠️ <b>Alert not understood</b> · {_safe(arrival.strategy)}\n"
        f"<b>{_safe(arrival.field or 'body')}</b>: {_safe(arrival.reason or '')}\n"
        f"{received}Nothing was ordered. Alert <code>{arrival.alert_id}</code>{which} is kept."
    )


def is_sent_again(arrival: Arrival, repeat: Repeat) -> bool:
    """Whether TradingView, or whoever sends, has only sent the same alert once more."""
    return not repeat.differs and arrival.received_at - repeat.first_at <= RESEND_WINDOW


def duplicate(arrival: Arrival, repeat: Repeat) -> str:
    """The same alert again; or one that only has the id of an earlier one, which its owner must hear."""
    head = f"Duplicate of <code>{repeat.of}</code> · {_safe(arrival.strategy)}"
    if is_sent_again(arrival, repeat):
        return f"♻️ {head}: the same alert came again, and nothing was ordered for it."
    signal = arrival.signal
    is_exit = signal is not None and signal.action is not Action.BUY
    remedy = "If you want it closed, /squareoff does it. " if is_exit else ""
    return (
        f"⚠️ <b>{head}</b>\n{_what_came(arrival, repeat)}, so nothing was ordered for it. {remedy}"
        f"Each alert needs an id of its own, such as <code>{_safe(_OWN_ID)}</code>."
    )


def _what_came(arrival: Arrival, repeat: Repeat) -> str:
    signal = arrival.signal
    name = f"the id “{signal.id}”" if signal is not None and signal.id is not None else "its signature's id"
    what = "Another alert" if repeat.differs else "An alert"
    which = f"{what} ({signal.action})" if signal is not None else what
    return (
        f"{which} came with {_safe(name)}, which the alert of {ist(repeat.first_at):%d %b %H:%M:%S} IST has"
    )


def not_stored(count: int, first: datetime, last: datetime, why: str) -> str:
    """Alerts were answered 503; told when the database takes messages again."""
    alerts = "1 alert was" if count == 1 else f"{count} alerts were"
    until = f" to {ist(last):%H:%M:%S}" if count > 1 else ""
    return (
        f"🚨 <b>{alerts} not stored</b>, {ist(first):%d %b %H:%M:%S}{until} IST: {_safe(why)}\n"
        "Each was answered 503, after which TradingView sends it again at most three times within 15 s. Look "
        "at /alerts: what is missing there was not acted on."
    )


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
