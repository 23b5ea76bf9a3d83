"""Acceptance, risk check and matching of orders against the synthetic market. No I/O; time is handed in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.paper.account import Account, Shortfall
from gateway.paper.book import Book
from gateway.paper.instruments import Contract, Listing
from gateway.paper.market import Market, Quote
from gateway.paper.order_forms import OrderRequest
from gateway.paper.orders import PLAIN, Order, Script, Trade
from gateway.paper.protection import protect
from gateway.paper.refusals import being_processed, unknown_instrument, unknown_order
from gateway.paper.rules import check_order
from gateway.paper.wire import rupees, stamp
from gateway.paper.words import WORKING, Kind, OrderType, Side, Status, Validity, Variety

_IN_TRANSIT = (Status.VALIDATION_PENDING, Status.OPEN_PENDING)

# Called with each state the client is told of, and the status it is told under (UPDATE for a partial fill).
Tell = Callable[[Order, Status], None]
Later = Callable[[float, Callable[[], None]], None]


@dataclass(kw_only=True)
class Exchange:
    """The order desk and the matching engine of one day."""

    book: Book
    account: Account
    listing: Listing
    market: Market
    now: Callable[[], datetime]
    tell: Tell
    later: Later
    user_id: str

    def __post_init__(self) -> None:
        self._held: set[str] = set()

    # Acceptance

    def accept(self, request: OrderRequest, script: Script = PLAIN) -> Order:
        """Takes a new order, still to be processed. Raises Refusal if a rule forbids it."""
        contract = self.contract(request.key)
        check_order(request, contract, self.market.quote(contract))
        self.book.know(contract)
        order = self.book.put(self._received(request, contract, script))
        if script.fill_after:
            self._held.add(order.order_id)
            self.later(script.fill_after, lambda: self.release(order.order_id))
        return order

    def contract(self, key: str) -> Contract:
        """The tradable contract behind a quote key. Raises Refusal."""
        contract = self.listing.by_key.get(key)
        if contract is None or not contract.tradable:
            raise unknown_instrument()
        return contract

    def _received(self, request: OrderRequest, contract: Contract, script: Script) -> Order:
        kind, price, marks = request.order_type, request.price, tuple[str, ...]()
        if kind is OrderType.MARKET and request.market_protection is not None:
            last = self.market.quote(contract).last
            limit = protect(request.side, last, contract.tick, request.market_protection)
            kind, price, marks = OrderType.LIMIT, limit.price, limit.marks
        at = self.now()
        return Order(
            order_id=self.book.next_order_id(at),
            status=Status.AMO_RECEIVED if request.variety is Variety.AMO else Status.RECEIVED,
            variety=request.variety,
            exchange=contract.exchange,
            tradingsymbol=contract.tradingsymbol,
            token=contract.token,
            side=request.side,
            quantity=request.quantity,
            product=request.product,
            order_type=kind,
            price=price,
            trigger_price=request.trigger_price,
            validity=request.validity,
            validity_ttl=request.validity_ttl,
            disclosed_quantity=request.disclosed_quantity,
            tag=request.tag,
            marks=marks,
            order_time=stamp(at),
            arrived=at.isoformat(),
            gtt_id=request.gtt_id,
            script=script,
        )

    # The way to the exchange

    def process(self, order_id: str) -> None:
        """Takes an accepted order through the risk check to the exchange, and matches it there."""
        order = self._get(order_id)
        if order.status not in (Status.RECEIVED, Status.AMO_RECEIVED):
            return
        order = self.book.put(replace(order, status=Status.VALIDATION_PENDING))
        refusal = self._risk(order)
        if refusal is not None:
            self._reject(order, *refusal)
            return
        order = self.book.put(replace(order, status=Status.OPEN_PENDING))
        self._open(order)

    def _risk(self, order: Order) -> tuple[str, str] | None:
        """The message and the raw message of the broker's risk management, or None if the order may go on."""
        contract = self.listing.by_token[order.token]
        if contract.kind is Kind.FUTURE:
            return (f"RMS:Blocked for {contract.segment}",) * 2
        shortfall = self.account.shortfall(order, self._others(order), self.index_value)
        return _margin_text(shortfall, self.user_id) if shortfall else None

    def _others(self, order: Order) -> list[Order]:
        return [other for other in self.book.unsettled() if other.order_id != order.order_id]

    def index_value(self, exchange: str, tradingsymbol: str) -> int:
        """The index under a contract, in paise; 0 for a contract that is no longer listed."""
        contract = self.listing.by_key.get(f"{exchange}:{tradingsymbol}")
        return self.market.indices[contract.name].last if contract else 0

    def _open(self, order: Order) -> None:
        if order.order_type is OrderType.SLM:
            self._reject(order, "16052 Function not available", "16052 Function not available")
            return
        stop = order.order_type is OrderType.SL
        status = Status.TRIGGER_PENDING if stop else Status.OPEN
        order = self._at_exchange(
            order, status=status, exchange_order_id=self.book.next_exchange_order_id(order)
        )
        self.tell(order, order.status)
        if order.script.reject or order.script.cancel:
            self.later(order.script.end_after, lambda: self._end_by_script(order.order_id))
        elif order.status is Status.OPEN:
            self._match(order, arriving=True)

    def _end_by_script(self, order_id: str) -> None:
        order = self._get(order_id)
        if order.ended:
            return
        if order.script.reject:
            self._reject(order, order.script.reject, order.script.reject)
        else:
            self._cancelled(order, order.script.cancel)

    # Matching

    def release(self, order_id: str) -> None:
        """Lets an order that was held back by a script be filled."""
        self._held.discard(order_id)
        order = self.book.get(order_id)
        if order is not None and order.status is Status.OPEN:
            self._match(order, arriving=True)

    def prices_moved(self) -> None:
        """Triggers and fills what the new prices reach."""
        for order in self.book.working():
            if order.status is Status.TRIGGER_PENDING:
                self._trigger(order)
            else:
                self._match(order, arriving=False)

    def _trigger(self, order: Order) -> None:
        last = self._quote(order).last
        reached = last >= order.trigger_price if order.side is Side.BUY else last <= order.trigger_price
        if not reached:
            return
        order = self._at_exchange(order, status=Status.OPEN)
        self.tell(order, Status.OPEN)
        self._match(order, arriving=True)

    def _match(self, order: Order, *, arriving: bool) -> None:
        """Fills the order if the other side's best price allows it; an arriving order takes that price,
        a resting one gets its own."""
        price = self._match_price(order, arriving=arriving)
        quantity = self._fillable(order) if price is not None else 0
        if price is not None and quantity:
            order = self._fill(order, quantity, price)
        if (
            order.validity is Validity.IOC
            and order.status is Status.OPEN
            and order.order_id not in self._held
        ):
            self._cancelled(order, None)

    def _match_price(self, order: Order, *, arriving: bool) -> int | None:
        quote = self._quote(order)
        best = quote.ask if order.side is Side.BUY else quote.bid
        crosses = order.price >= best if order.side is Side.BUY else order.price <= best
        if not crosses:
            return None
        return best if arriving else order.price

    def _fillable(self, order: Order) -> int:
        if order.order_id in self._held or order.script.reject or order.script.cancel:
            return 0
        cap = order.script.fill_at_most
        return order.remaining if cap is None else min(order.remaining, max(0, cap - order.filled))

    def _fill(self, order: Order, quantity: int, price: int) -> Order:
        self._trade(order, quantity, price)
        order = self._at_exchange(order.filled_with(quantity, price))
        self.tell(order, order.status if order.ended else Status.UPDATE)
        return order

    def _trade(self, order: Order, quantity: int, price: int) -> None:
        trade = Trade(
            trade_id=self.book.next_trade_id(),
            order_id=order.order_id,
            exchange_order_id=order.exchange_order_id or "",
            exchange=order.exchange,
            tradingsymbol=order.tradingsymbol,
            token=order.token,
            side=order.side,
            product=order.product,
            quantity=quantity,
            price=price,
            time=stamp(self.now()),
        )
        self.book.add_trade(trade)
        self.account.apply(trade)

    def reopen(self, order: Order) -> Order:
        """A modified order back at the exchange, matched at its new terms."""
        if order.status is Status.AMO_RECEIVED:
            return self.book.put(order)
        stop = order.order_type is OrderType.SL
        order = self._at_exchange(order, status=Status.TRIGGER_PENDING if stop else Status.OPEN)
        self.tell(order, Status.UPDATE)
        if order.status is Status.OPEN:
            self._match(order, arriving=True)
        return order

    def resume(self) -> None:
        """After a restart of the exchange: goes on with every order that has not ended. Timers are lost:
        what they would have done is done now."""
        for order in self.book.unsettled():
            if order.status is Status.CANCEL_PENDING:
                self._finish_cancel(order.order_id)
            elif order.status in WORKING and (order.script.reject or order.script.cancel):
                self._end_by_script(order.order_id)
            elif order.status is Status.RECEIVED:
                self.process(order.order_id)
            elif order.status in _IN_TRANSIT:
                self._open(order)

    # Ends

    def cancel(self, order_id: str) -> Order:
        """Cancels what is left of an order. Raises Refusal if it is in transit or has ended."""
        order = self.resting(order_id, "cancelled")
        takes = order.script.cancel_takes
        if not takes:
            return self._cancelled(order, None)
        order = self._at_exchange(order, status=Status.CANCEL_PENDING)
        self.later(takes, lambda: self._finish_cancel(order_id))
        return order

    def _finish_cancel(self, order_id: str) -> None:
        order = self._get(order_id)
        if order.status is Status.CANCEL_PENDING:
            self._cancelled(order, None)

    def close_session(self) -> None:
        """The end of the day: what still rests is cancelled by the exchange."""
        for order in self.book.working():
            self._cancelled(order, None)

    def drop_expired(self) -> None:
        """Cancels what rests in contracts that are no longer listed."""
        for order in self.book.working():
            if f"{order.exchange}:{order.tradingsymbol}" not in self.listing.by_key:
                self._cancelled(order, None)

    def _cancelled(self, order: Order, message: str | None) -> Order:
        order = self._at_exchange(
            order,
            status=Status.CANCELLED,
            cancelled=order.quantity - order.filled,
            status_message=message,
            status_message_raw=message,
        )
        self.tell(order, order.status)
        return order

    def _reject(self, order: Order, message: str, raw: str) -> None:
        order = self.book.put(
            replace(order, status=Status.REJECTED, status_message=message, status_message_raw=raw)
        )
        self.tell(order, order.status)

    # Small helpers

    def resting(self, order_id: str, verb: str) -> Order:
        """An order that can be changed now. Raises Refusal if it is in transit or has ended."""
        order = self._get(order_id)
        if order.status not in (Status.OPEN, Status.TRIGGER_PENDING, Status.AMO_RECEIVED):
            raise being_processed(verb)
        return order

    def _get(self, order_id: str) -> Order:
        order = self.book.get(order_id)
        if order is None:
            raise unknown_order()
        return order

    def _quote(self, order: Order) -> Quote:
        return self.market.quote(self.listing.by_token[order.token])

    def _at_exchange(self, order: Order, **changes: object) -> Order:
        at = stamp(self.now())
        times = {"exchange_time": at, "exchange_update_time": at}
        return self.book.put(replace(order, **times, **changes))  # type: ignore[arg-type]


def _margin_text(shortfall: Shortfall, user_id: str) -> tuple[str, str]:
    required, available = (f"{rupees(amount):.2f}" for amount in (shortfall.required, shortfall.available))
    message = f"Insufficient funds. Required margin is {required} but available margin is {available}."
    raw = f"RMS:Margin Exceeds,Required:{required}, Available:{available} for entity account-{user_id}"
    return (
        f"{message} Check the orderbook for open orders.",
        f"{raw} across exchange across segment across product ",
    )
