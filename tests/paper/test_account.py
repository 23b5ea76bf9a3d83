"""Positions, funds, margins and charges."""

import pytest
from kiteconnect.exceptions import InputException

from gateway.paper.positions import Position, day_row, net_row
from gateway.paper.server import PaperServer
from gateway.paper.words import Product
from tests.paper.conftest import Kite, at_the_money, quote, sample, wish


def test_positions_add_up_as_in_zerodhas_sample() -> None:
    """GOLDGUINEA of positions.json: 3 carried at 23057, one bought at 23388, four sold at 23340."""
    gold = Position(
        exchange="MCX",
        tradingsymbol="GOLDGUINEA17DECFUT",
        token=53505799,
        product=Product.NRML,
        overnight=3,
        overnight_value=3 * 23057_00,
        close=23232_00,
        bought=1,
        bought_value=23388_00,
        sold=4,
        sold_value=4 * 23340_00,
    )
    samples = sample("positions.json")["data"]
    [net] = [row for row in samples["net"] if row["tradingsymbol"] == gold.tradingsymbol]
    [day] = [row for row in samples["day"] if row["tradingsymbol"] == gold.tradingsymbol]
    assert net_row(gold, 23355_00) == net
    assert day_row(gold, 23355_00) == day


async def test_a_round_trip_leaves_a_flat_position_with_its_result(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    bought = (await kite.reaches(await kite.buy(contract), "COMPLETE"))["average_price"]
    paper.set_spot("NIFTY", 24_100)
    sale = await kite.buy(contract, transaction_type="SELL")
    sold = (await kite.reaches(sale, "COMPLETE"))["average_price"]

    [row] = (await kite.positions())["net"]
    assert (row["quantity"], row["average_price"]) == (0, 0)
    assert row["pnl"] == pytest.approx(65 * (sold - bought))
    assert (await kite.margins("equity"))["net"] == pytest.approx(1_000_000 + row["pnl"])


async def test_products_are_positions_of_their_own(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    for product in ("NRML", "MIS"):
        await kite.reaches(await kite.buy(contract, product=product), "COMPLETE")
    assert sorted(row["product"] for row in (await kite.positions())["net"]) == ["MIS", "NRML"]


async def test_a_purchase_blocks_its_premium_from_acceptance_to_cancellation(
    paper: PaperServer, kite: Kite
) -> None:
    order_id = await kite.buy(at_the_money(paper), order_type="LIMIT", price=100.0)
    await kite.reaches(order_id, "OPEN")
    assert (await kite.margins("equity"))["net"] == 1_000_000 - 65 * 100
    await kite.cancel_order("regular", order_id)
    assert (await kite.margins("equity"))["net"] == 1_000_000


async def test_a_short_takes_span_and_exposure_and_buying_it_back_frees_them(
    paper: PaperServer, kite: Kite
) -> None:
    contract = at_the_money(paper)
    sale = await kite.buy(contract, transaction_type="SELL")
    await kite.reaches(sale, "COMPLETE")
    utilised = (await kite.margins("equity"))["utilised"]
    assert utilised["span"] == pytest.approx(0.09 * 65 * 24013.45, abs=1)
    assert utilised["exposure"] == pytest.approx(0.02 * 65 * 24013.45, abs=1)

    await kite.reaches(await kite.buy(contract), "COMPLETE")
    assert (await kite.margins("equity"))["utilised"]["span"] == 0


async def test_selling_what_is_held_needs_no_margin_and_selling_it_twice_does(
    paper: PaperServer, kite: Kite
) -> None:
    contract = at_the_money(paper)
    rest = {
        "transaction_type": "SELL",
        "order_type": "LIMIT",
        "price": quote(paper, contract).last / 100 + 50,
    }
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    await kite.reaches(await kite.buy(contract, **rest), "OPEN")
    assert (await kite.margins("equity"))["utilised"]["span"] == 0
    await kite.reaches(await kite.buy(contract, **rest), "OPEN")
    assert (await kite.margins("equity"))["utilised"]["span"] > 0


async def test_an_exit_is_never_refused_for_want_of_margin(paper: PaperServer, kite: Kite) -> None:
    """Even when working orders have eaten all that is free."""
    contract = at_the_money(paper)
    await kite.reaches(await kite.buy(contract), "COMPLETE")
    hog = at_the_money(paper, steps=-40)
    price = round(quote(paper, hog).bid / 100 - 20, 1)
    lots = int((await kite.margins("equity"))["net"] // (price * 65))
    await kite.reaches(await kite.buy(hog, order_type="LIMIT", price=price, quantity=lots * 65), "OPEN")
    sale = await kite.buy(contract, transaction_type="SELL")
    await kite.reaches(sale, "COMPLETE")


async def test_an_exit_goes_through_even_when_funds_have_turned_negative(
    paper: PaperServer, kite: Kite
) -> None:
    held, shorted = at_the_money(paper), at_the_money(paper, steps=3)
    await kite.reaches(await kite.buy(held), "COMPLETE")
    short = await kite.buy(shorted, transaction_type="SELL", quantity=5 * 65)
    await kite.reaches(short, "COMPLETE")
    paper.set_spot("NIFTY", 33_000)
    assert (await kite.margins("equity"))["net"] < 0
    await kite.reaches(await kite.buy(held, transaction_type="SELL"), "COMPLETE")
    refused = await kite.buy(held)
    await kite.reaches(refused, "REJECTED")


async def test_an_order_margin_names_premium_or_span(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    buy = wish(contract) | {"order_type": "LIMIT", "price": 200.0}
    bought, sold = await kite.order_margins([buy, buy | {"transaction_type": "SELL"}])
    assert (bought["option_premium"], bought["total"], bought["span"]) == (13_000, 13_000, 0)
    assert sold["total"] == pytest.approx(0.11 * 65 * 24013.45)


async def test_a_basket_counts_the_hedge_only_at_its_end(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    sell = wish(contract) | {"order_type": "LIMIT", "price": 200.0, "transaction_type": "SELL"}
    basket = await kite.basket_order_margins([sell, sell | {"transaction_type": "BUY"}])
    assert basket["initial"]["total"] > 170_000
    assert basket["final"]["total"] == 0
    compact = await kite.basket_order_margins([sell], mode="compact")
    assert compact["orders"] == []


async def test_a_contract_note_charges_stt_on_sales_stamp_on_purchases_and_gst_on_fees(
    paper: PaperServer, kite: Kite
) -> None:
    order = wish(at_the_money(paper)) | {"average_price": 100.0}
    bought, sold = (
        note["charges"]
        for note in await kite.get_virtual_contract_note([order, order | {"transaction_type": "SELL"}])
    )
    assert (bought["transaction_tax"], sold["transaction_tax"]) == (0, pytest.approx(6500 * 0.0015))
    assert (bought["stamp_duty"], sold["stamp_duty"]) == (pytest.approx(6500 * 0.00003), 0)
    fees = bought["brokerage"] + bought["exchange_turnover_charge"] + bought["sebi_turnover_charge"]
    assert bought["brokerage"] == 20
    assert bought["gst"]["total"] == pytest.approx(0.18 * fees)


async def test_a_contract_note_needs_an_average_price(paper: PaperServer, kite: Kite) -> None:
    with pytest.raises(InputException, match="average_price"):
        await kite.get_virtual_contract_note([wish(at_the_money(paper))])
    with pytest.raises(InputException):
        await kite.order_margins({"not": "a list"})
