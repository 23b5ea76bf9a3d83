"""The sentences about guards, as Telegram HTML. Placed is not triggered, and triggered is not sold."""

import html
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from gateway.domain.guarding import Edge
from gateway.domain.money import format_rupees, to_paise
from gateway.wording import VENUE_BADGES

#: Why nobody is asked about an exit any more.
REACHED = "withdrawn: its stop or target was reached"


def title(row: Row[Any]) -> str:
    """`65 NIFTY 24000 CE 01 Dec · RSI · LIVE` for a guard's or a holding's row."""
    strike = f"{Decimal(row.strike).normalize():f}"
    return (
        f"{row.quantity} {_safe(row.name)} {strike} {row.option_type} {row.expiry:%d %b}"
        f" · {_safe(row.strategy)} · {VENUE_BADGES[row.venue]}"
    )


def levels(stop: Decimal | None, target: Decimal | None) -> str:
    """`stop ₹120.00 · target ₹195.00`."""
    named = (("stop", stop), ("target", target))
    return " · ".join(f"{word} {rupees(price)}" for word, price in named if price is not None)


def at_kite(row: Row[Any], moved: Iterable[str]) -> str:
    """The broker has the GTT."""
    return "\n".join(
        [
            f"🛡 <b>Guard at Kite</b> (GTT <code>{row.trigger_id}</code>) · {title(row)}",
            f"{levels(row.stop_trigger, row.target_trigger)}; {_limits(row)}",
            *map(_safe, moved),
        ]
    )


def _limits(row: Row[Any]) -> str:
    limits = (("stop", row.stop_limit), ("target", row.target_limit))
    said = " and ".join(f"{rupees(price)} ({word})" for word, price in limits if price is not None)
    return f"{'buys back' if row.opened_by == 'SELL' else 'sells'} at the market {_as_far(row)} {said}"


def _as_far(row: Row[Any]) -> str:
    return "up to" if row.opened_by == "SELL" else "down to"


def _not_yet(row: Row[Any]) -> str:
    return "Not bought back yet" if row.opened_by == "SELL" else "Not sold yet"


def _closing(row: Row[Any]) -> str:
    """Which way a guard's holding is closed; an exit says it itself."""
    known = row._mapping  # noqa: SLF001  its public name
    if "opened_by" in known:
        return "BUY" if known["opened_by"] == "SELL" else "SELL"
    return str(known["side"])


def problems(row: Row[Any], sentences: Iterable[str], *, naked: bool) -> str:
    """A level that guards nothing."""
    head = "⚠️ <b>No guard</b>" if naked else "⚠️ <b>Only half a guard</b>"
    tail = "\n<b>This holding has neither stop nor target. Watch it yourself.</b>" if naked else ""
    return f"{head} · {title(row)}\n" + "\n".join(map(_safe, sentences)) + tail


def refused(row: Row[Any], words: str) -> str:
    """The broker did not take it; it is tried again."""
    return (
        f"⚠️ <b>Guard not placed</b> · {title(row)}\n{_safe(words)}\n"
        "It is tried again. Until then Manjha watches the price itself and closes when a level is reached."
    )


def stop_refused(row: Row[Any], why: str) -> str:
    """A stop order that the broker or the exchange did not take."""
    return (
        f"⚠️ <b>Unguarded: stop order refused</b> · {title(row)}\n{_safe(why)}\n"
        f"The stop of {rupees(row.stop)} does not rest at the exchange. It is tried again; until then Manjha "
        "watches the price, while it runs and is logged in. To be sure, place a stop in the Kite app, or "
        "close with /squareoff."
    )


def no_answer(row: Row[Any], words: str) -> str:
    """It may exist."""
    return (
        f"❓ <b>No clear answer to the guard yet</b> · {title(row)}\n{_safe(words)}\n"
        "It may be at Kite. Looking for it in Kite's list of triggers; no second one is placed meanwhile."
    )


def never_seen(row: Row[Any]) -> str:
    """No list showed it."""
    return (
        f"⚠️ <b>Guard not found at Kite</b> · {title(row)}\n"
        "Kite's list of triggers never showed it; it is placed anew. Should the first one show up after all, "
        "it is taken away."
    )


def vanished(row: Row[Any], status: str) -> str:
    """Somebody else took it away."""
    return (
        f"⚠️ <b>Guard gone at Kite</b> (GTT <code>{row.trigger_id}</code>: {_safe(status)}) · {title(row)}\n"
        "Manjha did not take it away. It is placed anew while this is held."
    )


def moved_by_hand(row: Row[Any], stop: Decimal | None, target: Decimal | None) -> str:
    """Somebody else changed its triggers."""
    return (
        f"✋ <b>Guard changed at Kite</b> (GTT <code>{row.trigger_id}</code>) · {title(row)}\n"
        f"Now {levels(stop, target)}. It stays as it was put there."
    )


def triggered(row: Row[Any], edge: Edge | None, price: Decimal, order_id: str | None) -> str:
    """It went off; nothing is said of a fill."""
    what = {Edge.STOP: "Stop", Edge.TARGET: "Target"}.get(edge, "Guard") if edge else "Guard"
    order = f"order <code>{_safe(order_id)}</code>, " if order_id else ""
    return (
        f"⚡ <b>{what} triggered</b> · {_closing(row)} {title(row)}\n"
        f"{order}limit {rupees(price)}. {_not_yet(row)}: the fill is told when it comes. "
        "If none is told within a minute, see /positions and close it with /squareoff or in the Kite app."
    )


def reached(row: Row[Any], edge: Edge, last: Decimal) -> str:
    """A level that the gateway itself watched."""
    level = row.stop if edge is Edge.STOP else row.target
    return (
        f"⚡ <b>{edge.capitalize()} reached</b> · {_closing(row)} {title(row)}\n"
        f"The price is {rupees(last)}, the {edge} {rupees(level)}. "
        f"{_not_yet(row)}: the fill is told when it comes. "
        "If none is told within a minute, see /positions and close it with /squareoff or in the Kite app."
    )


def child_refused(row: Row[Any], words: str) -> str:
    """It went off, and what it released was refused."""
    return (
        f"🚨 <b>Guard triggered, its order refused</b> (GTT <code>{row.trigger_id}</code>) · {title(row)}\n"
        f"{_safe(words)}\nNothing was closed by it. An exit of Manjha's own follows at once."
    )


def child_unknown(row: Row[Any]) -> str:
    """It went off, and the broker does not say what came of it."""
    return (
        f"🚨 <b>Guard triggered, and no order is shown for it</b> (GTT <code>{row.trigger_id}</code>) · "
        f"{title(row)}\nNothing is sent a second time. Look in the Kite app now."
    )


def again(row: Row[Any]) -> str:
    """What it released came to nothing; once more."""
    return (
        f"🔁 <b>Guard tries again</b> · {_closing(row)} {title(row)}\n"
        "Its last order ended without a complete fill."
    )


def gave_up(row: Row[Any], why: str) -> str:
    """The owner must act."""
    return (
        f"🚨 <b>Not closed, and not guarded any more</b> · {title(row)}\n{_safe(why)}\n"
        "Close it in the Kite app, or with /squareoff."
    )


def not_raised(row: Row[Any], wanted: Decimal) -> str:
    """Its trailing stop follows no more."""
    return (
        f"⚠️ <b>Stop not raised at Kite</b> (GTT <code>{row.trigger_id}</code>) · {title(row)}\n"
        f"It is to follow the price to {rupees(wanted)} and still lies at {rupees(row.stop_trigger)}. "
        "It is tried on and on."
    )


def taken_away(row: Row[Any], why: str) -> str:
    """Nothing of it is left at the broker."""
    return f"🛡 Guard taken away · {title(row)}\n{_safe(why)}."


def stays_behind(row: Row[Any], words: str) -> str:
    """It cannot be taken away although it should."""
    return (
        f"🚨 <b>Guard cannot be taken away</b> (GTT <code>{row.trigger_id}</code>) · {title(row)}\n"
        f"{_safe(words)}\nIt is tried again. Should it trigger, it would trade what is not held: delete it "
        "in the Kite app."
    )


def surplus(trigger_id: int, tradingsymbol: str) -> str:
    """A GTT of ours that should not be there."""
    return (
        f"🧹 GTT <code>{trigger_id}</code> ({_safe(tradingsymbol)}) showed up late, beside the one in its "
        "place. It is taken away."
    )


def fewer_in_account(row: Row[Any], held: int, net: int) -> str:
    """Somebody closed by hand, or the broker did."""
    return (
        f"🧭 <b>Kite has {net} of {held}</b> · {title(row)}\n"
        "It was closed elsewhere: by hand, or by Zerodha. Its guard is cut to what is there, so that it "
        "cannot sell what nobody holds."
    )


def asleep(count: int, venue: str) -> str:
    """Nobody is logged in."""
    return (
        f"🛡 <b>{count} guard{'s' if count != 1 else ''} left to Kite</b> ({venue}): nobody is logged in. "
        "GTTs and stop orders at Kite go on without Manjha; targets of MIS are not watched, and nothing can "
        "be placed or changed until /login."
    )


def unguarded(row: Row[Any], why: str) -> str:
    """A holding that asked for a guard has none for too long."""
    return (
        f"⚠️ <b>Still no guard</b> · {title(row)}\n{_safe(why)}. Manjha watches the price meanwhile, as far "
        "as it has one."
    )


def not_released(row: Row[Any], words: str) -> str:
    """An exit waits for its stop."""
    return (
        f"⚠️ <b>An exit waits for its stop order to be cancelled</b> · {_closing(row)} {title(row)}\n"
        f"{_safe(words)}\nBoth would trade the same units. It is tried again until the stop is gone."
    )


def rupees(price: Decimal) -> str:
    """A price for a reader."""
    return format_rupees(to_paise(price))


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
