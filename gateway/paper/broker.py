"""The paper broker without its wires: one account's days, from opening to carry-over; all its state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec

from gateway.paper.account import Account, Blocked
from gateway.paper.book import Book
from gateway.paper.charges import charges_of
from gateway.paper.exchange import Exchange, Later, Tell
from gateway.paper.gtt import Gtt
from gateway.paper.instruments import Contract, Listing
from gateway.paper.journal import Journal
from gateway.paper.market import Index, Market
from gateway.paper.order_forms import OrderRequest
from gateway.paper.orders import PLAIN, Order, Script, Trade
from gateway.paper.positions import Position
from gateway.paper.refusals import Refusal, closed_market
from gateway.paper.sessions import Session, Sessions
from gateway.paper.trading_days import close_of, is_open
from gateway.paper.triggers import Triggers
from gateway.paper.wire import ist
from gateway.paper.words import Product, Status, Variety

SPOTS_KEPT_EVERY = 120


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the account belongs to, and the app's key pair."""

    api_key: str
    api_secret: str
    user_id: str


@dataclass(frozen=True, kw_only=True)
class Spots:
    """Where the market stands."""

    steps: int
    indices: dict[str, Index]


@dataclass(frozen=True, kw_only=True)
class Carry:
    """What a day hands to the next: cash (paise), positions, triggers, session, after-market orders."""

    cash: int
    positions: tuple[Position, ...]
    gtts: tuple[Gtt, ...]
    session: Session | None
    spots: Spots
    contracts: tuple[Contract, ...] = ()
    waiting: tuple[Order, ...] = ()


class Broker:
    """Orders, positions, funds, triggers and prices of the one paper account."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: Journal,
        clock: Callable[[], datetime],
        market: Market,
        cash: int,
        always_open: bool,
        in_session: Callable[[datetime], bool] = is_open,
        tell: Tell,
        later: Later,
        latency: float,
    ) -> None:
        self.identity = identity
        self.now = clock
        self.market = market
        self.always_open = always_open
        self._in_session = in_session
        self._journal = journal
        self._tell = tell
        self._later = later
        self._latency = latency
        self._was_open = self.open
        self.sessions = Sessions(
            api_key=identity.api_key, api_secret=identity.api_secret, now=clock, record=journal.append
        )
        self._begin(Carry(cash=cash, positions=(), gtts=(), session=None, spots=self._spots()))

    @property
    def open(self) -> bool:
        """Whether orders can be executed now."""
        return self.always_open or self._in_session(self.now())

    # Orders

    def place(self, request: OrderRequest, script: Script = PLAIN) -> Order:
        """Accepts a new order; it goes to the exchange `latency` seconds later. Raises Refusal."""
        after_market = request.variety is Variety.AMO
        if not self.open and not after_market:
            raise closed_market(request.product)
        if self.open and after_market:
            raise Refusal("After market orders cannot be placed while the markets are open.")
        order = self.exchange.accept(request, script)
        if not after_market:
            exchange = self.exchange
            self._later(self._latency, lambda: exchange.process(order.order_id))
        return order

    # Days

    def restore(self) -> None:
        """Takes up what the journal holds, and opens today's."""
        today = ist(self.now()).date()
        last = self._journal.latest(today)
        if last is not None:
            self._replay(last)
        self._journal.open(today)
        if last != today:
            self._roll()
        self.exchange.resume()
        self._ring()

    def turn(self) -> None:
        """Follows the clock: a new day, an expiry, an opening, a close. Cheap; called before all else."""
        today = ist(self.now()).date()
        if today != self._today:
            self.exchange.resume()
            self.exchange.close_session()
            self._journal.open(today)
            self._roll()
        if self.now() >= close_of(self._next_expiry):
            self._relist()
        if self.open != self._was_open:
            self._was_open = self.open
            self._ring()

    def move(self) -> None:
        """One step of the market, and whatever the new prices set off."""
        self.turn()
        if not self.open:
            return
        self.market.step(self.now())
        if self.market.steps % SPOTS_KEPT_EVERY == 0:
            self._journal.append("spots", self._spots())
        self._prices_moved()

    def set_spot(self, name: str, price: int) -> None:
        """Puts an index at `price` paise, and sets off what that reaches."""
        self.turn()
        self.market.set_spot(name, price, self.now())
        self._journal.append("spots", self._spots())
        self._prices_moved()

    def _prices_moved(self) -> None:
        self._cover(self.listing)
        if self.open:
            self.exchange.prices_moved()
            self.triggers.prices_moved()

    def _ring(self) -> None:
        """At the opening bell after-market orders go out; at the close what rests is cancelled."""
        if not self.open:
            self.exchange.close_session()
            return
        for order in self.book.unsettled():
            if order.status is Status.AMO_RECEIVED:
                self.exchange.process(order.order_id)

    def _begin(self, carry: Carry) -> None:
        """A fresh book on what was carried over."""
        self._today = ist(self.now()).date()
        self.book = Book(self._journal.append)
        self.book.contracts = {contract.token: contract for contract in carry.contracts}
        for order in carry.waiting:
            self.book.replay_order(order)
        self.account = Account(carry.cash)
        self.account.positions = {position.key: position for position in carry.positions}
        self.exchange = Exchange(
            book=self.book,
            account=self.account,
            listing=Listing(self.now()),
            market=self.market,
            now=self.now,
            tell=self._tell,
            later=self._later,
            user_id=self.identity.user_id,
        )
        self.triggers = Triggers(exchange=self.exchange, now=self.now, record=self._journal.append)
        self.triggers.restore(carry.gtts)
        self.sessions.current = carry.session
        self._adopt(self.exchange.listing)

    def _roll(self) -> None:
        """Closes the books of the day before and opens today's with what is left."""
        self.market.next_day(self.now())
        carry = self._carry()
        self._begin(carry)
        self._journal.append("carry", carry)
        self.triggers.expire()

    def _carry(self) -> Carry:
        """Intraday and expired positions are settled at their last price, the day's charges paid."""
        cash, kept = self.account.opening + self.account.flow - self._charges(), []
        for position in self.account.positions.values():
            last = self.last_price(position.token)
            if position.product is Product.NRML and self._lives(position.token):
                kept.append(position.carried(last))
            else:
                cash += position.quantity * last
        return Carry(
            cash=cash,
            positions=tuple(position for position in kept if position.quantity),
            gtts=self.triggers.carried(),
            session=self.sessions.current,
            spots=self._spots(),
            contracts=tuple(c for c in self.book.contracts.values() if self._lives(c.token)),
            waiting=tuple(filter(self._waits, self.book.unsettled())),
        )

    def _waits(self, order: Order) -> bool:
        return order.status is Status.AMO_RECEIVED and self._lives(order.token)

    def _charges(self) -> int:
        """What today's executed orders cost, in paise."""
        total = Decimal()
        for order in self.book.orders():
            if order.filled:
                price = Decimal(order.filled_value) / order.filled / 100
                total += charges_of(order.exchange, order.side, order.filled, price).total
        return int(total * 100)

    def _replay(self, day: date) -> None:
        for kind, record in self._journal.replay(day):
            if kind == "order":
                self.book.replay_order(msgspec.convert(record, Order))
            elif kind == "trade":
                trade = msgspec.convert(record, Trade)
                self.book.trades.append(trade)
                self.account.apply(trade)
            elif kind == "contract":
                contract = msgspec.convert(record, Contract)
                self.book.contracts[contract.token] = contract
                self.listing.keep(contract, self.now())
            elif kind == "gtt":
                self.triggers.restore([msgspec.convert(record, Gtt)])
            elif kind == "session":
                self.sessions.current = msgspec.convert(record, Session)
            elif kind == "spots":
                self._take_spots(msgspec.convert(record, Spots))
            elif kind == "carry":
                carry = msgspec.convert(record, Carry)
                self._take_spots(carry.spots)
                self._begin(carry)

    def _spots(self) -> Spots:
        return Spots(steps=self.market.steps, indices=dict(self.market.indices))

    def _take_spots(self, spots: Spots) -> None:
        self.market.restore(spots.steps, spots.indices, self.now())

    # Contracts and prices

    @property
    def listing(self) -> Listing:
        return self.exchange.listing

    def _relist(self) -> None:
        """After an expiry: what is listed now. What was traded today stays priced."""
        self.market.revalue(self.now())
        self._adopt(Listing(self.now()))
        self.exchange.drop_expired()
        self.triggers.expire()

    def _adopt(self, listing: Listing) -> None:
        self._cover(listing)
        for contract in self.book.contracts.values():
            listing.keep(contract, self.now())
        self.exchange.listing = listing
        self._next_expiry = min(contract.expiry for contract in listing.by_key.values() if contract.expiry)

    def _cover(self, listing: Listing) -> None:
        for name, index in self.market.indices.items():
            listing.cover(name, index.last // 100)

    def _lives(self, token: int) -> bool:
        expiry = self.listing.by_token[token].expiry
        return expiry is not None and self.now() < close_of(expiry)

    def last_price(self, token: int) -> int:
        """The last price of a contract, in paise."""
        return self.market.quote(self.listing.by_token[token]).last

    def endow(self, contract: Contract, product: Product, quantity: int) -> int | None:
        """Puts units (below zero: a short) into the account, as if carried over; their price in paise, which
        is the last one. None where the contract has expired: nobody trades it any more."""
        contract = self.listing.by_key.get(contract.key, contract)
        if contract.expiry is None or self.now() >= close_of(contract.expiry):
            return None
        self.book.contracts[contract.token] = contract
        self.listing.keep(contract, self.now())
        last = self.last_price(contract.token)
        position = Position(
            exchange=contract.exchange,
            tradingsymbol=contract.tradingsymbol,
            token=contract.token,
            product=product,
            overnight=quantity,
            overnight_value=quantity * last,
            close=last,
        )
        self.account.positions[position.key] = position
        return last

    # Views

    def blocked(self) -> Blocked:
        """What working orders and shorts take."""
        return self.account.blocked(self.book.unsettled(), self.exchange.index_value)
