"""The day's orders and trades: every state of every order, in the order of arrival."""

from collections.abc import Callable, Iterator
from datetime import datetime

from gateway.paper.instruments import Contract
from gateway.paper.orders import Order, Trade
from gateway.paper.wire import ist
from gateway.paper.words import WORKING

Record = Callable[[str, object], None]


class Book:
    """Keeps each order's history; `record` is told every state and every trade before all else."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._histories: dict[str, list[Order]] = {}
        self.trades: list[Trade] = []
        self.contracts: dict[int, Contract] = {}

    def __len__(self) -> int:
        """Orders accepted today."""
        return len(self._histories)

    def next_order_id(self, now: datetime) -> str:
        """15 digits: the day, then a count (facts/kite.md 2.1)."""
        return f"{ist(now):%y%m%d}{len(self._histories) + 1:09d}"

    def next_exchange_order_id(self, order: Order) -> str:
        return f"13{order.order_id[-6:]:0>14}"

    def next_trade_id(self) -> str:
        return str(10_000_001 + len(self.trades))

    def know(self, contract: Contract) -> None:
        """Remembers a contract that is ordered: it must stay priced even after it has expired."""
        if contract.token not in self.contracts:
            self._record("contract", contract)
            self.contracts[contract.token] = contract

    def put(self, order: Order) -> Order:
        """Records the order's new state, durably first."""
        self._record("order", order)
        self.replay_order(order)
        return order

    def add_trade(self, trade: Trade) -> None:
        self._record("trade", trade)
        self.trades.append(trade)

    def replay_order(self, order: Order) -> None:
        """Takes a state that is on record already."""
        self._histories.setdefault(order.order_id, []).append(order)

    def get(self, order_id: str) -> Order | None:
        """The order as it stands now."""
        history = self._histories.get(order_id)
        return history[-1] if history else None

    def history(self, order_id: str) -> list[Order]:
        return self._histories.get(order_id, [])

    def orders(self) -> Iterator[Order]:
        """Every order as it stands now, oldest first."""
        return (history[-1] for history in self._histories.values())

    def working(self) -> list[Order]:
        """Orders that rest at the exchange."""
        return [order for order in self.orders() if order.status in WORKING]

    def unsettled(self) -> list[Order]:
        """Orders that have not ended."""
        return [order for order in self.orders() if not order.ended]
