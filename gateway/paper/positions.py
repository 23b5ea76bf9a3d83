"""Positions of the account: what was carried over night, what was traded today, and both as Kite's rows."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.paper.orders import Trade
from gateway.paper.wire import average, rupees
from gateway.paper.words import Product, Side

PositionKey = tuple[str, str, Product]


@dataclass(frozen=True, kw_only=True)
class Position:
    """One contract in one product. Values in paise; `overnight_value` is the cost of what was carried."""

    exchange: str
    tradingsymbol: str
    token: int
    product: Product
    overnight: int = 0
    overnight_value: int = 0
    close: int = 0
    bought: int = 0
    bought_value: int = 0
    sold: int = 0
    sold_value: int = 0

    @property
    def key(self) -> PositionKey:
        return (self.exchange, self.tradingsymbol, self.product)

    @property
    def quantity(self) -> int:
        """Net units held; negative when short."""
        return self.overnight + self.bought - self.sold

    @property
    def flow(self) -> int:
        """Premium received less premium paid today."""
        return self.sold_value - self.bought_value

    def traded(self, trade: Trade) -> "Position":
        value = trade.quantity * trade.price
        if trade.side is Side.BUY:
            return replace(self, bought=self.bought + trade.quantity, bought_value=self.bought_value + value)
        return replace(self, sold=self.sold + trade.quantity, sold_value=self.sold_value + value)

    def carried(self, close: int) -> "Position":
        """The same position on the next morning."""
        net = self.quantity
        return Position(
            exchange=self.exchange,
            tradingsymbol=self.tradingsymbol,
            token=self.token,
            product=self.product,
            overnight=net,
            overnight_value=round(_cost_of(net, _all(self))),
            close=close,
        )


def opened_by(trade: Trade) -> Position:
    """The empty position a first trade goes into."""
    return Position(
        exchange=trade.exchange, tradingsymbol=trade.tradingsymbol, token=trade.token, product=trade.product
    )


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """Both sides of a position added up, in units and paise; `m2m` has what was carried at its last close."""

    bought: int
    buy_value: int
    buy_m2m: int
    sold: int
    sell_value: int
    sell_m2m: int


def net_row(position: Position, last: int) -> dict[str, Any]:
    """A row of `net`: carried and today's together (sample positions.json)."""
    return _row(position, _all(position), position.overnight, position.quantity, last)


def day_row(position: Position, last: int) -> dict[str, Any]:
    """A row of `day`: today's trades alone."""
    return _row(position, _today(position), 0, position.bought - position.sold, last)


def _all(position: Position) -> _Sums:
    today, carried = _today(position), position.overnight
    at_close = abs(carried) * position.close
    value = abs(position.overnight_value)
    return _Sums(
        bought=today.bought + max(carried, 0),
        buy_value=today.buy_value + (value if carried > 0 else 0),
        buy_m2m=today.buy_m2m + (at_close if carried > 0 else 0),
        sold=today.sold + max(-carried, 0),
        sell_value=today.sell_value + (value if carried < 0 else 0),
        sell_m2m=today.sell_m2m + (at_close if carried < 0 else 0),
    )


def _today(position: Position) -> _Sums:
    return _Sums(
        bought=position.bought,
        buy_value=position.bought_value,
        buy_m2m=position.bought_value,
        sold=position.sold,
        sell_value=position.sold_value,
        sell_m2m=position.sold_value,
    )


def _cost_of(quantity: int, sums: _Sums) -> float:
    """What the net quantity cost: at the average buy for a long, at the average sale for a short."""
    if quantity > 0:
        return quantity * sums.buy_value / sums.bought
    return quantity * sums.sell_value / sums.sold if quantity else 0.0


def _row(position: Position, sums: _Sums, overnight: int, quantity: int, last: int) -> dict[str, Any]:
    value = sums.sell_value - sums.buy_value
    pnl = value + quantity * last
    return {
        "tradingsymbol": position.tradingsymbol,
        "exchange": position.exchange,
        "instrument_token": position.token,
        "product": position.product,
        "quantity": quantity,
        "overnight_quantity": overnight,
        "multiplier": 1,
        "average_price": average(round(_cost_of(quantity, sums)), quantity),
        "close_price": rupees(position.close),
        "last_price": rupees(last),
        "value": rupees(value),
        "pnl": rupees(pnl),
        "m2m": rupees(sums.sell_m2m - sums.buy_m2m + quantity * last),
        "unrealised": rupees(pnl),
        "realised": 0,
        "buy_quantity": sums.bought,
        "buy_price": average(sums.buy_value, sums.bought),
        "buy_value": rupees(sums.buy_value),
        "buy_m2m": rupees(sums.buy_m2m),
        "sell_quantity": sums.sold,
        "sell_price": average(sums.sell_value, sums.sold),
        "sell_value": rupees(sums.sell_value),
        "sell_m2m": rupees(sums.sell_m2m),
        "day_buy_quantity": position.bought,
        "day_buy_price": average(position.bought_value, position.bought),
        "day_buy_value": rupees(position.bought_value),
        "day_sell_quantity": position.sold,
        "day_sell_price": average(position.sold_value, position.sold),
        "day_sell_value": rupees(position.sold_value),
    }
