"""The card of an exit that could not go out: why, what is held, and what the owner may say. Pure."""

import html

from bot.cards import Button, Card
from gateway.kept_exits import KeptView
from gateway.wording import VENUE_BADGES
from storage.kept_exits import PATIENT, KeptState

#: The head of these buttons' data.
KEPT = "e"

_TITLES = {
    KeptState.WAITING: "⏳ Exit kept",
    KeptState.BEHIND: "⏳ Exit kept",
    KeptState.OFFERED: "🚨 Exit not filled",
    KeptState.SENT: "🔁 Exit came in again",
    KeptState.LEFT: "⚪ Exit left",
    KeptState.GONE: "⚪ Exit not needed any more",
}


def kept_card(view: KeptView) -> Card:
    """Buttons while something is to be decided."""
    row = view.row
    lines = [
        f"<b>{_TITLES[KeptState(row.state)]}</b> · {html.escape(row.strategy)} · {VENUE_BADGES[row.venue]}",
        html.escape(row.why, quote=False),
    ]
    if view.is_standing:
        lines += [f"Held: {html.escape(symbol)} {units}" for symbol, units in view.contracts]
    if row.state == KeptState.WAITING:
        lines.append("Once it can go out it does; if it is too old by then, you are asked.")
    elif row.state == KeptState.BEHIND:
        lines.append("When that order is settled it goes out; if it is too old by then, you are asked.")
    elif row.state == KeptState.OFFERED:
        lines.append("<b>It is still held.</b> Sell it now, or close it in the Kite app.")
    elif row.sent_as:
        lines.append(f"As alert <code>{html.escape(row.sent_as)}</code>.")
    lines.append(f"Alert <code>{row.alert_id}</code>")
    return Card(text="\n".join(lines), buttons=_buttons(view))


def _buttons(view: KeptView) -> tuple[tuple[Button, ...], ...]:
    row = view.row
    if not view.is_standing:
        return ()
    leave = Button(label="Do not sell", data=f"{KEPT}:{row.alert_id}:k")
    if row.state in PATIENT:
        return ((leave,),)
    return ((Button(label="Sell now", data=f"{KEPT}:{row.alert_id}:s", style="danger"), leave),)
