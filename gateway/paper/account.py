"""The account: cash, positions, and what working orders and shorts block."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from config.market import short_margin
from gateway.paper.orders import Order, Trade
from gateway.paper.positions import Position, PositionKey, opened_by
from gateway.paper.wire import rupees
from gateway.paper.words import Side

# The index value under a contract (exchange, tradingsymbol), in paise.
IndexValue = Callable[[str, str], int]


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """What is not free, in paise: premium of working buys, and margin of shorts."""

    premium: int
    span: int
    exposure: int

    @property
    def total(self) -> int:
        return self.premium + self.span + self.exposure


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """An order the account cannot carry; both in paise."""

    required: int
    available: int


class Account:
    """Cash at the day's opening (paise) and the positions; trades move both."""

    def __init__(self, opening: int) -> None:
        self.opening = opening
        self.positions: dict[PositionKey, Position] = {}

    def apply(self, trade: Trade) -> None:
        key = (trade.exchange, trade.tradingsymbol, trade.product)
        self.positions[key] = self.positions.get(key, opened_by(trade)).traded(trade)

    def net(self, key: PositionKey) -> int:
        position = self.positions.get(key)
        return position.quantity if position else 0

    @property
    def flow(self) -> int:
        """Premium received less premium paid today, in paise."""
        return sum(position.flow for position in self.positions.values())

    def available(self, blocked: Blocked) -> int:
        return self.opening + self.flow - blocked.total

    def blocked(self, working: Iterable[Order], values: IndexValue) -> Blocked:
        """What the working orders and the shorts they leave take, at the given index values."""
        orders = list(working)
        premium = sum(order.remaining * order.price for order in orders if order.side is Side.BUY)
        notional = sum(
            short * values(exchange, symbol) for (exchange, symbol, _), short in self._shorts(orders).items()
        )
        rate = short_margin()
        return Blocked(
            premium=premium, span=int(notional * rate.span), exposure=int(notional * rate.exposure)
        )

    def shortfall(self, order: Order, others: Iterable[Order], values: IndexValue) -> Shortfall | None:
        """What is missing for `order`; None if it can be carried. An order that frees margin always can."""
        rest = list(others)
        before = self.blocked(rest, values)
        required = self.blocked([*rest, order], values).total - before.total
        available = self.available(before)
        return Shortfall(required=required, available=available) if required > max(available, 0) else None

    def _shorts(self, orders: list[Order]) -> dict[PositionKey, int]:
        """Units short for each position once every working sale has filled."""
        ends = {key: position.quantity for key, position in self.positions.items()}
        for order in orders:
            if order.side is Side.SELL:
                key = (order.exchange, order.tradingsymbol, order.product)
                ends[key] = ends.get(key, 0) - order.remaining
        return {key: -net for key, net in ends.items() if net < 0}


def funds_row(account: Account, blocked: Blocked) -> dict[str, Any]:
    """One segment of GET /user/margins, in rupees (sample margins_equity.json)."""
    premium = blocked.premium - account.flow
    available = account.available(blocked)
    row = segment_row(account.opening, available)
    row["utilised"] |= {
        "debits": rupees(account.opening - available),
        "exposure": rupees(blocked.exposure),
        "option_premium": rupees(premium),
        "span": rupees(blocked.span),
    }
    return row


def segment_row(cash: int, net: int) -> dict[str, Any]:
    """A segment with `cash` paise and nothing utilised."""
    return {
        "enabled": True,
        "net": rupees(net),
        "available": {
            "adhoc_margin": 0,
            "cash": rupees(cash),
            "opening_balance": rupees(cash),
            "live_balance": rupees(net),
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": dict.fromkeys(
            (
                "debits",
                "exposure",
                "m2m_realised",
                "m2m_unrealised",
                "option_premium",
                "payout",
                "span",
                "holding_sales",
                "turnover",
                "liquid_collateral",
                "stock_collateral",
                "delivery",
            ),
            0,
        ),
    }
