"""Client, desk, book and stream against the paper exchange: Kite's protocol from end to end."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.domain.guard import GuardLeg, GuardTicket
from gateway.domain.money import round_to_tick
from gateway.domain.order import OrderState, OrderTicket, Side, make_tag
from gateway.kite.book import Book
from gateway.kite.client import KiteClient
from gateway.kite.desk import Desk
from gateway.kite.stream import Stream, StreamState, StreamTimings
from gateway.paper.faults import TIMED_OUT, Fault, FaultKind
from gateway.paper.limits import Limits
from gateway.paper.server import PaperServer
from tests.kite.conftest import until

TICK = Decimal("0.05")
PLACING = "POST /orders/*"


@dataclass
class House:
    """A paper exchange and a client that has logged in to it."""

    server: PaperServer
    client: KiteClient
    tags: int = 0
    listed: list[dict[str, str]] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        return Desk(self.client)

    @property
    def book(self) -> Book:
        return Book(self.client)

    async def log_in(self) -> None:
        grant = await self.client.create_session(self.server.issue_request_token())
        self.client.use_token(grant.access_token)

    async def contract(self) -> dict[str, str]:
        """The nearest NIFTY call at the money."""
        if not self.listed:
            text = (await self.book.instruments("NFO")).decode()
            self.listed = [row for row in csv.DictReader(io.StringIO(text)) if row["name"] == "NIFTY"]
        calls = [row for row in self.listed if row["instrument_type"] == "CE"]
        first = min(row["expiry"] for row in calls)
        spot = self.server.spot("NIFTY")
        return min(
            (row for row in calls if row["expiry"] == first),
            key=lambda row: abs(Decimal(row["strike"]) - spot),
        )

    async def ticket(self, **changes: object) -> OrderTicket:
        contract = await self.contract()
        self.tags += 1
        fields = {
            "tag": make_tag("alert", self.tags),
            "exchange": "NFO",
            "tradingsymbol": contract["tradingsymbol"],
            "side": Side.BUY,
            "quantity": int(contract["lot_size"]),
            "product": "NRML",
            "order_type": "MARKET",
            "market_protection": Decimal(-1),
        }
        return OrderTicket(**{**fields, **changes})

    async def resting(self) -> OrderTicket:
        """A bid well below the market."""
        key = f"NFO:{(await self.contract())['tradingsymbol']}"
        last = (await self.book.last_prices([key]))[key]
        price = round_to_tick(last * Decimal("0.8"), TICK, up=False)
        return await self.ticket(order_type="LIMIT", price=price, market_protection=None)

    async def ended(self, order_id: str, state: OrderState) -> object:
        """The order, once the book shows it in that state."""
        async with asyncio.timeout(5):
            while (order := await self.book.order(order_id)).state is not state:
                pass
        return order


@pytest.fixture
async def house() -> AsyncIterator[House]:
    server = PaperServer(
        price_interval=0, latency=0, limits=Limits(quotes_per_second=1000, others_per_second=10_000)
    )
    await server.start()
    client = KiteClient(
        api_key="paper",
        api_secret="paper",
        api_url=server.url,
        login_url=server.login_url,
        timeout=(1.0, 2.0),
    )
    house = House(server, client)
    await house.log_in()
    yield house
    await client.close(grace=0)
    await server.stop()


async def test_a_login_says_who_it_is(house):
    profile = await house.client.profile()
    assert profile.user_id == "PAPER1"
    assert {"NFO", "BFO"} <= profile.exchanges


async def test_a_protected_market_order_is_filled_and_told_by_book_trades_and_position(house):
    ticket = await house.ticket()
    order_id = await house.desk.place(ticket)
    order = await house.ended(order_id, OrderState.FILLED)
    assert ticket.tag in order.tags
    assert (order.filled_quantity, order.side) == (ticket.quantity, Side.BUY)
    assert order.order_timestamp.utcoffset().total_seconds() == 19800
    assert [each.order_id for each in await house.book.orders()] == [order_id]
    trades = await house.book.order_trades(order_id)
    assert trades == await house.book.trades()
    assert sum(trade.quantity for trade in trades) == ticket.quantity
    (position,) = await house.book.positions()
    assert (position.tradingsymbol, position.quantity) == (ticket.tradingsymbol, ticket.quantity)
    (charged,) = await house.book.charges([order])
    assert charged > 2000, "brokerage alone is twenty rupees"


async def test_a_resting_order_is_repriced_and_cancelled(house):
    ticket = await house.resting()
    order_id = await house.desk.place(ticket)
    await house.ended(order_id, OrderState.OPEN)
    await house.desk.modify_price(order_id, variety="regular", order_type="LIMIT", price=ticket.price - TICK)
    await house.desk.cancel(order_id)
    order = await house.ended(order_id, OrderState.CANCELLED)
    assert (order.filled_quantity, order.cancelled_quantity) == (0, ticket.quantity)


async def test_prices_funds_and_margin_are_told(house):
    ticket = await house.resting()
    key = f"NFO:{ticket.tradingsymbol}"
    quote = (await house.book.quotes([key]))[key]
    assert quote.lower_circuit < quote.bid < quote.ask < quote.upper_circuit
    funds = await house.book.funds()
    assert funds.available == funds.cash == 1_000_000_00
    assert await house.book.order_margin([ticket]) == int(ticket.price * 100) * ticket.quantity
    index = await house.book.last_prices(["NSE:NIFTY 50", "NSE:NOTHING"])
    assert list(index) == ["NSE:NIFTY 50"]


async def test_a_guard_is_placed_seen_replaced_and_taken_away(house):
    order_id = await house.desk.place(await house.ticket())
    order = await house.ended(order_id, OrderState.FILLED)
    last = order.average_price

    def leg(factor: str) -> GuardLeg:
        price = round_to_tick(last * Decimal(factor), TICK, up=False)
        return GuardLeg(trigger_price=price, price=price)

    def guard(*legs: GuardLeg) -> GuardTicket:
        return GuardTicket(
            exchange="NFO",
            tradingsymbol=order.tradingsymbol,
            side=Side.SELL,
            quantity=order.quantity,
            last_price=last,
            legs=legs,
        )

    trigger_id = await house.desk.place_gtt(guard(leg("1.5"), leg("0.5")))
    (seen,) = await house.book.gtts()
    assert (seen.trigger_id, seen.is_active, len(seen.legs)) == (trigger_id, True, 2)
    await house.desk.modify_gtt(trigger_id, guard(leg("0.6"), leg("1.6")))
    assert (await house.book.gtt(trigger_id)).trigger_prices[0] == leg("0.6").trigger_price
    await house.desk.delete_gtt(trigger_id)
    assert not [each for each in await house.book.gtts() if each.is_active]


FAULTS = [
    (Fault(kind=FaultKind.DROP, route=PLACING), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.DROP, route=PLACING, accepted=True), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.HTML, route=PLACING, code=502), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.TRUNCATED, route=PLACING), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.NO_ORDER_ID), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.AUTOSLICE_LIST), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.REFUSE, route=PLACING, message=TIMED_OUT), Outcome.UNKNOWN, BrokerFault.OTHER),
    (Fault(kind=FaultKind.REFUSE, route=PLACING, message="No."), Outcome.REFUSED, BrokerFault.OTHER),
    (Fault(kind=FaultKind.KILL_TOKEN, route=PLACING), Outcome.REFUSED, BrokerFault.TOKEN),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "outcome", "kind"), FAULTS, ids=lambda each: getattr(each, "kind", None))
async def test_each_misfortune_of_placing_has_its_outcome(house, fault, outcome, kind):
    ticket = await house.resting()
    house.server.faults.add(fault)
    with pytest.raises(BrokerError) as caught:
        await house.desk.place(ticket)
    assert (caught.value.outcome, caught.value.fault) == (outcome, kind)


async def test_an_order_of_unknown_outcome_is_found_by_its_tag(house):
    ticket = await house.resting()
    house.server.faults.add(Fault(kind=FaultKind.NO_ORDER_ID))
    with pytest.raises(BrokerError):
        await house.desk.place(ticket)
    (order,) = await house.book.orders()
    assert ticket.tag in order.tags


async def test_too_many_quotes_are_a_rate_fault():
    server = PaperServer(price_interval=0)
    await server.start()
    client = KiteClient(api_key="paper", api_secret="paper", api_url=server.url)
    house = House(server, client)
    await house.log_in()
    with pytest.raises(BrokerError, match="Too many requests") as caught:
        await asyncio.gather(*(house.book.last_prices(["NSE:NIFTY 50"]) for _ in range(3)))
    assert (caught.value.fault, caught.value.code) == (BrokerFault.RATE_LIMIT, 429)
    await client.close()
    await server.stop()


async def test_a_market_order_without_protection_is_refused(house):
    with pytest.raises(BrokerError, match="market protection") as caught:
        await house.desk.place(await house.ticket(market_protection=None))
    assert caught.value.outcome is Outcome.REFUSED


async def test_the_stream_tells_of_orders_and_prices_and_comes_back_after_a_new_login(house):
    contract = await house.contract()
    token = int(contract["instrument_token"])
    orders, prices, gaps = [], {}, []
    stream = Stream(
        house.server.ticker_url,
        house.client.credentials,
        on_order=orders.append,
        on_prices=prices.update,
        on_gap=lambda: gaps.append(1),
        timings=StreamTimings(first_delay=0.01, longest_delay=0.05, look=0.01),
    )
    running = asyncio.create_task(stream.run())
    await until(lambda: stream.connected)
    await stream.subscribe([token])
    await until(lambda: token in prices)
    key = f"NFO:{contract['tradingsymbol']}"
    assert prices[token] == (await house.book.last_prices([key]))[key]
    order_id = await house.desk.place(await house.ticket())
    await until(lambda: orders and orders[-1].state is OrderState.FILLED)
    assert {order.order_id for order in orders} == {order_id}

    house.server.kill_token()
    house.server.drop_stream()
    await until(lambda: stream.state is StreamState.REFUSED)
    prices.clear()
    await house.log_in()
    await until(lambda: stream.connected and token in prices)
    assert len(gaps) == 3, "at each connection, and when Kite refuses it: the book's answer tells why"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
