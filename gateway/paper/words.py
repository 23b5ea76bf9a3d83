"""The broker's vocabulary as it stands on the wire (facts/kite.md 2.2, 3.1)."""

from enum import StrEnum


class Status(StrEnum):
    """Where an order stands; UPDATE is an event in the stream and in postbacks, never a state."""

    RECEIVED = "PUT ORDER REQ RECEIVED"
    AMO_RECEIVED = "AMO REQ RECEIVED"
    VALIDATION_PENDING = "VALIDATION PENDING"
    OPEN_PENDING = "OPEN PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER PENDING"
    MODIFY_VALIDATION_PENDING = "MODIFY VALIDATION PENDING"
    MODIFY_PENDING = "MODIFY PENDING"
    MODIFIED = "MODIFIED"
    CANCEL_PENDING = "CANCEL PENDING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    UPDATE = "UPDATE"


TERMINAL = frozenset({Status.COMPLETE, Status.CANCELLED, Status.REJECTED})
WORKING = frozenset({Status.OPEN, Status.TRIGGER_PENDING})


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Product(StrEnum):
    NRML = "NRML"
    MIS = "MIS"


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SLM = "SL-M"


class Validity(StrEnum):
    DAY = "DAY"
    IOC = "IOC"
    TTL = "TTL"


class Variety(StrEnum):
    REGULAR = "regular"
    AMO = "amo"


class Kind(StrEnum):
    """instrument_type in the instrument list."""

    CALL = "CE"
    PUT = "PE"
    FUTURE = "FUT"
    INDEX = "EQ"


class GttType(StrEnum):
    SINGLE = "single"
    TWO_LEG = "two-leg"


class GttStatus(StrEnum):
    ACTIVE = "active"
    TRIGGERED = "triggered"
    EXPIRED = "expired"
    DELETED = "deleted"
