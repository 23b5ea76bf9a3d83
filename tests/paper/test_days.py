"""Days: what a day's end leaves, what the next begins with, and a market that closes."""

from datetime import datetime

import pytest
from kiteconnect.exceptions import InputException

from gateway.paper.server import PaperServer
from gateway.paper.wire import IST
from tests.paper.conftest import Clock, Kite, at_the_money, logged_in, quote, running

RESTING = {"order_type": "LIMIT", "price": 1.0}


async def test_the_order_book_is_the_days_own(paper: PaperServer, kite: Kite, clock: Clock) -> None:
    await kite.reaches(await kite.buy(at_the_money(paper)), "COMPLETE")
    clock.forward(days=1)
    await kite.log_in(paper)
    assert (await kite.orders(), await kite.trades()) == ([], [])
    assert await kite.buy(at_the_money(paper), **RESTING) == "261126000000001"


async def test_nrml_is_carried_over_night_and_mis_is_not(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    contract = at_the_money(paper)
    held = await kite.reaches(await kite.buy(contract), "COMPLETE")
    await kite.reaches(await kite.buy(contract, product="MIS"), "COMPLETE")
    paper.set_spot("NIFTY", 24_100)
    clock.forward(days=1)
    await kite.log_in(paper)

    positions = await kite.positions()
    [row] = positions["net"]
    assert positions["day"] == []
    assert (row["product"], row["quantity"], row["overnight_quantity"]) == ("NRML", 65, 65)
    assert row["average_price"] == held["average_price"]
    assert row["close_price"] > held["average_price"]


async def test_the_days_charges_are_paid_at_its_end(paper: PaperServer, kite: Kite, clock: Clock) -> None:
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    before = (await kite.margins("equity"))["net"]
    note = {"exchange": "NFO", "tradingsymbol": contract.tradingsymbol, "transaction_type": "BUY"}
    [cost] = await kite.get_virtual_contract_note(
        [note | {"quantity": 65, "average_price": quote(paper, contract).ask / 100}]
    )
    clock.forward(days=1)
    await kite.log_in(paper)
    after = (await kite.margins("equity"))["net"]
    assert after == pytest.approx(before - cost["charges"]["total"], abs=0.011)


async def test_a_position_held_into_its_expiry_is_settled_in_cash(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    contract = at_the_money(paper, steps=-4)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    paper.set_spot("NIFTY", 24_100)
    for hour in (10, 16):
        clock.now = datetime(2026, 12, 1, hour, 0, tzinfo=IST)
        await kite.log_in(paper)
    [row] = (await kite.positions())["net"]
    assert row["last_price"] == pytest.approx(24_100 - contract.strike, abs=1)
    with pytest.raises(InputException, match="has either expired"):
        await kite.buy(contract)

    cash = (await kite.margins("equity"))["net"]
    clock.forward(days=1)
    await kite.log_in(paper)
    assert (await kite.positions())["net"] == []
    assert (await kite.margins("equity"))["net"] == pytest.approx(cash + 65 * row["last_price"])


async def test_what_rests_at_midnight_is_cancelled_and_the_stream_says_so(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    told: list[tuple[str, str]] = []
    order_id = await kite.buy(at_the_money(paper), **RESTING)
    await kite.reaches(order_id, "OPEN")
    paper.broker.exchange.tell = lambda order, status: told.append((order.order_id, status))
    clock.forward(days=1)
    await kite.log_in(paper)
    assert told == [(order_id, "CANCELLED")]


async def test_what_rests_in_a_contract_is_cancelled_when_it_expires(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    clock.now = datetime(2026, 12, 1, 15, 0, tzinfo=IST)
    await kite.log_in(paper)
    order_id = await kite.buy(at_the_money(paper), **RESTING)
    await kite.reaches(order_id, "OPEN")
    clock.forward(hours=1)
    await kite.reaches(order_id, "CANCELLED")


async def test_a_carried_contract_stays_tradable_wherever_the_index_went(
    paper: PaperServer, kite: Kite, clock: Clock
) -> None:
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    paper.set_spot("NIFTY", 34_000)
    clock.forward(days=1)
    await kite.log_in(paper)
    sale = await kite.buy(contract, transaction_type="SELL")
    await kite.reaches(sale, "COMPLETE")


async def test_a_closed_market_refuses_orders_and_stands_still(clock: Clock) -> None:
    clock.now = datetime(2026, 11, 24, 11, 0, tzinfo=IST)  # a holiday
    async with running(clock=clock, always_open=False) as paper, logged_in(paper) as kite:
        with pytest.raises(
            InputException, match="MIS \\(intraday\\) are blocked as the markets are not open"
        ):
            await kite.buy(at_the_money(paper), product="MIS")
        paper.step()
        assert paper.broker.market.steps == 0
        assert paper.view()["open"] is False


async def test_at_the_close_what_rests_is_cancelled(clock: Clock) -> None:
    async with running(clock=clock, always_open=False) as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper), **RESTING)
        await kite.reaches(order_id, "OPEN")
        clock.now = clock.now.replace(hour=15, minute=40)
        await kite.reaches(order_id, "CANCELLED")


async def test_an_after_market_order_waits_over_night_for_the_opening(clock: Clock) -> None:
    clock.now = clock.now.replace(hour=18)
    async with running(clock=clock, always_open=False) as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper), variety="amo", order_type="LIMIT", price=900.0)
        assert (await kite.order(order_id))["status"] == "AMO REQ RECEIVED"
        await kite.modify_order("amo", order_id, price=950.0)
        assert (await kite.order(order_id))["status"] == "AMO REQ RECEIVED"
        clock.now = datetime(2026, 11, 26, 9, 14, tzinfo=IST)
        await kite.log_in(paper)
        assert (await kite.order(order_id))["status"] == "AMO REQ RECEIVED"
        clock.now = datetime(2026, 11, 26, 9, 15, tzinfo=IST)
        row = await kite.reaches(order_id, "COMPLETE")
    assert (row["variety"], row["price"]) == ("amo", 950.0)


async def test_the_exchange_trades_when_its_owner_says_so():
    """A day that was added to the gateway's calendar is one of the embedded exchange, too."""
    open_now = [False]
    server = PaperServer(always_open=False, in_session=lambda _: open_now[0], price_interval=0)
    assert not server.broker.open
    open_now[0] = True
    assert server.broker.open
