"""An order as the book keeps it, one frozen record for each state it went through, and its trades."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.paper.wire import average, rupees
from gateway.paper.words import TERMINAL, OrderType, Product, Side, Status, Validity, Variety


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a test told the exchange to do with one order. Times in seconds after acceptance."""

    fill_at_most: int | None = None
    fill_after: float = 0.0
    reject: str | None = None
    cancel: str | None = None
    end_after: float = 0.0
    hidden_for: float = 0.0
    cancel_takes: float = 0.0


PLAIN = Script()


@dataclass(frozen=True, kw_only=True)
class Order:
    """One state of one order. Prices in paise, quantities in units, times as IST text
    (`arrived`: ISO, to the microsecond)."""

    order_id: str
    status: Status
    variety: Variety
    exchange: str
    tradingsymbol: str
    token: int
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    price: int
    trigger_price: int
    validity: Validity
    validity_ttl: int
    disclosed_quantity: int
    tag: str | None
    marks: tuple[str, ...]
    order_time: str
    arrived: str
    exchange_order_id: str | None = None
    exchange_time: str | None = None
    exchange_update_time: str | None = None
    status_message: str | None = None
    status_message_raw: str | None = None
    filled: int = 0
    filled_value: int = 0
    cancelled: int = 0
    modifications: int = 0
    gtt_id: int | None = None
    script: Script = PLAIN

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def remaining(self) -> int:
        """Units that can still be filled."""
        return 0 if self.ended else self.quantity - self.filled

    @property
    def tags(self) -> list[str]:
        """The client's tag and the exchange's own marks (facts/kite.md 2.3)."""
        return [*([self.tag] if self.tag else []), *self.marks]

    def filled_with(self, quantity: int, price: int) -> "Order":
        """With `quantity` more units filled at `price`; COMPLETE once nothing remains."""
        filled = self.filled + quantity
        return replace(
            self,
            filled=filled,
            filled_value=self.filled_value + quantity * price,
            status=Status.COMPLETE if filled == self.quantity else self.status,
        )


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One fill; price in paise, time as IST text."""

    trade_id: str
    order_id: str
    exchange_order_id: str
    exchange: str
    tradingsymbol: str
    token: int
    side: Side
    product: Product
    quantity: int
    price: int
    time: str


def order_row(order: Order, user_id: str) -> dict[str, Any]:
    """The row of GET /orders, of the history and of the stream (facts/kite.md 3.2)."""
    row: dict[str, Any] = {
        "account_id": user_id,
        "placed_by": user_id,
        "order_id": order.order_id,
        "exchange_order_id": order.exchange_order_id,
        "parent_order_id": None,
        "status": order.status,
        "status_message": order.status_message,
        "status_message_raw": order.status_message_raw,
        "order_timestamp": order.order_time,
        "exchange_update_timestamp": order.exchange_update_time,
        "exchange_timestamp": order.exchange_time,
        "variety": order.variety,
        "modified": order.modifications > 0,
        "exchange": order.exchange,
        "tradingsymbol": order.tradingsymbol,
        "instrument_token": order.token,
        "order_type": order.order_type,
        "transaction_type": order.side,
        "validity": order.validity,
        "validity_ttl": order.validity_ttl,
        "product": order.product,
        "quantity": order.quantity,
        "disclosed_quantity": order.disclosed_quantity,
        "price": rupees(order.price),
        "trigger_price": rupees(order.trigger_price),
        "average_price": average(order.filled_value, order.filled),
        "filled_quantity": order.filled,
        "pending_quantity": _pending(order),
        "cancelled_quantity": order.cancelled,
        "market_protection": 0,
        "meta": {"gtt": order.gtt_id} if order.gtt_id is not None else {},
        "tag": order.tag,
        "guid": f"01X{order.order_id[-9:]}",
    }
    return row | ({"tags": order.tags} if order.tags else {})


def _pending(order: Order) -> int:
    """A cancelled order still shows its rest as pending, a rejected one shows none (sample orders.json)."""
    return 0 if order.status is Status.REJECTED else order.quantity - order.filled


def trade_row(trade: Trade) -> dict[str, Any]:
    """The row of GET /trades: `order_timestamp` is a time of day only (sample trades.json)."""
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "exchange": trade.exchange,
        "tradingsymbol": trade.tradingsymbol,
        "instrument_token": trade.token,
        "product": trade.product,
        "average_price": rupees(trade.price),
        "quantity": trade.quantity,
        "exchange_order_id": trade.exchange_order_id,
        "transaction_type": trade.side,
        "fill_timestamp": trade.time,
        "order_timestamp": trade.time[11:],
        "exchange_timestamp": trade.time,
    }
