"""The owner's limits, each a rule named after its promise; they meet entries alone, over all strategies."""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal

from gateway.domain.figures import drift_percent, spread_percent
from gateway.domain.money import Paise, format_rupees
from gateway.domain.risk import Proposal, Rule, Usage, World


def _allow_more(key: str) -> str:
    return f"to allow it, raise {key} in the configuration and restart"


@dataclass(frozen=True)
class AllowedSymbol(Rule):
    """Only the underlyings the owner allows."""

    allowed: frozenset[str]
    name = "risk.allowed_symbols"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The underlying is not on the list."""
        if proposal.symbol in self.allowed:
            return None
        return (
            f"{proposal.symbol} is not among {self.name} ({', '.join(sorted(self.allowed))}); to allow it, "
            "add it there and restart"
        )


@dataclass(frozen=True)
class EntryHours(Rule):
    """Entries only between these times of day (IST); None: no bound of the owner's on that side."""

    begin: time | None
    end: time | None
    name = "risk.entries_from"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too early or too late."""
        now = world.second_of_day
        if self.begin is not None and now < _second(self.begin):
            return f"no entries before risk.entries_from, {self.begin:%H:%M} IST; change it there and restart"
        if self.end is not None and now >= _second(self.end):
            return (
                f"no entries from risk.entries_until, {self.end:%H:%M} IST, on; change it there and restart"
            )
        return None


@dataclass(frozen=True)
class LotsPerOrder(Rule):
    """At most so many lots at once."""

    limit: int
    name = "risk.max_lots_per_order"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """More lots than allowed."""
        if proposal.lots <= self.limit:
            return None
        return f"{proposal.lots} lots are more than {self.name}, {self.limit}; {_allow_more(self.name)}"

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """The order's lots."""
        return Usage(key=self.name, used=proposal.lots, limit=self.limit) if proposal else None


@dataclass(frozen=True)
class PremiumPerOrder(Rule):
    """At most so much premium at once. Without a price it cannot be judged: a no, unless the owner is asked,
    whose card says so."""

    limit: Paise
    name = "risk.max_premium_per_order"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """More premium than allowed, or no price to tell."""
        if proposal.cost is None and proposal.asked:
            return None
        if proposal.cost is None:
            return (
                f"no price of the option could be had, so {self.name} cannot be checked; with approval on "
                "you would be asked instead"
            )
        if proposal.cost <= self.limit:
            return None
        return (
            f"the premium of {format_rupees(proposal.cost)} is more than {self.name}, "
            f"{format_rupees(self.limit)}; {_allow_more(self.name)}"
        )

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """The order's premium."""
        if proposal is None or proposal.cost is None:
            return None
        return Usage(key=self.name, used=proposal.cost, limit=self.limit, money=True)


@dataclass(frozen=True)
class OpenPositions(Rule):
    """At most so many positions, over all strategies, those on their way counted."""

    limit: int
    name = "risk.max_open_positions"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """One position too many."""
        if self._after(proposal, world) <= self.limit:
            return None
        return (
            f"{len(world.positions)} positions are open or on their way; {self.name} is {self.limit}; close "
            "one, or raise it in the configuration and restart"
        )

    def _after(self, proposal: Proposal | None, world: World) -> int:
        if proposal is None:
            return len(world.positions)
        return len(world.positions | {(proposal.venue, proposal.strategy, proposal.tradingsymbol)})

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """Positions open or on their way."""
        return Usage(key=self.name, used=self._after(proposal, world), limit=self.limit)


@dataclass(frozen=True)
class OrdersPerDay(Rule):
    """At most so many orders a day, refused ones counted as Kite counts them."""

    limit: int
    name = "risk.max_orders_per_day"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too many orders today."""
        if world.orders_today + proposal.orders <= self.limit:
            return None
        return (
            f"{world.orders_today} orders were sent today; {self.name} is {self.limit}; "
            f"{_allow_more(self.name)}"
        )

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """Orders sent today."""
        used = world.orders_today + (proposal.orders if proposal else 0)
        return Usage(key=self.name, used=used, limit=self.limit)


@dataclass(frozen=True)
class DailyLoss(Rule):
    """No entry after the day has lost so much, realised and open, after charges; once reached it holds for
    the day, whatever prices do then."""

    limit: Paise
    name = "risk.max_daily_loss"

    def is_hit(self, world: World) -> bool:
        """Whether the day has lost too much, now or earlier. A limit raised since begins anew."""
        earlier = world.loss_limit_hit is not None and world.loss_limit_hit >= self.limit
        return earlier or world.loss >= self.limit

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The day's loss has reached the limit."""
        if not self.is_hit(world):
            return None
        limit = f"{self.name}, {format_rupees(self.limit)}; {_allow_more(self.name)}"
        if world.loss < self.limit:
            return f"the day's loss has reached the limit earlier today: {limit}"
        return f"today's loss of {loss_in_words(world)} has reached {limit}"

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """Something is held whose price is not known."""
        if not world.unpriced:
            return None
        names = ", ".join(world.unpriced)
        return f"the price of {names} is not known, so {self.name} was checked without what is open there"

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """The day's loss; a gain uses nothing."""
        return Usage(key=self.name, used=world.loss, limit=self.limit, money=True)


def loss_in_words(world: World) -> str:
    """`₹900.00 (realised -₹1,000.00 after charges, open +₹100.00)`."""
    realised = format_rupees(world.realised_today, sign=True)
    return (
        f"{format_rupees(world.loss)} (realised {realised} after charges, "
        f"open {format_rupees(world.open_gain, sign=True)})"
    )


@dataclass(frozen=True)
class LossesInARow(Rule):
    """No entry after so many trades of the day in a row have lost; it begins anew the next day."""

    limit: int
    name = "risk.max_consecutive_losses"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too many losses in a row."""
        if world.losses_in_a_row < self.limit:
            return None
        return (
            f"the last {world.losses_in_a_row} trades of today lost; {self.name} is {self.limit}; "
            f"{_allow_more(self.name)}"
        )

    def usage(self, proposal: Proposal | None, world: World) -> Usage | None:
        """Losses in a row."""
        return Usage(key=self.name, used=world.losses_in_a_row, limit=self.limit)


@dataclass(frozen=True)
class PriceDrift(Rule):
    """Between the alert and the claim (the approval lies in between) the option moved no further than this,
    either way."""

    limit: Decimal
    name = "risk.max_price_drift_percent"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The price has moved too far."""
        drift = drift_percent(proposal.planned_at, world.readings.price)
        if drift is None or abs(drift) <= self.limit:
            return None
        return (
            f"the option went from ₹{proposal.planned_at:.2f} to ₹{world.readings.price:.2f} "
            f"({drift:+.1f} %) since the alert; {self.name} is {_plain(self.limit)}; {_allow_more(self.name)}"
        )

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """One of the two prices is not known."""
        known = drift_percent(proposal.planned_at, world.readings.price) is not None
        if known or not proposal.claimed:
            return None
        return f"how far the option moved since the alert is not known, so {self.name} was not checked"


@dataclass(frozen=True)
class Spread(Rule):
    """Both sides of the market are there, no further apart than this, in percent of their middle."""

    limit: Decimal
    name = "risk.max_spread_percent"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """A wide market, or one with a side missing."""
        quote = world.readings.quote
        if quote is None:
            return None
        if quote.bid is None or quote.ask is None:
            side = "bids for" if quote.bid is None else "offers"
            return (
                f"nobody {side} {proposal.tradingsymbol} at present; {self.name} is {_plain(self.limit)}; "
                "choose a strike that is traded, or set it to null and restart"
            )
        spread = spread_percent(quote.bid, quote.ask)
        if spread is None or spread <= self.limit:
            return None
        return (
            f"bid ₹{quote.bid:.2f} and ask ₹{quote.ask:.2f} are {spread:.1f} % apart; {self.name} is "
            f"{_plain(self.limit)}; {_allow_more(self.name)}"
        )

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """No quote could be had."""
        if world.readings.quote is not None:
            return None
        return f"no quote of the option could be had, so {self.name} was not checked"


@dataclass(frozen=True)
class LeastPrice(Rule):
    """No option cheaper than this, in rupees a unit: what is nearly worthless is rarely meant."""

    limit: Decimal
    name = "risk.min_price"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too cheap."""
        price = self._price(proposal, world)
        if price is None or price >= self.limit:
            return None
        return (
            f"the option's price of ₹{price:.2f} is below {self.name}, ₹{self.limit:.2f}; to allow it, lower "
            "it in the configuration and restart"
        )

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """No price is known."""
        if self._price(proposal, world) is not None:
            return None
        return f"no price of the option could be had, so {self.name} was not checked"

    def _price(self, proposal: Proposal, world: World) -> Decimal | None:
        return world.readings.price or proposal.planned_at or proposal.premium


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
