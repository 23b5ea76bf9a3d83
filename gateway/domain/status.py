"""The one word the outside hears for an alert, from the states of the alert, its intents and their orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique

from gateway.domain.order import WORKING_ORDERS, AlertState, IntentState, OrderState


@unique
class Status(StrEnum):
    """The contract's words."""

    QUEUED = "queued"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    STALE = "stale"
    REFUSED = "refused"
    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    EXPIRED = "expired"
    PLACING = "placing"
    UNKNOWN = "unknown"
    OPEN = "open"
    FILLED = "filled"
    FAILED = "failed"


#: Nothing more will happen by itself.
SETTLED = frozenset(
    {
        Status.INVALID,
        Status.DUPLICATE,
        Status.STALE,
        Status.REFUSED,
        Status.REJECTED,
        Status.EXPIRED,
        Status.FILLED,
        Status.FAILED,
    }
)

_AT_THE_DOOR = {
    AlertState.RECEIVED: Status.QUEUED,
    AlertState.INVALID: Status.INVALID,
    AlertState.DUPLICATE: Status.DUPLICATE,
    AlertState.STALE: Status.STALE,
    AlertState.REFUSED: Status.REFUSED,
}


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One intent and, where there is one, its order."""

    intent: IntentState
    refused_by: str | None
    order: OrderState | None
    filled_quantity: int

    @property
    def status(self) -> Status:
        """This leg's own word."""
        if self.intent is IntentState.PLACED:
            return self._of_order()
        if self.intent is IntentState.REFUSED:
            return Status.REFUSED if self.refused_by == "rules" else Status.FAILED
        return _OF_INTENT[self.intent]

    def _of_order(self) -> Status:
        if self.order is None or self.order in WORKING_ORDERS:
            return Status.OPEN
        return Status.FILLED if self.filled_quantity > 0 else Status.FAILED


_OF_INTENT = {
    IntentState.PLANNED: Status.QUEUED,
    IntentState.AWAITING_APPROVAL: Status.AWAITING_APPROVAL,
    IntentState.APPROVED: Status.QUEUED,
    IntentState.REJECTED: Status.REJECTED,
    IntentState.EXPIRED: Status.EXPIRED,
    IntentState.PLACING: Status.PLACING,
    IntentState.UNKNOWN: Status.UNKNOWN,
    IntentState.CLOSED: Status.FAILED,
}

#: With several legs, the word that matters most comes first.
_RANK = (
    Status.UNKNOWN,
    Status.AWAITING_APPROVAL,
    Status.PLACING,
    Status.QUEUED,
    Status.OPEN,
    Status.FILLED,
    Status.FAILED,
    Status.REFUSED,
    Status.EXPIRED,
    Status.REJECTED,
)


def overall(alert: AlertState, legs: Iterable[Leg]) -> Status:
    """The alert's word: the door's while it was not planned, else the most telling of its legs'."""
    if alert is not AlertState.PLANNED:
        return _AT_THE_DOOR[alert]
    words = {leg.status for leg in legs}
    return next((word for word in _RANK if word in words), Status.QUEUED)
