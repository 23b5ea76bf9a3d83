"""Prices, funds, margins, charges and the list of instruments, as Kite's own samples show them."""

from datetime import datetime
from decimal import Decimal

import pytest

from gateway.domain.errors import BrokerError
from gateway.domain.market import IST
from gateway.kite.book import Book
from gateway.kite.rows import parse_order
from tests.kite.conftest import make_client, ticket
from tests.kite.stub import answer, data, fault, mock

CSV = b"instrument_token,exchange_token\n1,2\n"


async def test_last_prices_are_read_by_key(stub, client):
    stub.answers = [mock("ltp")]
    assert await Book(client).last_prices(["NSE:INFY", "NSE:GONE"]) == {"NSE:INFY": Decimal("1074.35")}
    assert stub.last.query == {"i": ["NSE:INFY", "NSE:GONE"]}


async def test_a_contract_that_never_traded_has_no_last_price(stub, client):
    stub.answers = [data({"NFO:X": {"instrument_token": 1, "last_price": 0}})]
    assert await Book(client).last_prices(["NFO:X"]) == {}


async def test_no_keys_need_no_call(stub, client):
    book = Book(client)
    assert (await book.last_prices([]), await book.quotes([]), await book.order_margin([])) == ({}, {}, 0)
    assert await book.charges([]) == []
    assert stub.requests == []


async def test_many_keys_are_asked_for_in_parts_and_each_once(stub, client):
    stub.answers = [data({})]
    await Book(client).quotes([f"NFO:{number % 501}" for number in range(1002)])
    assert [len(request.query["i"]) for request in stub.requests] == [500, 1]


async def test_a_quote_has_both_sides_the_band_and_the_volume(stub, client):
    stub.answers = [mock("quote")]
    quote = (await Book(client).quotes(["NSE:INFY"]))["NSE:INFY"]
    assert (quote.last_price, quote.bid, quote.ask) == (Decimal("1412.95"), None, Decimal("1412.95"))
    assert (quote.lower_circuit, quote.upper_circuit) == (Decimal("1250.7"), Decimal("1528.6"))
    assert (quote.volume, quote.open_interest) == (7360198, 0)
    assert quote.at == datetime(2021, 6, 8, 15, 45, 56, tzinfo=IST)


async def test_an_index_has_a_quote_without_sides(stub, client):
    stub.answers = [data({"NSE:NIFTY 50": {"last_price": 24013.45}})]
    quote = (await Book(client).quotes(["NSE:NIFTY 50"]))["NSE:NIFTY 50"]
    assert (quote.last_price, quote.bid, quote.ask, quote.at) == (Decimal("24013.45"), None, None, None)


async def test_funds_are_in_paise_and_cash_is_derived(stub, client):
    stub.answers = [mock("margins")]
    funds = await Book(client).funds()
    assert (funds.available, funds.used, funds.collateral) == (99_725_05, 145_706_55, 0)
    assert funds.cash == 245_431_60
    assert funds.realised == 761_70


async def test_funds_without_an_equity_side_are_unknown(stub, client):
    stub.answers = [data({"commodity": {}})]
    with pytest.raises(BrokerError, match="funds"):
        await Book(client).funds()


async def test_the_margin_of_several_orders_is_their_sum(stub, client):
    stub.answers = [data([{"total": 9785.75}, {"total": 10}])]
    assert await Book(client).order_margin([ticket(), ticket(order_type="MARKET", price=None)]) == 9_795_75
    assert stub.last.route == "POST /margins/orders"
    assert b'"price": 150.55' in stub.last.body
    assert b'"price": 0' in stub.last.body


async def test_a_margin_missing_in_the_answer_is_unknown(stub, client):
    stub.answers = [mock("order_margins")]
    assert await Book(client).order_margin([ticket()]) == 1498_00
    with pytest.raises(BrokerError, match="1 answers to 2 orders"):
        await Book(client).order_margin([ticket(), ticket()])


async def test_charges_come_for_each_order(stub, client):
    stub.answers = [mock("virtual_contract_note")]
    row = {"order_id": "1", "status": "COMPLETE", "tradingsymbol": "X", "transaction_type": "BUY"}
    order = parse_order(row | {"quantity": 100, "average_price": 1.5, "exchange": "NFO", "product": "NRML"})
    assert await Book(client).charges([order] * 3) == [58, 285, 2369]
    assert stub.last.route == "POST /charges/orders"
    assert b'"average_price": 1.5' in stub.last.body


async def test_the_list_of_instruments_is_handed_on_unread_even_before_the_login(stub):
    client = make_client(stub.url, token=None)
    stub.answers = [answer(CSV, kind="text/csv")]
    assert await Book(client).instruments("NFO") == CSV
    assert stub.last.route == "GET /instruments/NFO"
    await client.close()


@pytest.mark.parametrize(
    "missing",
    [answer(b"404: Not Found", status=404, kind="text/plain"), fault("GeneralException", "No route", 404)],
    ids=["page", "envelope"],
)
async def test_where_an_exchange_has_no_list_the_whole_is_taken(stub, client, missing):
    stub.routes = {"GET /instruments/NFO": missing, "GET /instruments": answer(CSV, kind="text/csv")}
    assert await Book(client).instruments("NFO") == CSV


async def test_another_failure_of_the_list_is_a_failure(stub, client):
    stub.answers = [fault("NetworkException", "Busy", 503)]
    with pytest.raises(BrokerError, match="Busy"):
        await Book(client).instruments("NFO")
    assert len(stub.requests) == 1


async def test_json_in_place_of_the_list_is_unknown(stub, client):
    stub.answers = [data([])]
    with pytest.raises(BrokerError, match="CSV"):
        await Book(client).instruments("NFO")
