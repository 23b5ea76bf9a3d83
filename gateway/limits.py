"""How much of each limit is used: as the day stands, and with the orders of one alert."""

from sqlalchemy import Connection

from config.settings import Settings
from gateway.domain.money import Paise, format_rupees
from gateway.domain.order import Purpose
from gateway.domain.risk import Rule, Usage, usages
from gateway.drafts import proposal_of
from gateway.world import WorldReader
from storage import intents

_WORDS = {
    "risk.max_lots_per_order": "lots",
    "risk.max_premium_per_order": "premium",
    "risk.max_open_positions": "positions",
    "risk.max_orders_per_day": "orders",
    "risk.max_daily_loss": "loss",
    "risk.max_consecutive_losses": "losses in a row",
}


def in_words(usage: Usage) -> str:
    """`orders 3/50`; `loss ₹500.00 of ₹10,000.00 (5 %)`; what is used up is marked."""
    name = _WORDS.get(usage.key, usage.key)
    if usage.money:
        used, limit = format_rupees(Paise(usage.used)), format_rupees(Paise(usage.limit))
        text = f"{name} {used} of {limit} ({usage.percent} %)"
    else:
        text = f"{name} {usage.used}/{usage.limit}"
    return f"⛔ {text}" if usage.used >= usage.limit else text


class Limits:
    """For /status and the approval card; reads, and decides nothing."""

    def __init__(self, settings: Settings, world: WorldReader, rules: tuple[Rule, ...]) -> None:
        self._settings = settings
        self._world = world
        self._rules = rules

    def used(self, connection: Connection, venue: str) -> list[Usage]:
        """Today's use of every limit that a day can use up: positions, orders, loss, losses in a row."""
        return usages(self._rules, self._world.read(connection, venue))

    def used_by(self, connection: Connection, alert_id: str) -> list[Usage]:
        """The use of every limit once the entries of this alert were sent, their lots and premium included;
        empty for an alert that opens nothing."""
        rows = [row for row in intents.of_alert(connection, alert_id) if row.follows is None]
        if not rows or rows[0].purpose != Purpose.ENTRY:
            return []
        policy = self._settings.strategy(rows[0].strategy).square_off
        proposal = proposal_of(rows, asked=True, policy=policy)
        return usages(self._rules, self._world.read(connection, proposal.venue, proposal.strategy), proposal)
