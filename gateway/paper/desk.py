"""What the routes work with: the broker, its limits, its faults and its stream."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from gateway.paper.broker import Broker
from gateway.paper.exchange import Later
from gateway.paper.faults import Faults
from gateway.paper.limits import Turnstile
from gateway.paper.orders import Order, Trade, order_row, trade_row
from gateway.paper.ticker import Ticker

ATTEMPTS_KEPT: Final = 10_000


@dataclass(kw_only=True)
class Desk:
    """One server's parts. `hidden`: orders that do not show yet; `attempts`: every POST /orders."""

    broker: Broker
    faults: Faults
    ticker: Ticker
    turnstile: Turnstile
    redirect_url: str
    later: Later
    hidden: set[str] = field(default_factory=set)
    attempts: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=ATTEMPTS_KEPT))

    @property
    def user_id(self) -> str:
        return self.broker.identity.user_id

    def row(self, order: Order) -> dict[str, Any]:
        return order_row(order, self.user_id)

    def order_rows(self) -> list[dict[str, Any]]:
        """The order book as clients see it."""
        return [self.row(order) for order in self.broker.book.orders() if order.order_id not in self.hidden]

    def trade_rows(self) -> list[dict[str, Any]]:
        return [trade_row(trade) for trade in self.visible_trades()]

    def attempted(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Notes a POST /orders that arrived, whatever becomes of it."""
        fields = {name: form.get(name) for name in ("tag", "tradingsymbol", "transaction_type", "quantity")}
        attempt = {"at": self.broker.now().isoformat(), **fields, "order_id": None}
        self.attempts.append(attempt)
        return attempt

    def hide(self, order_id: str, seconds: float) -> None:
        """Keeps an order out of the book and the stream for a while, then tells of it as it stands."""
        self.hidden.add(order_id)
        self.later(seconds, lambda: self._show(order_id))

    def _show(self, order_id: str) -> None:
        self.hidden.discard(order_id)
        order = self.broker.book.get(order_id)
        if order is not None:
            self.broker.exchange.tell(order, order.status)

    def end_session(self) -> None:
        """The token dies, and with it every stream that was opened with it."""
        self.broker.sessions.kill()
        self.ticker.drop()

    def visible_trades(self) -> list[Trade]:
        return [trade for trade in self.broker.book.trades if trade.order_id not in self.hidden]


DESK = web.AppKey("desk", Desk)


def desk_of(request: web.Request) -> Desk:
    return request.app[DESK]
