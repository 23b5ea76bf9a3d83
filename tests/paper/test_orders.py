"""The life of an order: acceptance, fills, modification, cancellation."""

from typing import Any

import pytest
from kiteconnect.exceptions import InputException, OrderException

from gateway.paper.instruments import Contract
from gateway.paper.protection import protect
from gateway.paper.server import PaperServer
from gateway.paper.words import Side
from tests.paper.conftest import Clock, Kite, at_the_money, quote, running


def limit(price: float, **more: Any) -> dict[str, Any]:
    return {"order_type": "LIMIT", "price": price, "market_protection": None, **more}


async def statuses(kite: Kite, order_id: str) -> list[str]:
    return [row["status"] for row in await kite.order_history(order_id)]


async def test_a_market_order_goes_the_whole_way_and_fills_at_the_ask(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    order_id = await kite.buy(contract)
    row = await kite.reaches(order_id, "COMPLETE")
    assert row["average_price"] == quote(paper, contract).ask / 100
    assert (row["filled_quantity"], row["pending_quantity"]) == (65, 0)
    assert await statuses(kite, order_id) == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
        "COMPLETE",
    ]


async def test_a_market_order_shows_as_a_limit_order_with_marks(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    order_id = await kite.buy(contract, tag="MINE")
    row = await kite.reaches(order_id, "COMPLETE")
    assert (row["order_type"], row["market_protection"], row["tag"]) == ("LIMIT", 0, "MINE")
    assert row["tags"] == ["MINE", "mktp", "mktp:2.00"]
    assert row["price"] == pytest.approx(quote(paper, contract).last / 100 * 1.02, abs=0.05)


async def test_an_order_without_a_tag_has_no_tags(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    row = await kite.order(await kite.buy(contract, **limit(1.0), tag=None))
    assert row["tag"] is None
    assert "tags" not in row


@pytest.mark.parametrize(
    ("side", "last", "percent", "price"),
    [
        (Side.BUY, 900, -1, 945),
        (Side.BUY, 5_000, -1, 5_150),
        (Side.SELL, 20_000, -1, 19_600),
        (Side.SELL, 60_000, -1, 59_400),
        (Side.BUY, 20_000, 10, 22_000),
        (Side.BUY, 1_005, -1, 1_035),
        (Side.SELL, 1_005, -1, 975),
        (Side.SELL, 5, 100, 5),
    ],
)
def test_the_protection_price_follows_kites_bands(side: Side, last: int, percent: int, price: int) -> None:
    assert protect(side, last, 5, percent).price == price


async def test_a_fill_needs_no_price_to_move(paper: PaperServer, kite: Kite) -> None:
    await kite.reaches(await kite.buy(at_the_money(paper)), "COMPLETE")
    assert paper.broker.market.steps == 0


async def test_a_limit_below_the_market_rests_and_fills_at_its_price_when_the_market_comes(
    paper: PaperServer, kite: Kite
) -> None:
    contract = at_the_money(paper)
    price = quote(paper, contract).bid / 100 - 10
    order_id = await kite.buy(contract, **limit(price))
    await kite.reaches(order_id, "OPEN")
    paper.set_spot("NIFTY", float(paper.spot("NIFTY")) - 100)
    row = await kite.reaches(order_id, "COMPLETE")
    assert row["average_price"] == price


async def test_a_limit_above_the_market_gets_the_better_price(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    order_id = await kite.buy(contract, **limit(quote(paper, contract).ask / 100 + 5))
    row = await kite.reaches(order_id, "COMPLETE")
    assert row["average_price"] == quote(paper, contract).ask / 100


async def test_a_sale_fills_at_the_bid(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    sale = await kite.buy(contract, transaction_type="SELL")
    assert (await kite.reaches(sale, "COMPLETE"))["average_price"] == quote(paper, contract).bid / 100


async def test_ioc_that_cannot_fill_is_cancelled(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0, validity="IOC"))
    row = await kite.reaches(order_id, "CANCELLED")
    assert (row["cancelled_quantity"], row["status_message"]) == (65, None)


async def test_a_stop_waits_for_its_trigger_then_fills(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    last = quote(paper, contract).last / 100
    stop = limit(
        round(last - 40, 1), transaction_type="SELL", order_type="SL", trigger_price=round(last - 20, 1)
    )
    order_id = await kite.buy(contract, **stop)
    await kite.reaches(order_id, "TRIGGER PENDING")
    paper.set_spot("NIFTY", float(paper.spot("NIFTY")) - 50)
    assert (await kite.reaches(order_id, "COMPLETE"))["average_price"] < last - 20


async def test_a_stop_to_buy_back_waits_for_a_rise(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    last = quote(paper, contract).last / 100
    stop = limit(round(last + 60, 1), order_type="SL", trigger_price=round(last + 20, 1))
    order_id = await kite.buy(contract, **stop)
    await kite.reaches(order_id, "TRIGGER PENDING")
    await kite.modify_order("regular", order_id, trigger_price=round(last + 25, 1), price=round(last + 60, 1))
    assert (await kite.order(order_id))["status"] == "TRIGGER PENDING"
    paper.set_spot("NIFTY", float(paper.spot("NIFTY")) + 80)
    await kite.reaches(order_id, "COMPLETE")


async def test_a_modification_that_breaks_a_rule_changes_nothing(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    for change in ({"price": 1.03}, {"quantity": 64}, {"quantity": 1820}):
        with pytest.raises(InputException):
            await kite.modify_order("regular", order_id, **change)
    row = await kite.order(order_id)
    assert (row["price"], row["quantity"], row["modified"]) == (1, 65, False)


async def test_a_stop_whose_limit_is_jumped_rests_open(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    last = quote(paper, contract).last / 100
    stop = limit(
        round(last - 21, 1), transaction_type="SELL", order_type="SL", trigger_price=round(last - 20, 1)
    )
    order_id = await kite.buy(contract, **stop)
    await kite.reaches(order_id, "TRIGGER PENDING")
    paper.set_spot("NIFTY", float(paper.spot("NIFTY")) - 200)
    await kite.reaches(order_id, "OPEN")


async def test_a_modified_order_shows_its_way_and_fills_at_the_new_price(
    paper: PaperServer, kite: Kite
) -> None:
    contract = at_the_money(paper)
    order_id = await kite.buy(contract, **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    await kite.modify_order("regular", order_id, price=quote(paper, contract).ask / 100, order_type="LIMIT")
    row = await kite.reaches(order_id, "COMPLETE")
    assert row["modified"] is True
    assert (await statuses(kite, order_id))[4:] == [
        "MODIFY VALIDATION PENDING",
        "MODIFY PENDING",
        "MODIFIED",
        "OPEN",
        "COMPLETE",
    ]


async def test_a_limit_order_becomes_a_protected_one(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    with pytest.raises(InputException, match="Market orders without market protection"):
        await kite.modify_order("regular", order_id, order_type="MARKET")
    await kite.modify_order("regular", order_id, order_type="MARKET", market_protection=-1)
    assert (await kite.reaches(order_id, "COMPLETE"))["tags"] == ["T1", "mktp", "mktp:2.00"]


async def test_the_26th_modification_is_refused(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    for step in range(25):
        await kite.modify_order("regular", order_id, price=1.0 + step / 10)
    with pytest.raises(OrderException, match="Maximum allowed order modifications exceeded"):
        await kite.modify_order("regular", order_id, price=9.0)


async def test_a_cancelled_order_is_over_and_cannot_be_cancelled_again(
    paper: PaperServer, kite: Kite
) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    assert await kite.cancel_order("regular", order_id) == order_id
    row = await kite.reaches(order_id, "CANCELLED")
    assert (row["cancelled_quantity"], row["pending_quantity"], row["filled_quantity"]) == (65, 65, 0)
    with pytest.raises(OrderException, match="Order cannot be cancelled as it is being processed"):
        await kite.cancel_order("regular", order_id)
    with pytest.raises(OrderException, match="Order cannot be modified as it is being processed"):
        await kite.modify_order("regular", order_id, price=2.0)


async def test_the_variety_in_the_path_must_be_the_orders_own(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper), **limit(1.0))
    await kite.reaches(order_id, "OPEN")
    with pytest.raises(InputException, match="variety"):
        await kite.cancel_order("amo", order_id)


async def test_an_unknown_order_is_not_found(paper: PaperServer, kite: Kite) -> None:
    with pytest.raises(OrderException, match="order_id") as refused:
        await kite.cancel_order("regular", "1")
    assert refused.value.code == 404
    with pytest.raises(OrderException):
        await kite.order_history("1")


async def test_order_numbers_are_text_and_count_up_within_the_day(paper: PaperServer, kite: Kite) -> None:
    numbers = [await kite.buy(at_the_money(paper), **limit(1.0)) for _ in range(3)]
    assert numbers == ["261125000000001", "261125000000002", "261125000000003"]


async def test_a_trade_is_listed_with_a_time_of_day_only(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    contract = at_the_money(paper)
    order_id = await kite.buy(contract)
    await kite.reaches(order_id, "COMPLETE")
    [trade] = await kite.order_trades(order_id)
    assert (trade["order_timestamp"], trade["fill_timestamp"]) == ("10:00:00", clock.now.replace(tzinfo=None))
    assert (trade["quantity"], trade["tradingsymbol"]) == (65, contract.tradingsymbol)
    assert [row["trade_id"] for row in await kite.trades()] == [trade["trade_id"]]


async def test_an_order_in_transit_cannot_be_cancelled_yet(clock: Clock) -> None:
    async with running(clock=clock, latency=30) as paper:
        kite = Kite(paper)
        await kite.log_in(paper)
        order_id = await kite.buy(at_the_money(paper))
        assert (await kite.order(order_id))["status"] == "PUT ORDER REQ RECEIVED"
        with pytest.raises(OrderException, match="as it is being processed"):
            await kite.cancel_order("regular", order_id)
        kite.close()


async def test_two_contracts_do_not_fill_each_other(paper: PaperServer, kite: Kite) -> None:
    near, far = at_the_money(paper), at_the_money(paper, steps=5)
    rests, fills = await kite.buy(near, **limit(1.0)), await kite.buy(far)
    await kite.reaches(fills, "COMPLETE")
    assert (await kite.reaches(rests, "OPEN"))["filled_quantity"] == 0


async def test_the_view_shows_spots_orders_positions_and_funds(paper: PaperServer, kite: Kite) -> None:
    contract: Contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    view = paper.view()
    assert view["spots"]["NIFTY"]["last_price"] == 24013.45
    assert view["orders"][0]["status"] == "COMPLETE"
    assert view["positions"][0]["tradingsymbol"] == contract.tradingsymbol
    assert view["funds"]["net"] < 1_000_000
