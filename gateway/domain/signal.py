"""The signal: what an alert says, parsed. What it leaves out is None: the strategy's settings may say it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum, unique

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gateway.domain.contract import OptionType

#: The strategy of an alert that names none.
DEFAULT_STRATEGY = "default"


@unique
class Action(StrEnum):
    """What the alert wants done."""

    #: Open (or, for a strategy that writes options, buy back).
    BUY = "BUY"
    #: Close what the strategy holds, up to the quantity named.
    SELL = "SELL"
    #: Close all that the strategy holds of what is named.
    EXIT = "EXIT"


@unique
class MarketPosition(StrEnum):
    """Which of TradingView's positions an exit leaves, where it says so: an index held long or short."""

    #: By options that were bought. (A strategy may open its long with either type; one that has bought both
    #: is long by its calls.)
    LONG = "long"
    #: By puts that were bought, or by options that were written. A bought call is never short.
    SHORT = "short"

    def is_of(self, side: str, option_type: str) -> bool:
        """Whether an option that was opened on that side (BUY, SELL) can be such a position."""
        bought = side == "BUY"
        return bought if self is MarketPosition.LONG else not bought or option_type == OptionType.PE

    def narrowed(self, bought: Collection[str]) -> OptionType | None:
        """The one option type it means of a strategy that has bought these; None where it is no matter."""
        both = {OptionType.CE, OptionType.PE} <= set(bought)
        return OptionType.CE if self is MarketPosition.LONG and both else None


@unique
class StrikeKind(StrEnum):
    """How a strike is said."""

    #: An index level; the nearest listed strike is taken.
    PRICE = "price"
    #: Listed strikes above (+) or below (-) the one nearest to the index.
    ATM = "atm"
    #: Listed strikes into the money.
    ITM = "itm"
    #: Listed strikes out of the money.
    OTM = "otm"


@dataclass(frozen=True, kw_only=True)
class StrikeRule:
    """A strike: `value` is an index level for PRICE, a count of listed strikes otherwise."""

    kind: StrikeKind
    value: Decimal


@unique
class ExpiryKind(StrEnum):
    """How an expiry is said."""

    DATE = "date"
    #: The nearest expiry of any kind that has not passed.
    WEEKLY = "weekly"
    #: The nearest expiry that is the last of its month.
    MONTHLY = "monthly"
    #: The expiry after the nearest.
    NEXT = "next"


@dataclass(frozen=True, kw_only=True)
class ExpiryRule:
    """An expiry; `day` only for DATE."""

    kind: ExpiryKind
    day: date | None = None


@unique
class LevelKind(StrEnum):
    """How a stop or a target is said."""

    #: An option price in rupees.
    PRICE = "price"
    #: Percent of the fill price, signed (-20 means 20 % below).
    PERCENT = "percent"


@dataclass(frozen=True, kw_only=True)
class Level:
    """A stop-loss or a target."""

    kind: LevelKind
    value: Decimal


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert says that its entry must not drop in silence: as InvalidAlert, `field` names the place.

    `option_type`: it speaks only against an entry of that type; None: against every one.
    """

    field: str
    sentence: str
    option_type: OptionType | None = None


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, understood. Quantity in units; times aware, UTC; `price` as sent (chart's or option's)."""

    action: Action
    strategy: str = DEFAULT_STRATEGY
    symbol: str | None = None
    option_type: OptionType | None = None
    strike: StrikeRule | None = None
    quantity: int | None = None
    lots: int | None = None
    expiry: ExpiryRule | None = None
    stop_loss: Level | None = None
    target: Level | None = None
    #: How far below the highest price seen the stop follows; PERCENT of that price, or rupees.
    trailing_stop: Level | None = None
    id: str | None = None
    time: datetime | None = None
    price: Decimal | None = None
    market_position: str | None = None
    prev_market_position: str | None = None
    position_size: Decimal | None = None
    #: Of an exit that says what it leaves (`close short`): nothing else is closed.
    position: MarketPosition | None = None
    #: For exits from inside (the owner's hand, the day's end, the kill switch); no outside alert sets these.
    by_owner: bool = False
    tradingsymbol: str | None = None
    product: str | None = None
    #: Fields that were sent and mean nothing here; shown to the owner, never acted on.
    ignored: tuple[str, ...] = ()
    #: What refuses it where it opens, and has no bearing on what it closes. Unset it is not written: the same
    #: alert, sent again after an upgrade, is known by what its signal was written as before.
    objections: tuple[Objection, ...] | UnsetType = UNSET


def objection_to(entry: Signal) -> Objection | None:
    """What refuses it as an entry; None without any. Of no option type yet, only what refuses every one."""
    objections = entry.objections or ()
    return next((each for each in objections if each.option_type in (None, entry.option_type)), None)


def what_is_said(signal: Signal) -> Signal:
    """What an alert wants done, without what is new each time it is sent."""
    return replace(signal, time=None, price=None, ignored=(), objections=UNSET)
