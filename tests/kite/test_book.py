"""What the broker says is read strictly: orders, trades and positions as Kite's own samples show them."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.domain.market import IST
from gateway.domain.order import OrderState, Side
from gateway.kite.book import Book
from gateway.kite.rows import parse_order
from tests.kite.stub import FIXTURES, answer, data, fault, mock

MINIMAL = {
    "order_id": "1",
    "status": "OPEN",
    "tradingsymbol": "NIFTY26D0124000CE",
    "transaction_type": "SELL",
    "quantity": 65,
}


async def test_the_order_book_is_read_as_kites_sample_shows_it(stub, client):
    stub.answers = [mock("orders")]
    orders = {order.order_id: order for order in await Book(client).orders()}
    assert stub.last.route == "GET /orders"
    assert stub.last.headers["authorization"] == "token the-api-key:the-access-token"
    filled = orders["1953341975595868160"]
    assert filled.tags == {"mktp", "mktp:2.00"}
    assert filled.average_price == Decimal("156.7")
    assert filled.state is OrderState.FILLED
    assert filled.order_timestamp == datetime(2025, 8, 7, 11, 56, 33, tzinfo=IST)
    rejected = orders["220524001859672"]
    assert rejected.state is OrderState.REJECTED
    assert rejected.status_message.startswith("Insufficient funds.")
    assert orders["9000000000000000"].tags == {"connect test order2", "XXXXX"}


async def test_the_latest_row_of_the_history_is_the_order(stub, client):
    stub.answers = [mock("order_info")]
    order = await Book(client).order("171229000724687")
    assert stub.last.route == "GET /orders/171229000724687"
    last = json.loads((FIXTURES / "order_info.json").read_text())["data"][-1]
    assert (order.order_id, order.status) == ("171229000724687", last["status"])


async def test_trades_are_read_with_their_bare_order_times_and_zero_dates(stub, client):
    sample = json.loads((FIXTURES / "trades.json").read_text())["data"]
    sample[1] |= {"order_timestamp": "0000-01-01 09:16:39", "fill_timestamp": "0001-01-01 00:00:00"}
    stub.answers = [data(sample)]
    first, second, *_ = await Book(client).trades()
    assert (first.trade_id, first.order_id, first.quantity) == ("10000000", "200000000000000", 1)
    assert (first.price, first.side) == (Decimal("420.65"), Side.BUY)
    assert first.filled_at == datetime(2021, 5, 31, 9, 16, 39, tzinfo=IST)
    assert second.filled_at == datetime(2021, 5, 31, 11, 18, 27, tzinfo=IST)


async def test_the_trades_of_one_order_are_asked_for_by_its_id(stub, client):
    stub.answers = [mock("order_trades")]
    (trade,) = await Book(client).order_trades("200000000000000")
    assert stub.last.route == "GET /orders/200000000000000/trades"
    assert trade.price == Decimal(4852)


async def test_the_net_positions_are_read(stub, client):
    stub.answers = [mock("positions")]
    positions = await Book(client).positions()
    assert [each.quantity for each in positions] == [1, 0, 0]
    assert positions[0].last_price == Decimal("161.05")


def test_a_postback_is_an_order_row_too():
    order = parse_order(json.loads((FIXTURES / "postback.json").read_text()))
    assert (order.order_id, order.state, order.filled_quantity) == ("220303000308932", OrderState.FILLED, 1)


def test_what_a_server_may_leave_out_is_filled_in_truthfully():
    order = parse_order(MINIMAL)
    assert (order.filled_quantity, order.pending_quantity, order.cancelled_quantity) == (0, 65, 0)
    assert (order.tags, order.variety, order.order_timestamp) == (frozenset(), "regular", None)
    assert parse_order(MINIMAL | {"status": "COMPLETE"}).filled_quantity == 65


@pytest.mark.parametrize("key", list(MINIMAL))
def test_an_order_without_its_essentials_cannot_be_read(key):
    with pytest.raises(BrokerError, match=key) as caught:
        parse_order({name: value for name, value in MINIMAL.items() if name != key})
    assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": -65},
        {"quantity": 65.5},
        {"quantity": "many"},
        {"quantity": True},
        {"quantity": [65]},
        {"filled_quantity": float("nan")},
        {"average_price": "Infinity"},
        {"transaction_type": "HOLD"},
        {"status": {}},
    ],
    ids=str,
)
def test_an_odd_field_makes_the_row_unreadable(change):
    with pytest.raises(BrokerError, match=next(iter(change))):
        parse_order(MINIMAL | change)


@pytest.mark.parametrize("found", [None, {}, "text", [1]], ids=str)
async def test_an_unreadable_book_is_unknown_and_never_empty(stub, client, found):
    stub.answers = [data(found)]
    for read in (Book(client).orders, Book(client).trades, Book(client).positions):
        with pytest.raises(BrokerError) as caught:
            await read()
        assert caught.value.outcome is Outcome.UNKNOWN


async def test_positions_without_the_net_list_are_unknown(stub, client):
    stub.answers = [data({"day": []})]
    with pytest.raises(BrokerError, match="positions"):
        await Book(client).positions()


async def test_an_empty_history_is_unknown(stub, client):
    stub.answers = [data([])]
    with pytest.raises(BrokerError, match="empty"):
        await Book(client).order("1")


async def test_a_dead_token_is_named_whatever_was_read(stub, client):
    stub.answers = [fault("TokenException", "Incorrect `api_key` or `access_token`.", 403)]
    with pytest.raises(BrokerError) as caught:
        await Book(client).positions()
    assert caught.value.fault is BrokerFault.TOKEN


async def test_a_page_in_place_of_the_book_is_unknown(stub, client):
    stub.answers = [answer(b"<html>maintenance</html>", kind="text/html", status=503)]
    with pytest.raises(BrokerError, match="maintenance"):
        await Book(client).orders()
