"""The rules that no configuration switches off: switch, breaker, session, pause, market, margin."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.domain.money import format_rupees
from gateway.domain.order import Purpose
from gateway.domain.risk import EVERY_ORDER, FROM_ALERTS, Proposal, Rule, World


class NothingAfterTheKillSwitch(Rule):
    """Once stopped, nothing an alert says is sent."""

    name = "kill switch"
    meets: ClassVar[frozenset[Purpose]] = FROM_ALERTS

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The kill switch is on."""
        return "the kill switch is on: /resume ends it" if world.kill_switch else None


class NotHalted(Rule):
    """After refusals that would only repeat, nothing new is tried."""

    name = "entries halted"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The breaker has tripped."""
        return f"new entries are stopped ({world.halted}): /resume ends it" if world.halted else None


@dataclass(frozen=True)
class OrdersLeftAtKite(Rule):
    """Kite takes 5000 orders a day; the last ones are kept for exits (facts/kite.md 5)."""

    limit: int = 5000
    reserved: int = 500
    name = "Kite's orders a day"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Too few are left."""
        if world.orders_today + proposal.orders <= self.limit - self.reserved:
            return None
        return (
            f"{world.orders_today} of Kite's {self.limit} orders a day are used; the rest is kept for exits, "
            "and tomorrow it begins anew"
        )


class SessionAlive(Rule):
    """Without a login nothing can be placed."""

    name = "session"
    meets: ClassVar[frozenset[Purpose]] = EVERY_ORDER

    def against(self, proposal: Proposal, world: World) -> str | None:
        """Nobody is logged in."""
        return None if world.session_alive else f"nobody is logged in to Kite ({proposal.venue}): /login"


class NotPaused(Rule):
    """A paused strategy opens nothing."""

    name = "pause"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The strategy, or everything, is paused."""
        return f"{world.paused} is paused: /unpause ends it" if world.paused else None


class MarketOpen(Rule):
    """Orders go out while the market takes them."""

    name = "market hours"
    meets: ClassVar[frozenset[Purpose]] = EVERY_ORDER

    def against(self, proposal: Proposal, world: World) -> str | None:
        """The market is closed."""
        return None if world.market_open else "the market is closed"


class CalendarKnown(Rule):
    """In a year whose holidays nobody has entered, nothing is opened unattended."""

    name = "trading calendar"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """No data, and the owner is not asked."""
        if world.calendar_known or proposal.asked:
            return None
        return (
            "the trading calendar has no data of this year, so only what you approve is sent: /mode confirm"
        )


class BeforeTheSquareOff(Rule):
    """Nothing is opened that the day's end has closed already."""

    name = "schedule.square_off"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """It would stay open overnight, or be squared off by the broker for a fee."""
        if not (world.past_square_off and proposal.squared_off):
            return None
        return (
            "the day's square-off has begun, which closes what this would open; the strategy's square_off "
            "says what it closes"
        )


class MarginAvailable(Rule):
    """Nothing is tried that the account's money cannot carry. What cannot be read stands in nobody's way:
    the broker judges it for itself."""

    name = "margin available"

    def against(self, proposal: Proposal, world: World) -> str | None:
        """It needs more than is free."""
        needs, available = proposal.needs, world.readings.available
        if needs is None or available is None or needs <= available:
            return None
        return (
            f"it needs {format_rupees(needs)}, and {format_rupees(available)} is free in the account: "
            "add money there, or trade fewer lots"
        )

    def unjudged(self, proposal: Proposal, world: World) -> str | None:
        """Either side of the comparison is not known."""
        if world.readings.available is None:
            return "the account's free margin could not be read, so it was not checked"
        # Of what is sold short the margin is known for the whole alert alone, and was judged with it.
        if proposal.needs is None and not proposal.claimed:
            return "what margin the order needs could not be read, so it was not checked"
        return None
