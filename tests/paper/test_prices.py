"""The synthetic market: the same from the same seed, sane, and moved by tests at will."""

from datetime import datetime

from gateway.paper.instruments import Contract, Listing
from gateway.paper.market import Market
from gateway.paper.server import PaperServer
from gateway.paper.wire import IST
from gateway.paper.words import Kind
from tests.paper.conftest import Kite, at_the_money, quote

NOW = datetime(2026, 11, 25, 10, tzinfo=IST)


def market(seed: int = 1) -> Market:
    return Market(seed, 0.5, NOW)


def walked(seed: int, steps: int) -> Market:
    made = market(seed)
    for _ in range(steps):
        made.step(NOW)
    return made


def chain(kind: Kind) -> list[Contract]:
    listing = Listing(NOW)
    listing.cover("NIFTY", 24_000)
    found = [
        c for c in listing.by_key.values() if c.kind is kind and c.tradingsymbol.startswith("NIFTY26D01")
    ]
    return sorted(found, key=lambda c: c.strike)


def test_the_same_seed_and_steps_give_the_same_prices_and_another_seed_others() -> None:
    assert walked(7, 50).indices == walked(7, 50).indices
    assert walked(7, 50).indices != walked(8, 50).indices


def test_a_restarted_market_walks_the_same_path_on() -> None:
    whole, first = walked(7, 50), walked(7, 20)
    second = market(7)
    second.restore(first.steps, first.indices, NOW)
    for _ in range(30):
        second.step(NOW)
    assert second.indices == whole.indices


def test_an_hour_moves_an_index_but_not_out_of_reason() -> None:
    index = walked(3, 7200).indices["NIFTY"]
    assert index.high > index.low
    assert 0.97 < index.last / index.open < 1.03


def test_calls_fall_and_puts_rise_with_the_strike_and_all_are_on_the_tick() -> None:
    made = market()
    calls, puts = ([made.quote(c) for c in chain(kind)] for kind in (Kind.CALL, Kind.PUT))
    assert [q.last for q in calls] == sorted((q.last for q in calls), reverse=True)
    assert [q.last for q in puts] == sorted(q.last for q in puts)
    assert all(price % 5 == 0 and price > 0 for q in calls + puts for price in (q.last, q.bid, q.ask))


def test_bid_and_ask_stand_a_tick_or_two_around_the_last_price() -> None:
    made = market()
    for contract in chain(Kind.CALL):
        found = made.quote(contract)
        assert found.bid <= found.last < found.ask
        assert found.ask - found.last in (5, 10)
        assert found.low <= found.last <= found.high
        assert found.lower_circuit < found.ask <= found.upper_circuit


def test_a_call_gains_when_its_index_rises() -> None:
    made, call = market(), chain(Kind.CALL)[60]
    before = made.quote(call).last
    made.set_spot("NIFTY", 24_100_00, NOW)
    assert made.quote(call).last > before


async def test_quotes_stay_put_until_prices_move(paper: PaperServer, kite: Kite) -> None:
    key = at_the_money(paper).key
    first, second = await kite.quote(key), await kite.quote(key)
    assert first == second
    paper.step()
    assert paper.broker.market.steps == 1


async def test_unknown_keys_are_silently_missing(paper: PaperServer, kite: Kite) -> None:
    found = await kite.ltp("NSE:NIFTY 50", "NFO:NIFTY99XXX1CE")
    assert found == {"NSE:NIFTY 50": {"instrument_token": 256265, "last_price": 24013.45}}


async def test_a_quote_has_five_levels_on_each_side_best_first(paper: PaperServer, kite: Kite) -> None:
    contract = at_the_money(paper)
    depth = (await kite.quote(contract.key))[contract.key]["depth"]
    bids, asks = ([level["price"] for level in depth[side]] for side in ("buy", "sell"))
    assert (len(bids), len(asks)) == (5, 5)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert asks[0] == quote(paper, contract).ask / 100


async def test_a_test_can_put_an_index_where_it_wants(paper: PaperServer, kite: Kite) -> None:
    paper.set_spot("SENSEX", 80_000.5)
    assert float(paper.spot("SENSEX")) == 80_000.5
    assert (await kite.ltp("BSE:SENSEX"))["BSE:SENSEX"]["last_price"] == 80_000.5
