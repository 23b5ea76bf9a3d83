"""The errors of the domain: one base, few kinds, each a sentence its reader can act on.

ManjhaError
├── InvalidAlert      the alert cannot be understood (answered 400; the owner is told)
├── Refusal           understood, and refused by a rule, a state or a missing thing
├── IllegalMove       a state was to be left by an arrow that does not exist: a fault of ours
├── StorageFailed     nothing was stored; the sender shall send again (503)
└── BrokerError       Kite said no, or said nothing; `outcome` says which
"""

from enum import StrEnum, unique


class ManjhaError(Exception):
    """The base of all errors that are ours."""


class InvalidAlert(ManjhaError):
    """The alert cannot be understood: `field` names the place, the text says what would be right."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class Refusal(ManjhaError):
    """Understood, but not done: `rule` names what stood against it."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule
        self.sentence = sentence


class IllegalMove(ManjhaError):
    """A row was not in the state that the transition leaves from."""


class StorageFailed(ManjhaError):
    """The database did not take it; nothing is stored. `for_all`: it would not take anything else either
    (locked, full, read-only)."""

    def __init__(self, sentence: str, *, for_all: bool = False) -> None:
        super().__init__(sentence)
        self.for_all = for_all


@unique
class Outcome(StrEnum):
    """What a call that failed means for the order it was about (facts/kite.md 10.1)."""

    #: Kite (or the exchange) answered no, definitively: no order exists.
    REFUSED = "refused"
    #: The request never left this machine: no order exists.
    NOT_SENT = "not_sent"
    #: Anything else: an order may exist, only the order book can tell.
    UNKNOWN = "unknown"


@unique
class BrokerFault(StrEnum):
    """Failures that need an answer of their own, whatever call met them."""

    TOKEN = "token"  # noqa: S105  the session is dead: log in again
    STATIC_IP = "static_ip"
    RATE_LIMIT = "rate_limit"
    PERMISSION = "permission"
    MARGIN = "margin"
    PRICE_BAND = "price_band"
    OTHER = "other"


class BrokerError(ManjhaError):
    """A call to the broker failed: `outcome` is what that means, the text is the broker's own words."""

    def __init__(
        self,
        sentence: str,
        *,
        outcome: Outcome,
        fault: BrokerFault = BrokerFault.OTHER,
        code: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.outcome = outcome
        self.fault = fault
        self.code = code
