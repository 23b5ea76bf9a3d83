"""The sentences of notices, as Telegram HTML. None says more than is known: placed is not filled."""

import html
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from gateway.domain.limits import loss_in_words
from gateway.domain.market import ist
from gateway.domain.money import Paise, format_rupees, to_paise
from gateway.domain.order import Purpose
from gateway.domain.risk import World
from gateway.exits import LeftOut

#: The names of venues as the owner reads them.
VENUE_BADGES = {"paper": "PAPER", "live": "LIVE"}


def still_asked(deadline: datetime) -> str:
    """After a restart a question is open still; a press while we were down may be lost."""
    return (
        f"🔔 <b>Still waiting for you</b>, until {ist(deadline):%H:%M:%S} IST. Manjha was restarted: a press "
        "in between may not have arrived. Press on the card above if you want it."
    )


#: Of an exit that only the hour or the missing login has stopped.
KEPT = "the exit is kept: once it can go out it does, or is asked about if it is too old by then"

#: Of one that an order of ours stands before.
KEPT_BEHIND = (
    "the exit is kept: when that order is settled it goes out, or is asked about if it is too old by then"
)


def refused(
    alert_id: str,
    strategy: str,
    what: str,
    sentences: Iterable[str],
    *,
    stale: bool,
    closing: str | None = None,
) -> str:
    """Our own rules said no. `closing`: what is closed all the same."""
    title = "Stale alert" if stale else "Refused"
    lines = "\n".join(f"• {_safe(sentence)}" for sentence in sentences)
    return (
        f"⛔ <b>{title}</b> · {_safe(what)} · {_safe(strategy)}\n{lines}\n"
        f"{_ordered(closing)} Alert <code>{alert_id}</code>"
    )


def _ordered(closing: str | None) -> str:
    return "Nothing was ordered." if closing is None else f"Nothing new is opened; {_safe(closing)}."


def exit_without(strategy: str, alert_ids: Iterable[str]) -> str:
    """What is held is being sold; an entry of which nobody knows yet whether it exists is not."""
    ids = ", ".join(f"<code>{_safe(alert_id)}</code>" for alert_id in alert_ids)
    return (
        f"⚠️ The exit of {_safe(strategy)} sells what is held. The BUY of alert {ids} has no clear answer "
        "from Kite yet, and is not sold with it: look in the Kite app."
    )


def another_quantity(what: str, strategy: str, sentence: str) -> str:
    """An exit that closes more or less than its alert says."""
    return f"🔸 <b>Not the alert's quantity</b> · {_safe(what)} · {_safe(strategy)}\n• {_safe(sentence)}"


def closed_by(alert_id: str) -> str:
    """Why nobody is asked about an exit any more."""
    return f"withdrawn: alert {alert_id} closes it"


def asked_anew(alert_id: str) -> str:
    """The same, where the other exit is a question itself."""
    return f"withdrawn: alert {alert_id} asks in its place"


def left_out(what: str, strategy: str, left: Iterable[LeftOut], *, kept: bool) -> str:
    """An exit that does not close all that it means. `kept`: what an order of ours hides is closed later."""
    lines = [f"🔸 <b>Not all of it is closed</b> · {_safe(what)} · {_safe(strategy)}"]
    for each in left:
        line = f"• {each.units} units of {each.contract.title} are left out: {each.why}"
        if each.passes:
            line += f"; {KEPT_BEHIND}" if kept else ". Send the exit again then"
        lines.append(_safe(line))
    return "\n".join(lines)


def order_title(row: Row[Any]) -> str:
    """`BUY 65 NIFTY 24000 CE 01 Dec · RSI · PAPER` for an intent's row."""
    strike = f"{Decimal(row.strike).normalize():f}"
    return (
        f"{row.side} {row.quantity} {_safe(row.name)} {strike} {row.option_type} {row.expiry:%d %b}"
        f" · {_safe(row.strategy)} · {VENUE_BADGES[row.venue]}"
    )


def broker_refused(row: Row[Any], words: str) -> str:
    """Kite's definite no at once: no order exists."""
    return (
        f"❌ <b>Refused by Kite</b> · {order_title(row)}\n{_safe(words)}\nNo order exists.{_still_held(row)}"
    )


def not_sent(row: Row[Any], words: str) -> str:
    """The request never left: no order exists."""
    return f"❌ <b>Not sent</b> · {order_title(row)}\n{_safe(words)}\nNo order exists.{_still_held(row)}"


def less_than_approved(row: Row[Any], left: int) -> str:
    """Some of it was sold while the owner was asked."""
    return (
        f"🔸 <b>Less than approved</b> · {order_title(row)}\n"
        f"• {left} of {row.quantity} units are left to close; the rest was closed since, or is being closed."
    )


def stopped_at_the_claim(row: Row[Any], sentences: Iterable[str], *, held: bool = True) -> str:
    """A rule said no at the last moment. `held`: whether there is anything that an exit could have closed."""
    lines = "\n".join(f"• {_safe(sentence)}" for sentence in sentences)
    still_held = _still_held(row) if held else ""
    return f"⛔ <b>Not sent</b> · {order_title(row)}\n{lines}\nNo order exists.{still_held}"


def not_checked(row: Row[Any], sentences: Iterable[str]) -> str:
    """What a rule could not look at; the order goes its way."""
    lines = "\n".join(f"• {_safe(sentence)}" for sentence in sentences)
    return f"🔸 <b>Not checked</b> · {order_title(row)}\n{lines}"


def daily_loss_reached(venue: str, world: World, limit: Paise, held: Sequence[str], *, flattens: bool) -> str:
    """The day has lost as much as it may; said once."""
    lines = [
        f"🚨 <b>The day's loss has reached its limit</b> · {VENUE_BADGES[venue]}",
        f"Today: {_safe(loss_in_words(world))}. risk.max_daily_loss is {format_rupees(limit)}.",
        "No entry goes out any more today; what entries have working is cancelled.",
        "Exits, stops and targets go on.",
    ]
    if world.unpriced:
        lines.append(f"Not counted, because no price is known: {_safe(', '.join(world.unpriced))}.")
    if held and flattens:
        lines.append("Everything held here is closed now (risk.flatten_on_daily_loss).")
    elif held:
        lines.append(f"Still held: {_safe(', '.join(dict.fromkeys(held)))}. /squareoff closes it.")
    lines.append("To allow more today, raise risk.max_daily_loss in the configuration and restart.")
    return "\n".join(lines)


def outcome_unknown(row: Row[Any], words: str) -> str:
    """No answer: an order may exist."""
    return (
        f"❓ <b>No clear answer from Kite yet</b> · {order_title(row)}\n{_safe(words)}\n"
        f"An order may exist. Looking for it in Kite's order book by its tag <code>{row.tag}</code>; "
        "nothing is sent again. Do not order it by hand meanwhile: it is found within minutes, or you are "
        "asked."
    )


def still_unknown(row: Row[Any], looked: timedelta) -> str:
    """The book stayed silent past the horizon: the owner must look."""
    return (
        f"🆘 <b>Please look in Kite</b> · {order_title(row)}\n"
        f"After {looked.total_seconds():.0f} s the order book shows no order with the tag "
        f"<code>{row.tag}</code>. "
        "Look in the Kite app, then say below what you see. Nothing is sent by itself."
    )


def book_not_read(venue: str, words: str) -> str:
    """Nothing is placed until the book was read, and fills may go unseen."""
    return (
        f"⚠️ <b>Kite's order book cannot be read</b> ({venue}): {_safe(words)}\n"
        "Until it can, fills may not be seen, and after a start nothing is sent. It is tried on and on."
    )


def found(row: Row[Any], order_id: str) -> str:
    """An order that was unknown, or thought dead, is in the book."""
    return (
        f"🔎 <b>Order found</b> in Kite's book · {order_title(row)}\n"
        f"Order <code>{_safe(order_id)}</code> is followed from here on."
    )


def two_orders(row: Row[Any], order_ids: Iterable[str]) -> str:
    """One tag on two orders: must never be."""
    ids = ", ".join(f"<code>{_safe(order_id)}</code>" for order_id in sorted(order_ids))
    return (
        f"🚨 <b>Two orders carry one tag</b> · {order_title(row)}\n{ids}\n"
        "Only one of them is Manjha's. Check the Kite app now."
    )


def filled(row: Row[Any], order: Row[Any], after: timedelta) -> str:
    """A complete fill: average, slippage against the price at the alert, alert-to-fill time."""
    if not order.average_price:
        return (
            f"✅ <b>Filled</b> · {order_title(row)}\n{order.filled_quantity} units; Kite has not said the "
            "price yet, it follows."
        )
    total = to_paise(order.average_price * order.filled_quantity)
    began = "Trigger" if row.guard_id else "Alert"
    return (
        f"✅ <b>Filled</b> · {order_title(row)}\n"
        f"{order.filled_quantity} @ ₹{order.average_price:.2f} = {format_rupees(total)}"
        f"{_slippage(row, order)}\n"
        f"{began} to fill {seconds(after)} · order <code>{_safe(order.order_id)}</code>"
    )


def oversold(row: Row[Any], units: int) -> str:
    """More was closed than the strategy held."""
    done, now = ("bought", "long") if row.side == "BUY" else ("sold", "short")
    return (
        f"🚨 <b>{units} units too many were {done}</b> · {order_title(row)}\n"
        f"Its strategy did not hold them any more: the account may be {now}. Look at the positions in the "
        "Kite app now, and close there what should not be."
    )


def ended_unfilled(row: Row[Any], order: Row[Any]) -> str:
    """Rejected by the exchange or cancelled; with the broker's words, and what was filled before."""
    rejected = order.state == "rejected"
    title = "Rejected after it was accepted" if rejected else "Cancelled"
    words = f"\n{_safe(order.status_message)}" if order.status_message else ""
    if order.filled_quantity:
        part = (
            f"\n{order.filled_quantity} of {order.quantity} units were filled @ ₹{order.average_price:.2f} "
            "and are held."
            if row.purpose == "entry"
            else f"\n{order.filled_quantity} of {order.quantity} units were "
            f"{'bought back' if row.side == 'BUY' else 'sold'} @ ₹{order.average_price:.2f}."
        )
    else:
        again = (
            " To have it after all, send a new alert or /buy." if rejected and row.purpose == "entry" else ""
        )
        part = f"\nNothing was filled.{again}{_still_held(row)}"
    return f"{'❌' if rejected else '⚪'} <b>{title}</b> · {order_title(row)}{words}{part}"


def chased(row: Row[Any], quantity: int, attempt: int, most: int) -> str:
    """The rest of an order is sent anew at a price of now."""
    urgency = "🔁" if attempt == 1 else "⚠️"
    return (
        f"{urgency} <b>Sent anew</b>, {attempt} of {most} · {order_title(row)}\n"
        f"{quantity} units were not filled; they go out again at a price of now."
    )


def not_cancelled(row: Row[Any], order_id: str, words: str) -> str:
    """An order that neither fills nor can be taken back."""
    return (
        f"⚠️ <b>Cannot be cancelled</b> · {order_title(row)}\n"
        f"Order <code>{_safe(order_id)}</code>: {_safe(words)}\n"
        "It is asked for again every 15 s. Look in the Kite app."
    )


def chase_given_up(row: Row[Any]) -> str:
    """The owner must act."""
    return (
        f"🚨 <b>Not closed</b> · {order_title(row)}\n"
        "It was re-priced as often as allowed and is still not filled. Close it in the Kite app now."
    )


def _slippage(row: Row[Any], order: Row[Any]) -> str:
    """What the fill cost against the premium at the alert: positive is worse, for either side."""
    if not row.premium:
        return ""
    difference = order.average_price - row.premium
    worse = difference if row.side == "BUY" else -difference
    rupees = format_rupees(to_paise(worse * order.filled_quantity), sign=True)
    return f" · slippage {worse:+.2f} ({worse / row.premium * 100:+.2f} %) = {rupees}"


def _still_held(row: Row[Any]) -> str:
    """What to do about an exit that did not come off."""
    if row.purpose == Purpose.ENTRY:
        return ""
    return " It is still held: see /positions; close it with /squareoff, or in the Kite app."


def seconds(span: timedelta) -> str:
    """A time span for a reader."""
    total = span.total_seconds()
    return (
        f"{total * 1000:.0f} ms" if total < 1 else f"{total:.1f} s" if total < 60 else f"{total / 60:.0f} min"
    )


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
