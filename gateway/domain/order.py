"""Intents and orders: their states, the one table of transitions, and the tag that finds an order again."""

import base64
import hashlib
import random
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from typing import NewType

AlertId = NewType("AlertId", str)
IntentId = NewType("IntentId", str)
#: At most 20 alphanumeric characters, unique for each intent (facts/kite.md 2.2).
Tag = NewType("Tag", str)
#: In a millisecond.
_NANOSECONDS = 1_000_000


@unique
class AlertState(StrEnum):
    """What became of an alert at the door and in planning."""

    RECEIVED = "received"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    STALE = "stale"
    REFUSED = "refused"
    PLANNED = "planned"


@unique
class IntentState(StrEnum):
    """An order decided on, up to the one call that places it."""

    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    EXPIRED = "expired"
    APPROVED = "approved"
    #: Claimed: the call to the broker has begun or is about to; from here on an order may exist.
    PLACING = "placing"
    PLACED = "placed"
    REFUSED = "refused"
    #: No answer: settled by the order book, then by the owner; never by a second call.
    UNKNOWN = "unknown"
    #: Unknown, and the owner says that no order exists.
    CLOSED = "closed"


@unique
class OrderState(StrEnum):
    """An order the broker has."""

    PLACED = "placed"
    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@unique
class GuardState(StrEnum):
    """One stop, target or both around a holding. Each attempt to place one is a guard of its own."""

    #: To be placed, or (a target watched by the gateway) to be set up.
    WANTED = "wanted"
    #: The call to the broker has begun or is about to; from here on it may exist there.
    PLACING = "placing"
    #: No answer: settled by the broker's list of triggers, never by a second call.
    UNKNOWN = "unknown"
    #: At the broker, or watched.
    ACTIVE = "active"
    #: It went off: its units are being sold, which does not mean that they are sold.
    TRIGGERED = "triggered"
    #: Its units are sold.
    DONE = "done"
    #: Taken away: nothing of it is left at the broker.
    REMOVED = "removed"
    #: It could not be placed, or what it released did not sell.
    FAILED = "failed"


#: The one table of transitions: for each word, from each of its states, where an arrow leads. (By word,
#: because members of different StrEnums with one text are equal: AlertState.REFUSED == IntentState.REFUSED.)
#: The arrows into IntentState.PLACED other than from PLACING are adoptions: the broker's book shows an order
#: with the intent's tag, and the book is the truth whatever we had written (a backup restored, an answer
#: misread). PLACING has one way in: the claim. So with the arrows into GuardState.TRIGGERED from a guard that
#: was thought gone: an order that it released proves that it was not.
TRANSITIONS: dict[type[StrEnum], dict[StrEnum, frozenset[StrEnum]]] = {
    AlertState: {
        AlertState.RECEIVED: frozenset({AlertState.STALE, AlertState.REFUSED, AlertState.PLANNED}),
        AlertState.INVALID: frozenset(),
        AlertState.DUPLICATE: frozenset(),
        AlertState.STALE: frozenset(),
        AlertState.REFUSED: frozenset(),
        AlertState.PLANNED: frozenset(),
    },
    IntentState: {
        IntentState.PLANNED: frozenset(
            {IntentState.AWAITING_APPROVAL, IntentState.APPROVED, IntentState.REFUSED, IntentState.PLACED}
        ),
        IntentState.AWAITING_APPROVAL: frozenset(
            {
                IntentState.REJECTED,
                IntentState.EXPIRED,
                IntentState.APPROVED,
                IntentState.REFUSED,
                IntentState.PLACED,
            }
        ),
        IntentState.REJECTED: frozenset({IntentState.PLACED}),
        IntentState.EXPIRED: frozenset({IntentState.PLACED}),
        IntentState.APPROVED: frozenset(
            {IntentState.PLACING, IntentState.REFUSED, IntentState.EXPIRED, IntentState.PLACED}
        ),
        # REFUSED also covers "not sent": no order exists, and `refused_by` says which it was.
        IntentState.PLACING: frozenset({IntentState.PLACED, IntentState.REFUSED, IntentState.UNKNOWN}),
        IntentState.PLACED: frozenset(),
        IntentState.REFUSED: frozenset({IntentState.PLACED}),
        IntentState.UNKNOWN: frozenset({IntentState.PLACED, IntentState.CLOSED}),
        IntentState.CLOSED: frozenset({IntentState.PLACED}),
    },
    OrderState: {
        OrderState.PLACED: frozenset(
            {
                OrderState.OPEN,
                OrderState.PARTLY_FILLED,
                OrderState.FILLED,
                OrderState.CANCELLED,
                OrderState.REJECTED,
            }
        ),
        OrderState.OPEN: frozenset(
            {OrderState.PARTLY_FILLED, OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED}
        ),
        OrderState.PARTLY_FILLED: frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED}),
        OrderState.FILLED: frozenset(),
        OrderState.CANCELLED: frozenset(),
        OrderState.REJECTED: frozenset(),
    },
    GuardState: {
        GuardState.WANTED: frozenset(
            {
                GuardState.PLACING,
                GuardState.ACTIVE,
                GuardState.TRIGGERED,
                GuardState.REMOVED,
                GuardState.FAILED,
            }
        ),
        GuardState.PLACING: frozenset(
            {GuardState.ACTIVE, GuardState.UNKNOWN, GuardState.REMOVED, GuardState.FAILED}
        ),
        GuardState.UNKNOWN: frozenset({GuardState.ACTIVE, GuardState.REMOVED, GuardState.FAILED}),
        GuardState.ACTIVE: frozenset({GuardState.TRIGGERED, GuardState.REMOVED, GuardState.FAILED}),
        GuardState.TRIGGERED: frozenset({GuardState.DONE, GuardState.FAILED}),
        GuardState.DONE: frozenset({GuardState.TRIGGERED}),
        GuardState.REMOVED: frozenset({GuardState.TRIGGERED}),
        GuardState.FAILED: frozenset({GuardState.ACTIVE, GuardState.TRIGGERED}),
    },
}


def may_move(origin: StrEnum, goal: StrEnum) -> bool:
    """Whether the table has an arrow from `origin` to `goal`, two states of one word."""
    return type(goal) is type(origin) and goal in TRANSITIONS[type(origin)][origin]


#: Intents that may still lead to an order, or already have one we do not know the end of.
LIVE_INTENTS = frozenset(
    {
        IntentState.PLANNED,
        IntentState.AWAITING_APPROVAL,
        IntentState.APPROVED,
        IntentState.PLACING,
        IntentState.UNKNOWN,
    }
)
#: Of these, those that are more than a question to the owner. A question sells nothing, so exits count from
#: here on; entries count while they are asked about, too, for what is approved is to fit every limit.
DECIDED_INTENTS = LIVE_INTENTS - {IntentState.AWAITING_APPROVAL}
#: Guards that are, or may be, around a holding.
OPEN_GUARDS = frozenset(
    {
        GuardState.WANTED,
        GuardState.PLACING,
        GuardState.UNKNOWN,
        GuardState.ACTIVE,
        GuardState.TRIGGERED,
    }
)
#: Orders that may still fill.
WORKING_ORDERS = frozenset({OrderState.PLACED, OrderState.OPEN, OrderState.PARTLY_FILLED})


@unique
class Side(StrEnum):
    """Which way the broker is to trade."""

    BUY = "BUY"
    SELL = "SELL"


@unique
class Purpose(StrEnum):
    """Why an intent exists: entries meet every limit, exits none of the limits on entries."""

    ENTRY = "entry"
    EXIT = "exit"
    #: An exit by the owner's hand, by the day's end or by the kill switch: not even that switch stops it.
    CLOSE = "close"


@unique
class Venue(StrEnum):
    """Where an order goes."""

    PAPER = "paper"
    LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class OrderTicket:
    """What is sent to the broker: quantity in units, prices in rupees on the tick.

    `market_protection` (percent, or -1 for the broker's own band) goes with MARKET only and is
    obligatory there (facts/kite.md 2.3).
    """

    tag: Tag
    exchange: str
    tradingsymbol: str
    side: Side
    quantity: int
    product: str
    order_type: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    market_protection: Decimal | None = None
    validity: str = "DAY"
    variety: str = "regular"


@dataclass(frozen=True, kw_only=True)
class BrokerOrder:
    """One row of the broker's order book, at one moment. Prices in rupees, quantities in units."""

    order_id: str
    status: str
    status_message: str | None
    tags: frozenset[str]
    exchange: str
    tradingsymbol: str
    side: Side
    product: str
    variety: str
    quantity: int
    filled_quantity: int
    pending_quantity: int
    cancelled_quantity: int
    average_price: Decimal
    order_timestamp: datetime | None
    price: Decimal = Decimal(0)
    #: The GTT that released it; None for all other orders.
    gtt_id: int | None = None

    @property
    def state(self) -> OrderState:
        """The broker's word as our state; an unknown word is a living order (facts/kite.md 3.1)."""
        return order_state(self.status, self.filled_quantity)


@dataclass(frozen=True, kw_only=True)
class BrokerTrade:
    """One trade of an order. `trade_id` is unique on its exchange and day only (facts/kite.md 3.2)."""

    trade_id: str
    order_id: str
    exchange: str
    tradingsymbol: str
    side: Side
    quantity: int
    price: Decimal
    filled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class BrokerPosition:
    """The account's net position in one contract and product, in units (short is negative)."""

    exchange: str
    tradingsymbol: str
    product: str
    quantity: int
    average_price: Decimal
    last_price: Decimal


def order_state(status: str, filled_quantity: int) -> OrderState:
    """Kite's status as our state; variants such as `CANCELLED AMO` count by their beginning."""
    word = status.upper()
    if word == "COMPLETE":
        return OrderState.FILLED
    if word.startswith("CANCELLED"):
        return OrderState.CANCELLED
    if word.startswith("REJECTED"):
        return OrderState.REJECTED
    if filled_quantity > 0:
        return OrderState.PARTLY_FILLED
    return OrderState.OPEN if word in _AT_EXCHANGE else OrderState.PLACED


_AT_EXCHANGE = frozenset(
    {"OPEN", "TRIGGER PENDING", "MODIFIED", "MODIFY PENDING", "MODIFY VALIDATION PENDING", "CANCEL PENDING"}
)


def new_alert_id() -> AlertId:
    """An id: 20 characters [0-9a-f], its millisecond and then chance.

    What comes together lies together in the database's indexes: with ids of chance alone each alert wrote
    another page of each index. It is no secret: who asks by it proves otherwise that he may.
    """
    return AlertId(f"{time.time_ns() // _NANOSECONDS:012x}{random.getrandbits(32):08x}")


def make_tag(alert_id: AlertId, part: int) -> Tag:
    """The tag of the `part`-th intent of an alert: the same at every restart, 18 characters [A-Z2-7]."""
    digest = hashlib.sha256(f"{alert_id}/{part}".encode()).digest()
    return Tag("MJ" + base64.b32encode(digest[:10]).decode("ascii"))
