"""The guard around a holding: a stop, a target or both, resting at the broker as a GTT."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.domain.order import Side


@dataclass(frozen=True, kw_only=True)
class GuardLeg:
    """One trigger and the limit order that it releases; both in rupees on the tick."""

    trigger_price: Decimal
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class GuardTicket:
    """A GTT to be placed: one leg, or two of which the first to trigger ends the other.

    `side` closes the holding, `quantity` is in units. A GTT has no tag, takes LIMIT only, and for index
    options NRML only; Kite reads the direction of a lone trigger from `last_price`, which must be fresh
    (facts/kite.md 2.6).
    """

    exchange: str
    tradingsymbol: str
    side: Side
    quantity: int
    last_price: Decimal
    legs: tuple[GuardLeg, ...]
    product: str = "NRML"

    def __post_init__(self) -> None:
        """Raises ValueError unless there are one or two legs."""
        if len(self.legs) not in (1, 2):
            raise ValueError(f"a guard has one leg or two, not {len(self.legs)}")

    @property
    def ascending(self) -> tuple[GuardLeg, ...]:
        """The legs as Kite wants them, the lower trigger first."""
        return tuple(sorted(self.legs, key=lambda leg: leg.trigger_price))


@dataclass(frozen=True, kw_only=True)
class BrokerGuardLeg:
    """One leg of a GTT as the broker shows it; the last three are None until it has triggered."""

    side: Side
    quantity: int
    product: str
    price: Decimal
    order_id: str | None
    order_status: str | None
    rejection_reason: str | None


@dataclass(frozen=True, kw_only=True)
class BrokerGuard:
    """One GTT of the account. `triggered` is not filled: look at the legs' orders (facts/kite.md 2.6)."""

    trigger_id: int
    status: str
    exchange: str
    tradingsymbol: str
    trigger_prices: tuple[Decimal, ...]
    legs: tuple[BrokerGuardLeg, ...]
    created_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether it may still trigger."""
        return self.status == "active"
