"""The verdict on a trial: by the exchange's own books first, then by ours. Pure.

The promises are those of facts/reliability.md 6.2.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway.domain.money import to_paise
from tests.crash.strikes import HOLD
from tests.crash.trial import CONFIRM, STOP, STOP_PRESSED, TWO_SALES, Evidence, Sent

#: The order's end at the exchange, and what we may say of the alert then.
TRUTH = {"COMPLETE": {"filled"}, "REJECTED": {"failed"}, "CANCELLED": {"failed"}}
#: What we may say when the exchange never had an order for it.
NO_ORDER = {"refused", "rejected", "expired", "failed", "unknown", "stale"}
#: What the owner must have been told, by status: one of the words.
TOLD = {
    "filled": ("Filled",),
    "failed": ("Refused by Kite", "Not sent", "Rejected after", "Cancelled", "Failed"),
    "unknown": ("Please look in Kite",),
    "refused": ("Refused", "Not sent"),
    "stale": ("Stale",),
    "expired": ("Expired", "Not sent"),
    "rejected": ("Rejected",),
}
CLEAN, ASKED, TOLD_NO, VIOLATED, MISSED = (
    "as it should",
    "owner asked",
    "not sent, told",
    "violation",
    "not met",
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`outcome` is one of the words above; each violation begins with the promise's number."""

    outcome: str
    violations: tuple[str, ...]


def judge(seen: Evidence) -> Verdict:
    """Every promise over one trial."""
    violations = tuple(dict.fromkeys(_violations(seen)))
    if violations:
        return Verdict(outcome=VIOLATED, violations=violations)
    if seen.trial.strike is not None and not seen.struck:
        return Verdict(outcome=MISSED, violations=())
    return Verdict(outcome=_outcome(seen), violations=())


def _outcome(seen: Evidence) -> str:
    statuses = {life["status"] for life in seen.lives}
    if "unknown" in statuses:
        return ASKED
    traded = [bool(_orders(seen, sent)) for sent in seen.sent]
    if seen.trial.scenario == TWO_SALES:  # the second has nothing left to sell
        traded = [traded[0], any(traded[1:])]
    return CLEAN if all(traded) or _is_refusal(seen) else TOLD_NO


def _is_refusal(seen: Evidence) -> bool:
    """Nothing should come of it: the broker says no, or the owner has stopped everything."""
    return seen.trial.fault in {"429", "refused"} or seen.trial.scenario in (STOP, STOP_PRESSED)


def _violations(seen: Evidence) -> Iterator[str]:
    yield from seen.complaints
    yield from _doubled(seen)
    yield from _unasked(seen)
    yield from _oversold(seen)
    if seen.owed:
        yield f"P9: {seen.owed} messages are still owed"
    if len(seen.lives) != len(seen.sent):
        yield f"P1: {len(seen.sent)} alerts were acknowledged, {len(seen.lives)} are known"
        return
    for sent, life in zip(seen.sent, seen.lives, strict=True):
        yield from _of_alert(seen, sent, life)
    yield from _holding(seen)


def _doubled(seen: Evidence) -> Iterator[str]:
    """P2, by the exchange alone: no two requests of one tag, no two orders of one alert, no stranger."""
    for name in ("attempts", "accepted"):
        fresh = {row["tag"] for row in seen.new(name)}
        for tag, count in Counter(row["tag"] for row in seen.after[name]).items():
            if count > 1 and tag in fresh:
                yield f"P2: {count} {name} carry the tag {tag}"
    known = frozenset(tag for sent in seen.sent for tag in sent.tags)
    for row in seen.new("attempts"):
        if row["tag"] not in known:
            yield f"P2: an order nobody asked for: {row}"
    for sent in seen.sent:
        if sent.action == "BUY" and (count := len(_rows(seen, "accepted", sent))) > 1:
            yield f"P2: {count} orders for one alert"


def _unasked(seen: Evidence) -> Iterator[str]:
    """P3 and P4: nothing before the owner's word, nothing after it."""
    if seen.trial.scenario in (CONFIRM, STOP, STOP_PRESSED) and (seen.unasked or _was_not_asked(seen)):
        yield "P3: an order went out before it was approved"
    if seen.stopped_at is None:
        return
    for row in seen.new("attempts"):
        if datetime.fromisoformat(row["at"]) > seen.stopped_at and not _call_had_begun(seen):
            yield f"P4: a request at {row['at']}, the kill switch was on at {seen.stopped_at.isoformat()}"


def _was_not_asked(seen: Evidence) -> bool:
    return bool(seen.new("attempts")) and not seen.press_again_at


def _call_had_begun(seen: Evidence) -> bool:
    """Held behind the last look at the switch: the request is on its way, and its thrower is told so."""
    strike = seen.trial.strike
    label = strike.label or "" if strike is not None and strike.mode == HOLD else ""
    return label.startswith(("kite.", "execution.cleared"))


def _oversold(seen: Evidence) -> Iterator[str]:
    """P5: in the order of the exchange's trades, what this strategy has sold is never more than it bought."""
    ours = {row["order_id"] for sent in seen.sent for row in _rows(seen, "accepted", sent)}
    held = 0
    for trade in seen.new("trades"):
        if trade["order_id"] in ours:
            held += trade["quantity"] if trade["transaction_type"] == "BUY" else -trade["quantity"]
            if held < 0:
                yield f"P5: {-held} units were sold that nobody held"


def _of_alert(seen: Evidence, sent: Sent, life: dict[str, Any]) -> Iterator[str]:
    status, orders = life["status"], _orders(seen, sent)
    if life["body"].encode() != sent.body:
        yield f"P1: kept as {life['body']!r}, sent as {sent.body!r}"
    if 200 not in sent.answers:
        yield f"P1: never acknowledged: {sent.answers}"
    yield from _contradiction(status, orders)
    yield from _fills(seen, life, orders)
    yield from _messages(seen, status, orders)


def _contradiction(status: str, orders: list[dict[str, Any]]) -> Iterator[str]:
    """P6: what we say of the alert is what the exchange's book says."""
    if not orders:
        if status not in NO_ORDER:
            yield f"P6: we say {status}, the exchange has no order"
        return
    filled = any(order["filled_quantity"] for order in orders)
    allowed = (
        {"filled"} if filled else set().union(*(TRUTH.get(order["status"], {"open"}) for order in orders))
    )
    if status not in allowed:
        yield f"P6: we say {status}, the exchange says {[order['status'] for order in orders]}"


def _fills(seen: Evidence, life: dict[str, Any], orders: list[dict[str, Any]]) -> Iterator[str]:
    """P8: quantity and value of our fills are those of the exchange's trades."""
    ids = {order["order_id"] for order in orders}
    trades = [trade for trade in seen.new("trades") if trade["order_id"] in ids]
    theirs = (
        sum(trade["quantity"] for trade in trades),
        sum(to_paise(Decimal(str(trade["average_price"])) * trade["quantity"]) for trade in trades),
    )
    ours = (
        sum(fill["quantity"] for fill in life["fills"]),
        sum(fill["value_paise"] for fill in life["fills"]),
    )
    if ours[0] != theirs[0] or abs(ours[1] - theirs[1]) > len(trades):
        yield f"P8: we count {ours}, the exchange {theirs} (units, paise)"


def _messages(seen: Evidence, status: str, orders: list[dict[str, Any]]) -> Iterator[str]:
    """P9: the owner was told what is, and never more than was known."""
    texts = [message["text"] for message in seen.messages]
    ever = texts + [edit["text"] for message in seen.messages for edit in message["edits"]]
    words = TOLD.get(status, ())
    if words and not any(word in text for word in words for text in texts):
        yield f"P9: {status}, and the owner was told only {texts}"
    for order in orders:
        if order["status"] == "COMPLETE" and not _told_of_fill(order["order_id"], texts):
            yield f"P9: the fill of {order['order_id']} was not told: {texts}"
    if len(seen.sent) == 1 and (lies := [text for text in _denials(seen) if orders]):
        yield f"P9: the owner was told that no order exists, and there was one: {lies}"
    filled = any(order["status"] == "COMPLETE" for each in seen.sent for order in _orders(seen, each))
    if not filled and any("Filled" in text for text in ever):
        yield f"P9: the owner was told of a fill that never was: {ever}"
    if status == "unknown" and not _has_question(seen.messages):
        yield "P9: unknown, and there is nothing the owner could press"


def _told_of_fill(order_id: str, texts: list[str]) -> bool:
    """A message of its own, with average, slippage and time; the card alone makes no sound."""
    return any(order_id in text and "Alert to fill" in text for text in texts)


def _denials(seen: Evidence) -> list[str]:
    """Messages that say no order exists, written when the exchange had one. Telegram's pace may bring one
    later than it was written, when the same alert has met its next order."""
    accepted = [datetime.fromisoformat(row["at"]).timestamp() for row in seen.new("accepted")]
    written = max(_refused_at(seen), default=float("inf"))
    return [
        message["text"]
        for message in seen.messages
        if "No order exists" in message["text"] and any(at < min(message["date"], written) for at in accepted)
    ]


def _refused_at(seen: Evidence) -> Iterator[float]:
    for life in seen.lives:
        for intent in life["intents"]:
            if intent["state"] == "refused" and intent["settled_at"]:
                yield datetime.fromisoformat(intent["settled_at"]).timestamp()


def _has_question(messages: list[dict[str, Any]]) -> bool:
    labels = [button["text"] for message in messages for row in message["keyboard"] for button in row]
    return any("It is not there" in label for label in labels)


def _holding(seen: Evidence) -> Iterator[str]:
    """P8: what we think the strategy holds is what the exchange's trades leave it."""
    ids = {row["order_id"] for sent in seen.sent for row in _rows(seen, "accepted", sent)}
    signed = [
        trade["quantity"] if trade["transaction_type"] == "BUY" else -trade["quantity"]
        for trade in seen.new("trades")
        if trade["order_id"] in ids
    ]
    if sum(signed) != seen.held:
        yield f"P8: we hold {seen.held} units, the exchange's trades leave {sum(signed)}"


def _rows(seen: Evidence, name: str, sent: Sent) -> list[dict[str, Any]]:
    return [row for row in seen.new(name) if row["tag"] in sent.tags]


def _orders(seen: Evidence, sent: Sent) -> list[dict[str, Any]]:
    return _rows(seen, "orders", sent)
