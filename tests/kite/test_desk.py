"""What goes out for an order: exactly the fields meant, once."""

from decimal import Decimal

from gateway.kite.desk import Desk
from tests.kite.conftest import ticket
from tests.kite.stub import data


async def test_a_limit_order_goes_out_as_a_form(stub, client):
    stub.answers = [mock_order()]
    assert await Desk(client).place(ticket()) == "151220000000000"
    assert stub.last.route == "POST /orders/regular"
    assert stub.last.form == {
        "variety": "regular",
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124000CE",
        "transaction_type": "BUY",
        "quantity": "65",
        "product": "NRML",
        "order_type": "LIMIT",
        "price": "150.55",
        "validity": "DAY",
        "tag": "MJABCDEFGH234567AA",
    }


async def test_a_market_order_carries_its_protection_and_no_price(stub, client):
    stub.answers = [mock_order()]
    await Desk(client).place(ticket(order_type="MARKET", price=None, market_protection=Decimal(-1)))
    assert stub.last.form["market_protection"] == "-1"
    assert "price" not in stub.last.form


async def test_a_price_goes_out_in_its_own_digits(stub, client):
    stub.answers = [mock_order()]
    for price in ("0.05", "150.5", "150.50", "24000", "1E+2", "99999.95"):
        await Desk(client).place(ticket(price=Decimal(price)))
        assert Decimal(stub.last.form["price"]) == Decimal(price)
        assert "E" not in stub.last.form["price"].upper()


async def test_an_order_id_that_is_a_number_is_its_digits(stub, client):
    stub.answers = [data({"order_id": 1953341975595868160})]
    assert await Desk(client).place(ticket()) == "1953341975595868160"


async def test_a_cancellation_names_the_variety(stub, client):
    stub.answers = [mock_order()]
    await Desk(client).cancel("151220000000000", "amo")
    assert stub.last.route == "DELETE /orders/amo/151220000000000"


async def test_a_new_price_resends_what_must_stay_and_never_the_quantity(stub, client):
    stub.answers = [mock_order()]
    await Desk(client).modify_price(
        "151220000000000",
        variety="regular",
        order_type="SL",
        price=Decimal("99.95"),
        trigger_price=Decimal("101.05"),
    )
    assert stub.last.route == "PUT /orders/regular/151220000000000"
    sent = stub.last.form
    assert (sent["order_type"], sent["price"], sent["trigger_price"]) == ("SL", "99.95", "101.05")
    assert sent["validity"] == "DAY"
    assert "quantity" not in sent


def mock_order():
    return data({"order_id": "151220000000000"})
