"""What a day was besides its profit: the alerts and what became of them, slippage, what stays open."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from gateway.domain.money import Paise, to_paise
from gateway.domain.order import IntentState, Side
from gateway.domain.status import Status
from gateway.views import AlertView, alert_view
from storage import holdings, intents, trades
from storage.tables import alerts

#: Of more alerts in a day only the newest are looked into.
LOOKED_INTO = 3000
REASONS_SHOWN = 3
_REFUSED = frozenset({Status.REFUSED, Status.FAILED, Status.INVALID, Status.STALE})


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One trading date over all venues, and what is held at this moment."""

    statuses: Counter[Status]
    #: The most frequent reasons why nothing was ordered, or why the broker said no.
    reasons: tuple[tuple[str, int], ...]
    #: What the fills cost against the premium at the alert, and that premium; None: no fill had one.
    slippage: Paise | None
    expected: Paise
    held: tuple[Row[Any], ...]
    #: Orders of which nobody knows yet whether they exist.
    unknown: int
    fills: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.statuses and not self.fills and not self.held and not self.unknown


def ledger_of(connection: Connection, since: datetime) -> Ledger:
    """The day that began at `since` (midnight IST)."""
    views = [view for view in _views(connection, since) if view.status is not Status.DUPLICATE]
    fills = trades.between(connection, since, since + timedelta(days=1))
    slippage, expected = _slippage(fills)
    reasons = Counter(reason for view in views if view.status in _REFUSED and (reason := _reason(view)))
    return Ledger(
        statuses=Counter(view.status for view in views),
        reasons=tuple(reasons.most_common(REASONS_SHOWN)),
        slippage=slippage,
        expected=expected,
        held=tuple(holdings.open_(connection)),
        unknown=len(intents.in_state(connection, IntentState.UNKNOWN)),
        fills=len(fills),
    )


def _views(connection: Connection, since: datetime) -> list[AlertView]:
    # Alerts are numbered as they come: from the newest back, not through all there ever were.
    newest = select(alerts.c.id, alerts.c.received_at).order_by(alerts.c.seq.desc()).limit(LOOKED_INTO)
    of_day = [
        row.id for row in connection.execute(newest) if since <= row.received_at < since + timedelta(days=1)
    ]
    views = (alert_view(connection, alert_id) for alert_id in of_day)
    return [view for view in views if view is not None]


def _reason(view: AlertView) -> str | None:
    of_intents = (row.reason for row in view.intents if row.reason)
    of_orders = (row.status_message for row in view.orders.values() if row.status_message)
    found: str | None = view.row.reason or next(of_orders, None) or next(of_intents, None)
    return found


def _slippage(fills: Sequence[Row[Any]]) -> tuple[Paise | None, Paise]:
    """Positive is worse, for either side (as in the notice of a fill)."""
    priced = [row for row in fills if row.premium and row.value_paise]
    expected = [_premium(row.premium, row.quantity) for row in priced]
    worse = sum(
        row.value_paise - planned if row.side == Side.BUY else planned - row.value_paise
        for row, planned in zip(priced, expected, strict=True)
    )
    return (Paise(worse) if priced else None), Paise(sum(expected))


def _premium(premium: Decimal, quantity: int) -> Paise:
    return to_paise(premium * quantity)
