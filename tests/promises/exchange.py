"""A broker in a few lines whose book is the truth: what it took, what it shows, what it filled."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum, unique

from gateway.domain.errors import BrokerError, Outcome
from gateway.domain.funds import Funds
from gateway.domain.money import Paise
from gateway.domain.order import BrokerOrder, BrokerPosition, OrderTicket, Side

ENDED = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})


@unique
class Answer(StrEnum):
    """How a POST ends: in truth, and as its sender sees it."""

    TAKEN = "taken"
    TAKEN_AND_HIDDEN = "taken, and the book is late"
    LOST = "taken, answer lost"
    LOST_AND_HIDDEN = "taken, answer lost, and the book is late"
    NEVER_THERE = "not taken, answer lost"
    REFUSED = "refused"
    NOT_SENT = "not sent"


@dataclass
class Placed:
    """An order the exchange took."""

    order_id: str
    ticket: OrderTicket
    status: str = "OPEN"
    filled: int = 0
    hidden: bool = False
    told: list[BrokerOrder] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def rest(self) -> int:
        """Units that may still be filled."""
        return 0 if self.ended else self.ticket.quantity - self.filled

    def row(self) -> BrokerOrder:
        """As the book shows it now."""
        return BrokerOrder(
            order_id=self.order_id,
            status=self.status,
            status_message=None,
            tags=frozenset({self.ticket.tag}),
            exchange=self.ticket.exchange,
            tradingsymbol=self.ticket.tradingsymbol,
            side=self.ticket.side,
            product=self.ticket.product,
            variety="regular",
            quantity=self.ticket.quantity,
            filled_quantity=self.filled,
            pending_quantity=self.rest,
            cancelled_quantity=0 if self.rest or not self.ended else self.ticket.quantity - self.filled,
            average_price=Decimal(100) if self.filled else Decimal(0),
            order_timestamp=None,
        )


class Exchange:
    """Desk and book in one. `before_post` sees each POST before it is judged."""

    def __init__(self) -> None:
        self.orders_taken: list[Placed] = []
        self.posts: Counter[str] = Counter()
        self.next_answers: list[Answer] = []
        self.before_post: Callable[[OrderTicket], None] = lambda _: None

    # the desk

    async def place(self, ticket: OrderTicket) -> str:
        self.before_post(ticket)
        self.posts[ticket.tag] += 1
        answer = self.next_answers.pop(0) if self.next_answers else Answer.TAKEN
        if answer in {Answer.REFUSED, Answer.NOT_SENT, Answer.NEVER_THERE}:
            outcomes = {Answer.REFUSED: Outcome.REFUSED, Answer.NOT_SENT: Outcome.NOT_SENT}
            raise BrokerError(answer, outcome=outcomes.get(answer, Outcome.UNKNOWN))
        order = Placed(f"o{len(self.orders_taken) + 1}", ticket)
        order.hidden = answer in {Answer.LOST_AND_HIDDEN, Answer.TAKEN_AND_HIDDEN}
        self.orders_taken.append(order)
        self._tell(order)
        if answer in {Answer.LOST, Answer.LOST_AND_HIDDEN}:
            raise BrokerError(answer, outcome=Outcome.UNKNOWN)
        return order.order_id

    async def cancel(self, order_id: str, variety: str = "regular") -> None:
        order = next(each for each in self.orders_taken if each.order_id == order_id)
        if order.ended:
            raise BrokerError("being processed", outcome=Outcome.REFUSED)
        self.end(order, "CANCELLED")

    # what the market does

    def fill(self, order: Placed, quantity: int) -> None:
        order.filled += min(quantity, order.rest)
        if order.filled == order.ticket.quantity:
            order.status = "COMPLETE"
        self._tell(order)

    def end(self, order: Placed, status: str) -> None:
        order.status = status
        self._tell(order)

    def _tell(self, order: Placed) -> None:
        order.told.append(order.row())

    # the book

    async def orders(self) -> list[BrokerOrder]:
        return [order.row() for order in self.orders_taken if not order.hidden]

    async def positions(self) -> list[BrokerPosition]:
        net: Counter[tuple[str, str]] = Counter()
        for order in self.orders_taken:
            sign = 1 if order.ticket.side is Side.BUY else -1
            net[order.ticket.tradingsymbol, order.ticket.product] += sign * order.filled
        return [
            BrokerPosition(
                exchange="NFO",
                tradingsymbol=symbol,
                product=product,
                quantity=quantity,
                average_price=Decimal(100),
                last_price=Decimal(100),
            )
            for (symbol, product), quantity in net.items()
        ]

    async def funds(self) -> Funds:
        """More than any test spends."""
        nothing = Paise(0)
        return Funds(
            available=Paise(10**12),
            cash=Paise(10**12),
            collateral=nothing,
            used=nothing,
            option_premium=nothing,
            realised=nothing,
            unrealised=nothing,
        )

    async def last_prices(self, keys: Collection[str]) -> dict[str, Decimal]:
        return {key: Decimal(24_000) if key.startswith("NSE:") else Decimal(100) for key in keys}

    async def order_margin(self, tickets: Sequence[OrderTicket]) -> Paise:
        return Paise(sum(ticket.quantity for ticket in tickets) * 100_00)
