"""GTTs: what goes out for a guard, and what the account's guards say."""

import json
from decimal import Decimal

import pytest

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.domain.guard import GuardLeg, GuardTicket
from gateway.domain.order import Side
from gateway.kite.book import Book
from gateway.kite.desk import Desk
from tests.kite.stub import data, fault, mock

STOP = GuardLeg(trigger_price=Decimal("90.05"), price=Decimal("88.50"))
TARGET = GuardLeg(trigger_price=Decimal(200), price=Decimal("199.95"))


def guard(*legs: GuardLeg) -> GuardTicket:
    return GuardTicket(
        exchange="NFO",
        tradingsymbol="NIFTY26D0124000CE",
        side=Side.SELL,
        quantity=65,
        last_price=Decimal("150.55"),
        legs=legs,
    )


async def test_a_stop_alone_is_a_single_trigger(stub, client):
    stub.answers = [data({"trigger_id": 123})]
    assert await Desk(client).place_gtt(guard(STOP)) == 123
    assert stub.last.route == "POST /gtt/triggers"
    assert stub.last.form["type"] == "single"
    assert json.loads(stub.last.form["condition"]) == {
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26D0124000CE",
        "trigger_values": [90.05],
        "last_price": 150.55,
    }
    assert json.loads(stub.last.form["orders"]) == [
        {
            "exchange": "NFO",
            "tradingsymbol": "NIFTY26D0124000CE",
            "transaction_type": "SELL",
            "quantity": 65,
            "order_type": "LIMIT",
            "product": "NRML",
            "price": 88.5,
        }
    ]


@pytest.mark.parametrize("legs", [(STOP, TARGET), (TARGET, STOP)], ids=["ascending", "descending"])
async def test_stop_and_target_go_out_ascending(stub, client, legs):
    stub.answers = [data({"trigger_id": 123})]
    await Desk(client).place_gtt(guard(*legs))
    assert stub.last.form["type"] == "two-leg"
    assert json.loads(stub.last.form["condition"])["trigger_values"] == [90.05, 200]
    assert [order["price"] for order in json.loads(stub.last.form["orders"])] == [88.5, 199.95]


async def test_a_guard_is_replaced_as_a_whole_and_taken_away_by_its_id(stub, client):
    stub.answers = [data({"trigger_id": 123})]
    assert await Desk(client).modify_gtt(123, guard(STOP, TARGET)) == 123
    assert stub.last.route == "PUT /gtt/triggers/123"
    assert stub.last.form["type"] == "two-leg"
    await Desk(client).delete_gtt(123)
    assert stub.last.route == "DELETE /gtt/triggers/123"


def test_a_guard_without_legs_is_a_mistake():
    with pytest.raises(ValueError, match="one leg or two"):
        guard()


async def test_a_guard_without_an_id_in_the_answer_may_exist(stub, client):
    stub.answers = [data({})]
    with pytest.raises(BrokerError) as caught:
        await Desk(client).place_gtt(guard(STOP))
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_a_refused_guard_is_told_in_kites_words(stub, client):
    words = "IP (1.2.3.4) is not allowed to place orders for this app."
    stub.answers = [fault("PermissionException", words, 403)]
    with pytest.raises(BrokerError, match="not allowed") as caught:
        await Desk(client).place_gtt(guard(STOP))
    assert (caught.value.outcome, caught.value.fault) == (Outcome.REFUSED, BrokerFault.STATIC_IP)


async def test_the_accounts_guards_show_what_became_of_their_orders(stub, client):
    stub.answers = [mock("gtt_get_orders")]
    single, pair = await Book(client).gtts()
    assert (single.trigger_id, single.is_active, single.trigger_prices) == (112127, True, (Decimal(702),))
    assert (pair.status, pair.trigger_prices) == ("triggered", (Decimal("102.0"), Decimal("103.7")))
    untouched, fired = pair.legs
    assert (untouched.order_status, untouched.order_id) == (None, None)
    assert (fired.order_status, fired.order_id) == ("failed", None)
    assert fired.rejection_reason.startswith("Your order price is lower")


async def test_one_guard_is_read_by_its_id(stub, client):
    stub.answers = [mock("gtt_get_order")]
    assert (await Book(client).gtt(123)).trigger_id == 123
    assert stub.last.route == "GET /gtt/triggers/123"
