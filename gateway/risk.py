"""The rules that may refuse an order, asked over the proposed world, twice: planning, claim.

Exits meet only the kill switch, the session and the market's hours: no limit on entries may ever keep a
holding open.
"""

from collections.abc import Iterator

from config.settings import Settings
from gateway.domain.limits import (
    AllowedSymbol,
    DailyLoss,
    EntryHours,
    LeastPrice,
    LossesInARow,
    LotsPerOrder,
    OpenPositions,
    OrdersPerDay,
    PremiumPerOrder,
    PriceDrift,
    Spread,
)
from gateway.domain.money import to_paise
from gateway.domain.risk import (
    Proposal,
    Readings,
    Rule,
    Usage,
    Verdict,
    World,
    judge,
    left_unjudged,
    usages,
)
from gateway.domain.standing_rules import (
    BeforeTheSquareOff,
    CalendarKnown,
    MarginAvailable,
    MarketOpen,
    NotHalted,
    NothingAfterTheKillSwitch,
    NotPaused,
    OrdersLeftAtKite,
    SessionAlive,
)

__all__ = [
    "NothingAfterTheKillSwitch",
    "Proposal",
    "Readings",
    "Rule",
    "Usage",
    "Verdict",
    "World",
    "daily_loss",
    "judge",
    "left_unjudged",
    "rules_of",
    "usages",
]


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules with the owner's limits; a limit that is null has no rule."""
    risk = settings.risk
    return (
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
        daily_loss(settings),
        *_optional(settings),
        MarginAvailable(),
    )


def daily_loss(settings: Settings) -> DailyLoss:
    """The rule that is watched between orders, too."""
    return DailyLoss(to_paise(settings.risk.max_daily_loss))


def _optional(settings: Settings) -> Iterator[Rule]:
    risk = settings.risk
    if risk.max_consecutive_losses is not None:
        yield LossesInARow(risk.max_consecutive_losses)
    if risk.entries_from is not None or risk.entries_until is not None:
        yield EntryHours(risk.entries_from, risk.entries_until)
    if risk.max_price_drift_percent is not None:
        yield PriceDrift(risk.max_price_drift_percent)
    if risk.max_spread_percent is not None:
        yield Spread(risk.max_spread_percent)
    if risk.min_price is not None:
        yield LeastPrice(risk.min_price)
