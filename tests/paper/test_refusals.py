"""What is refused at once, and what is accepted and rejected later: in Kite's words."""

from dataclasses import replace
from typing import Any

import pytest
from kiteconnect.exceptions import InputException, NetworkException

from gateway.paper.limits import Limits, Window
from gateway.paper.server import PaperServer
from tests.paper.conftest import GENEROUS, Clock, Kite, at_the_money, logged_in, quote, running

UNPROTECTED = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
FREEZE = (
    "The order quantity 1820 \\(28 lots\\) is higher than the maximum quantity of 1755 \\(27 lots\\) allowed"
)
LIMIT = {"order_type": "LIMIT", "market_protection": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market_protection": None}, UNPROTECTED),
        ({"market_protection": 0}, UNPROTECTED),
        ({"market_protection": 101}, "Invalid `market_protection`."),
        ({"quantity": 64}, "multiple of 65"),
        ({"quantity": 0}, "Invalid `quantity`."),
        ({"quantity": 1820}, FREEZE),
        (LIMIT | {"price": 100.03}, "Order price is not a multiple of tick size"),
        (LIMIT | {"price": 100.001}, "Invalid `price`."),
        (LIMIT, "Invalid `price`."),
        (LIMIT | {"price": 90_000.0}, "higher than the current upper circuit limit of"),
        ({"tag": "x" * 21}, "Invalid `tag`."),
        ({"tag": "with space"}, "Invalid `tag`."),
        ({"tradingsymbol": "NIFTY26X0124000CE"}, "has either expired or does not exist."),
        ({"exchange": "NSE", "tradingsymbol": "NIFTY 50"}, "has either expired or does not exist."),
        ({"product": "CNC"}, "Invalid `product`."),
        ({"transaction_type": "HOLD"}, "Invalid `transaction_type`."),
        ({"variety": "bo"}, "Invalid `variety`."),
        ({"tradingsymbol": ""}, "Missing or empty field `tradingsymbol`"),
        ({"variety": "amo"}, "After market orders cannot be placed"),
    ],
)
async def test_an_input_fault_is_refused_at_once(
    paper: PaperServer, kite: Kite, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputException, match=words) as refused:
        await kite.buy(at_the_money(paper), **changes)
    assert refused.value.code == 400
    assert await kite.orders() == []


@pytest.mark.parametrize(
    ("side", "trigger", "price", "words"),
    [
        ("SELL", 20, 10, "stoploss sell orders should be lower than the last traded price"),
        ("BUY", -20, 10, "stoploss buy orders should be higher than the last traded price"),
        ("SELL", -20, -10, "stoploss sell orders should be between"),
    ],
)
async def test_a_stop_on_the_wrong_side_is_refused(
    paper: PaperServer, kite: Kite, side: str, trigger: int, price: int, words: str
) -> None:
    contract = at_the_money(paper)
    last = quote(paper, contract).last / 100
    stop = LIMIT | {"order_type": "SL", "price": last + price, "trigger_price": last + trigger}
    with pytest.raises(InputException, match=words):
        await kite.buy(contract, transaction_type=side, **stop)


async def test_sl_m_on_an_option_is_accepted_and_rejected_by_the_exchange(
    paper: PaperServer, kite: Kite
) -> None:
    contract = at_the_money(paper)
    trigger = quote(paper, contract).last / 100 + 20
    order_id = await kite.buy(contract, order_type="SL-M", trigger_price=trigger)
    row = await kite.reaches(order_id, "REJECTED")
    assert row["status_message"] == "16052 Function not available"


async def test_too_dear_an_order_is_accepted_and_rejected_for_margin(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(at_the_money(paper, steps=-40), quantity=65 * 27)
    row = await kite.reaches(order_id, "REJECTED")
    assert row["status_message"].startswith("Insufficient funds. Required margin is ")
    assert "but available margin is 1000000.00. Check the orderbook" in row["status_message"]
    assert row["status_message_raw"].startswith("RMS:Margin Exceeds,Required:")
    assert (row["pending_quantity"], row["exchange_order_id"]) == (0, None)


async def test_futures_are_listed_but_blocked(paper: PaperServer, kite: Kite) -> None:
    order_id = await kite.buy(paper.broker.listing.by_key["NFO:NIFTY26DECFUT"])
    assert (await kite.reaches(order_id, "REJECTED"))["status_message"] == "RMS:Blocked for NFO-FUT"


async def test_slicing_a_small_order_is_refused_as_kite_does(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    wanted = {"exchange": "NFO", "tradingsymbol": contract.tradingsymbol, "transaction_type": "BUY"}
    with pytest.raises(InputException, match="greater than or equal to 3510 for order slicing"):
        await kite.place_autoslice_order(
            "regular", quantity=1820, product="NRML", order_type="LIMIT", price=1.0, **wanted
        )


async def test_the_eleventh_order_request_within_a_second_is_refused_with_429(clock: Clock) -> None:
    async with running(clock=clock, limits=Limits()) as paper, logged_in(paper) as kite:
        contract = at_the_money(paper)
        for _ in range(10):
            await kite.buy(contract, price=1.0, **LIMIT)
        with pytest.raises(NetworkException, match="Too many requests") as refused:
            await kite.buy(contract, price=1.0, **LIMIT)
        assert refused.value.code == 429
        assert len(paper.book()["accepted"]) == 10


async def test_quotes_are_served_once_a_second(clock: Clock) -> None:
    async with running(clock=clock, limits=Limits()) as paper, logged_in(paper) as kite:
        await kite.quote("NSE:NIFTY 50")
        with pytest.raises(NetworkException) as refused:
            await kite.quote("NSE:NIFTY 50")
        assert refused.value.code == 429


async def test_the_daily_cap_stops_new_orders_but_not_cancellations(clock: Clock) -> None:
    capped = replace(GENEROUS, orders_per_day=1)
    async with running(clock=clock, limits=capped) as paper, logged_in(paper) as kite:
        contract = at_the_money(paper)
        order_id = await kite.buy(contract, price=1.0, **LIMIT)
        with pytest.raises(Exception, match="Maximum allowed order requests exceeded"):
            await kite.buy(contract, price=1.0, **LIMIT)
        await kite.reaches(order_id, "OPEN")
        await kite.cancel_order("regular", order_id)


def test_a_window_slides() -> None:
    window = Window(2, 1.0)
    assert [window.admit(at) for at in (0.0, 0.5, 0.9, 1.0, 1.4, 1.5)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
