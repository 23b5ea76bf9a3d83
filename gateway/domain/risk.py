"""What the rules are asked about, and what they answer; the rules are in limits and standing_rules."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from gateway.domain.money import Paise, to_paise
from gateway.domain.order import Purpose, Side
from gateway.domain.quote import Quote

ENTRIES = frozenset({Purpose.ENTRY})
FROM_ALERTS = frozenset({Purpose.ENTRY, Purpose.EXIT})
EVERY_ORDER = frozenset(Purpose)
_ZERO = Paise(0)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The orders of one alert, as they would be sent: units in all, and the option's price if known."""

    purpose: Purpose
    venue: str
    strategy: str
    symbol: str
    tradingsymbol: str
    quantity: int
    lot_size: int
    orders: int
    #: What a unit will cost at most: the limit, else the last price; rupees.
    premium: Decimal | None
    #: Whether the owner sees it, or has seen it, before it goes out.
    asked: bool = False
    #: Whether the day's end closes what it opens.
    squared_off: bool = False
    side: Side = Side.BUY
    #: What the broker says it blocks; None when it was not asked.
    margin: Paise | None = None
    #: At the claim: the option's price when the alert was planned, in rupees; None: not known.
    planned_at: Decimal | None = None
    #: Whether it is about to be sent; before that it is only planned.
    claimed: bool = False

    @property
    def lots(self) -> int:
        """Lots in all."""
        return self.quantity // self.lot_size

    @property
    def cost(self) -> Paise | None:
        """What the premium comes to, if a price is known."""
        return None if self.premium is None else to_paise(self.premium * self.quantity)

    @property
    def needs(self) -> Paise | None:
        """The money it takes: the broker's word, else a purchase's premium; None: not known."""
        if self.margin is not None:
            return self.margin
        return self.cost if self.side is Side.BUY else None


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What was read at the broker before the transaction that judges; None is not known."""

    price: Decimal | None = None
    quote: Quote | None = None
    #: What new orders may take of the account's money.
    available: Paise | None = None


NOTHING_READ = Readings()


@dataclass(frozen=True, kw_only=True)
class World:
    """What stands before the proposal, over the whole account. `positions` are those open or on their way."""

    kill_switch: bool
    halted: str | None
    paused: str | None
    market_open: bool
    past_square_off: bool
    session_alive: bool
    #: Whether the trading calendar has data of today.
    calendar_known: bool
    positions: frozenset[tuple[str, str, str]]
    orders_today: int
    #: After charges.
    realised_today: Paise
    #: What is held gains at the last prices that are known, and the contracts whose price is not.
    open_gain: Paise = _ZERO
    unpriced: tuple[str, ...] = ()
    #: The limit on the day's loss that was reached earlier today; None: none was.
    loss_limit_hit: Paise | None = None
    losses_in_a_row: int = 0
    #: Seconds since midnight IST.
    second_of_day: int = 0
    readings: Readings = NOTHING_READ

    @property
    def loss(self) -> Paise:
        """The day's loss, 0 for a gain: realised after charges, with what is open at its worst. An open gain
        makes no realised loss smaller."""
        return Paise(max(0, -self.realised_today - min(0, self.open_gain)))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much of a limit is used: today, and with the proposal if there is one. `money`: both are paise."""

    key: str
    used: int
    limit: int
    money: bool = False

    @property
    def percent(self) -> int:
        """The share in percent, rounded up: 100 means that nothing is left."""
        return -(-self.used * 100 // self.limit)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rule's no, with the sentence the owner reads: the value, the limit, and what changes it."""

    rule: str
    sentence: str


class Rule(ABC):
    """One promise. `name` is what the owner knows it by: the configuration key, where it has one."""

    name: ClassVar[str]
    #: Which orders it is asked about.
    meets: ClassVar[frozenset[Purpose]] = ENTRIES

    @abstractmethod
    def against(self, proposal: Proposal, world: World) -> str | None:
        """Why not; None when it has nothing against the proposal."""

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """What it could not look at, for want of a reading: no refusal, but the owner hears it."""
        return None

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """How much of its limit is used, with the proposal or (without one) as the day stands."""
        return None


def judge(rules: Iterable[Rule], proposal: Proposal, world: World) -> list[Verdict]:
    """Every no there is, not only the first."""
    asked = [rule for rule in rules if proposal.purpose in rule.meets]
    against = [(rule, rule.against(proposal, world)) for rule in asked]
    return [Verdict(rule=rule.name, sentence=sentence) for rule, sentence in against if sentence]


def left_unjudged(rules: Iterable[Rule], proposal: Proposal, world: World) -> list[str]:
    """What could not be checked, a sentence each."""
    asked = [rule for rule in rules if proposal.purpose in rule.meets]
    return [sentence for rule in asked if (sentence := rule.unjudged(proposal, world))]


def usages(rules: Iterable[Rule], world: World, proposal: Proposal | None = None) -> list[Usage]:
    """How much of each limit is used: with the proposal, or (without one) as the day stands."""
    return [usage for rule in rules if (usage := rule.usage(proposal, world))]
