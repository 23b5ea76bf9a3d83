"""Drafts: orders decided and not yet judged; what they look like to the rules and in the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from config.settings import StrategySettings
from gateway.domain.contract import Contract
from gateway.domain.errors import Refusal
from gateway.domain.market import is_squared_off
from gateway.domain.money import Paise
from gateway.domain.order import AlertId, IntentId, OrderTicket, Purpose, Side, Tag, make_tag
from gateway.domain.risk import Proposal
from gateway.domain.signal import Level, LevelKind
from gateway.domain.sizing import limit_at, marketable_limit


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Orders of one contract, decided and not yet judged. Quantities in units, prices in rupees."""

    purpose: Purpose
    side: Side
    contract: Contract
    venue: str
    product: str
    quantities: tuple[int, ...]
    order_type: str
    price: Decimal | None
    market_protection: Decimal | None
    premium: Decimal | None
    margin_paise: int | None = None
    stop_loss: Level | None = None
    target: Level | None = None
    trailing_stop: Level | None = None

    @property
    def quantity(self) -> int:
        """Units in all."""
        return sum(self.quantities)


def pricing(
    strategy: StrategySettings, purpose: Purpose, side: Side, contract: Contract, premium: Decimal | None
) -> tuple[str, Decimal | None, Decimal | None]:
    """Order type, limit price and market protection (percent).

    Without a price an entry that needs one is refused (raises Refusal); an exit goes at the protected market.
    """
    if strategy.pricing == "protected_market" or (premium is None and purpose is not Purpose.ENTRY):
        return "MARKET", None, strategy.market_protection
    if premium is None:
        raise Refusal(
            "pricing", f"no price of {contract.title} could be had, and {strategy.pricing} needs one"
        )
    price_of = marketable_limit if strategy.pricing == "marketable_limit" else limit_at
    return "LIMIT", price_of(premium, side, contract.tick_size), None


def draft_of(
    purpose: Purpose,
    side: Side,
    contract: Contract,
    product: str,
    quantities: tuple[int, ...],
    strategy: StrategySettings,
    premium: Decimal | None,
    stop_loss: Level | None = None,
    target: Level | None = None,
    trailing_stop: Level | None = None,
) -> Draft:
    """The draft of an order of that contract, priced as the strategy says.

    Raises Refusal where an entry needs a price that could not be had.
    """
    order_type, price, protection = pricing(strategy, purpose, side, contract, premium)
    return Draft(
        purpose=purpose,
        side=side,
        contract=contract,
        venue=strategy.venue,
        product=product,
        quantities=quantities,
        order_type=order_type,
        price=price,
        market_protection=protection,
        premium=premium,
        stop_loss=stop_loss,
        target=target,
        trailing_stop=trailing_stop,
    )


def proposal(draft: Draft, strategy: StrategySettings, *, asked: bool) -> Proposal:
    """What the rules are asked about."""
    return Proposal(
        purpose=draft.purpose,
        venue=draft.venue,
        strategy=strategy.name,
        symbol=draft.contract.name,
        tradingsymbol=draft.contract.tradingsymbol,
        quantity=draft.quantity,
        lot_size=draft.contract.lot_size,
        orders=len(draft.quantities),
        premium=draft.price or draft.premium,
        asked=asked,
        squared_off=is_squared_off(strategy.square_off, draft.product),
        side=draft.side,
        margin=None if draft.margin_paise is None else Paise(draft.margin_paise),
    )


def proposal_of(rows: Sequence[Row[Any]], *, asked: bool, policy: str, claimed: bool = False) -> Proposal:
    """What the rules are asked about once the intents (of one contract) are stored; `policy` is the
    strategy's square_off."""
    first = rows[0]
    quantity = sum(row.quantity for row in rows)
    return Proposal(
        purpose=Purpose(first.purpose),
        venue=first.venue,
        strategy=first.strategy,
        symbol=first.name,
        tradingsymbol=first.tradingsymbol,
        quantity=quantity,
        lot_size=first.lot_size,
        orders=len(rows),
        premium=first.price or first.asked_premium or first.premium,
        asked=asked,
        squared_off=is_squared_off(policy, first.product),
        side=Side(first.side),
        planned_at=first.premium,
        claimed=claimed,
    )


def ticket_like(draft: Draft) -> OrderTicket:
    """The whole draft as one ticket, for a question about margins; it is never placed."""
    return OrderTicket(
        tag=make_tag(AlertId("margin"), 0),
        exchange=draft.contract.exchange,
        tradingsymbol=draft.contract.tradingsymbol,
        side=draft.side,
        quantity=draft.quantity,
        product=draft.product,
        order_type=draft.order_type,
        price=draft.price,
        market_protection=draft.market_protection,
    )


def ticket_of(row: Row[Any]) -> OrderTicket:
    """What is sent for an intent."""
    return OrderTicket(
        tag=Tag(row.tag),
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        side=Side(row.side),
        quantity=row.quantity,
        product=row.product,
        order_type=row.order_type,
        price=row.price,
        trigger_price=row.trigger_price,
        market_protection=row.market_protection,
    )


def rows(alert_id: AlertId, strategy: str, drafts: list[Draft]) -> list[dict[str, Any]]:
    """The intents of an alert as rows, each slice with a tag of its own."""
    parts = [(draft, quantity) for draft in drafts for quantity in draft.quantities]
    return [
        {
            "id": IntentId(f"{alert_id}-{part}"),
            "alert_id": alert_id,
            "part": part,
            "tag": make_tag(alert_id, part),
            "strategy": strategy,
            "quantity": quantity,
            **_columns(draft),
        }
        for part, (draft, quantity) in enumerate(parts, start=1)
    ]


def _columns(draft: Draft) -> dict[str, Any]:
    contract = draft.contract
    return {
        "venue": draft.venue,
        "purpose": draft.purpose,
        "side": draft.side,
        "exchange": contract.exchange,
        "tradingsymbol": contract.tradingsymbol,
        "instrument_token": contract.instrument_token,
        "name": contract.name,
        "expiry": contract.expiry,
        "strike": contract.strike,
        "option_type": contract.option_type,
        "lot_size": contract.lot_size,
        "tick_size": contract.tick_size,
        "product": draft.product,
        "order_type": draft.order_type,
        "price": draft.price,
        "market_protection": draft.market_protection,
        "premium": draft.premium,
        "margin_paise": draft.margin_paise,
        "stop_loss": _level(draft.stop_loss),
        "target": _level(draft.target),
        "trailing_stop": _trail(draft.trailing_stop),
    }


def _level(level: Level | None) -> str | None:
    if level is None:
        return None
    return f"{level.value:+f}%" if level.kind is LevelKind.PERCENT else f"{level.value:f}"


def _trail(level: Level | None) -> str | None:
    if level is None:
        return None
    return f"{level.value:f}%" if level.kind is LevelKind.PERCENT else f"{level.value:f}"
