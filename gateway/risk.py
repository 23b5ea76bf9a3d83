"""The rules that may refuse an order: small objects over the proposed world, asked twice: planning, claim.

Exits meet only the kill switch: no limit on entries may ever keep a holding open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from config.settings import Settings
from gateway.domain.money import Paise, format_rupees, to_paise
from gateway.domain.order import Purpose

ENTRIES = frozenset({Purpose.ENTRY})
FROM_ALERTS = frozenset({Purpose.ENTRY, Purpose.EXIT})
EVERY_ORDER = frozenset(Purpose)


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
    premium: Decimal | None
    #: Whether the owner sees it, or has seen it, before it goes out.
    asked: bool = False
    #: Whether the day's end closes what it opens.
    squared_off: bool = False

    @property
    def lots(self) -> int:
        """Lots in all."""
        return self.quantity // self.lot_size

    @property
    def cost(self) -> Paise | None:
        """What the premium comes to, if a price is known."""
        return None if self.premium is None else to_paise(self.premium * self.quantity)


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
    realised_today: Paise


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rule's no, with the sentence the owner reads."""

    rule: str
    sentence: str


class Rule(Protocol):
    """Says why not; None when it has nothing against the proposal."""

    @property
    def name(self) -> str:
        """What the owner knows it by: the configuration key, where it has one."""
        ...

    @property
    def meets(self) -> frozenset[Purpose]:
        """Which orders it is asked about."""
        ...

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The sentence, or None."""
        ...


@dataclass(frozen=True)
class NothingAfterTheKillSwitch:
    """Once stopped, nothing an alert says is sent."""

    name: str = "kill switch"
    meets: frozenset[Purpose] = FROM_ALERTS

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The kill switch is on."""
        return "the kill switch is on: /resume ends it" if world.kill_switch else None


@dataclass(frozen=True)
class NotHalted:
    """After refusals that would only repeat, nothing new is tried."""

    name: str = "entries halted"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The breaker has tripped."""
        return f"new entries are stopped ({world.halted}): /resume ends it" if world.halted else None


@dataclass(frozen=True)
class OrdersLeftAtKite:
    """Kite takes 5000 orders a day; the last ones are kept for exits (facts/kite.md 5)."""

    limit: int = 5000
    reserved: int = 500
    name: str = "Kite's orders a day"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too few are left."""
        if world.orders_today + proposal.orders <= self.limit - self.reserved:
            return None
        return (
            f"{world.orders_today} of Kite's {self.limit} orders a day are used; the rest is kept for exits"
        )


@dataclass(frozen=True)
class SessionAlive:
    """Without a login nothing can be placed."""

    name: str = "session"
    meets: frozenset[Purpose] = EVERY_ORDER

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Nobody is logged in."""
        return None if world.session_alive else f"nobody is logged in to Kite ({proposal.venue}): /login"


@dataclass(frozen=True)
class NotPaused:
    """A paused strategy opens nothing."""

    name: str = "pause"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The strategy, or everything, is paused."""
        return f"{world.paused} is paused: /unpause ends it" if world.paused else None


@dataclass(frozen=True)
class MarketOpen:
    """Orders go out while the market takes them."""

    name: str = "market hours"
    meets: frozenset[Purpose] = EVERY_ORDER

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The market is closed."""
        return None if world.market_open else "the market is closed"


@dataclass(frozen=True)
class CalendarKnown:
    """In a year whose holidays nobody has entered, nothing is opened unattended."""

    name: str = "trading calendar"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """No data, and the owner is not asked."""
        if world.calendar_known or proposal.asked:
            return None
        return (
            "the trading calendar has no data of this year, so only what you approve is sent: /mode confirm"
        )


@dataclass(frozen=True)
class BeforeTheSquareOff:
    """Nothing is opened that the day's end has closed already."""

    name: str = "schedule.square_off"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """It would stay open overnight, or be squared off by the broker for a fee."""
        if not (world.past_square_off and proposal.squared_off):
            return None
        return "the day's square-off has begun, which closes what this would open"


@dataclass(frozen=True)
class AllowedSymbol:
    """Only the underlyings the owner allows."""

    allowed: frozenset[str]
    name: str = "risk.allowed_symbols"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The underlying is not on the list."""
        if proposal.symbol in self.allowed:
            return None
        return f"{proposal.symbol} is not among risk.allowed_symbols ({', '.join(sorted(self.allowed))})"


@dataclass(frozen=True)
class LotsPerOrder:
    """At most so many lots at once."""

    limit: int
    name: str = "risk.max_lots_per_order"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """More lots than allowed."""
        if proposal.lots <= self.limit:
            return None
        return f"{proposal.lots} lots are more than risk.max_lots_per_order, {self.limit}"


@dataclass(frozen=True)
class PremiumPerOrder:
    """At most so much premium at once. Without a price it cannot be judged: a no, unless the owner is asked,
    whose card says so."""

    limit: Paise
    name: str = "risk.max_premium_per_order"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """More premium than allowed, or no price to tell."""
        if proposal.cost is None and proposal.asked:
            return None
        if proposal.cost is None:
            return "no price of the option could be had, so risk.max_premium_per_order cannot be checked"
        if proposal.cost <= self.limit:
            return None
        return (
            f"the premium of {format_rupees(proposal.cost)} is more than risk.max_premium_per_order, "
            f"{format_rupees(self.limit)}"
        )


@dataclass(frozen=True)
class OpenPositions:
    """At most so many positions, over all strategies, those on their way counted."""

    limit: int
    name: str = "risk.max_open_positions"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """One position too many."""
        own = (proposal.venue, proposal.strategy, proposal.tradingsymbol)
        after = len(world.positions | {own})
        if after <= self.limit:
            return None
        count = len(world.positions)
        return f"{count} positions are open or on their way; risk.max_open_positions is {self.limit}"


@dataclass(frozen=True)
class OrdersPerDay:
    """At most so many orders a day, refused ones counted as Kite counts them."""

    limit: int
    name: str = "risk.max_orders_per_day"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too many orders today."""
        if world.orders_today + proposal.orders <= self.limit:
            return None
        return f"{world.orders_today} orders were sent today; risk.max_orders_per_day is {self.limit}"


@dataclass(frozen=True)
class DailyLoss:
    """No entry after the day has lost so much."""

    limit: Paise
    name: str = "risk.max_daily_loss"
    meets: frozenset[Purpose] = ENTRIES

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The day's loss has reached the limit."""
        if -world.realised_today < self.limit:
            return None
        return f"today's loss of {format_rupees(-world.realised_today)} has reached risk.max_daily_loss"


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules with the owner's limits; a limit that is null has no rule."""
    risk = settings.risk
    rules: list[Rule] = [
        NothingAfterTheKillSwitch(),
        NotHalted(),
        OrdersLeftAtKite(),
        SessionAlive(),
        NotPaused(),
        MarketOpen(),
        CalendarKnown(),
        BeforeTheSquareOff(),
        AllowedSymbol(frozenset(risk.allowed_symbols)),
        LotsPerOrder(risk.max_lots_per_order),
        PremiumPerOrder(to_paise(risk.max_premium_per_order)),
        OpenPositions(risk.max_open_positions),
        OrdersPerDay(risk.max_orders_per_day),
        DailyLoss(to_paise(risk.max_daily_loss)),
    ]
    return tuple(rules)


def judge(rules: Iterable[Rule], proposal: Proposal, world: World) -> list[Verdict]:
    """Every no there is, not only the first."""
    asked = [rule for rule in rules if proposal.purpose in rule.meets]
    against = [(rule, rule.against(proposal, world)) for rule in asked]
    return [Verdict(rule=rule.name, sentence=sentence) for rule, sentence in against if sentence]
