"""Which contracts are listed, on which day, under which symbols."""

from datetime import date, datetime

import pytest

from config.market import underlyings
from gateway.paper.instruments import Listing
from gateway.paper.server import PaperServer
from gateway.paper.trading_days import expiries, hours_on, is_open
from gateway.paper.wire import IST
from gateway.paper.words import Kind
from tests.paper.conftest import Clock, Kite, running


def at(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=IST)


def listed(now: datetime, *names: str) -> Listing:
    listing = Listing(now)
    for name in names:
        listing.cover(name, int(underlyings()[name].spot))
    return listing


@pytest.mark.parametrize(
    ("now", "key"),
    [
        (at(11, 25), "NFO:NIFTY26D0124000CE"),
        (at(11, 25), "NFO:NIFTY26DEC24000PE"),
        (at(11, 25), "BFO:SENSEX26NOV78600CE"),
        (at(11, 25), "BFO:SENSEX26D0378600CE"),
        (at(11, 25), "NFO:BANKNIFTY26DEC55200PE"),
        (at(11, 9), "NFO:NIFTY26N0924000CE"),
        (at(9, 8), "BFO:SENSEX2691078600CE"),
        (at(10, 5), "NFO:NIFTY26O0624000PE"),
        (at(11, 20), "NFO:NIFTY26NOV24000CE"),
        (at(11, 25), "NSE:NIFTY 50"),
        (at(11, 25), "BSE:SENSEX"),
        (at(11, 25), "NFO:NIFTY26DECFUT"),
    ],
)
def test_symbols_have_kites_form(now: datetime, key: str) -> None:
    assert key in listed(now, "NIFTY", "BANKNIFTY", "SENSEX").by_key


@pytest.mark.parametrize(
    ("name", "now", "days"),
    [
        ("NIFTY", at(11, 9), [date(2026, 11, 9), date(2026, 11, 17), date(2026, 11, 23), date(2026, 12, 1)]),
        ("NIFTY", at(11, 23), [date(2026, 11, 23), date(2026, 12, 1)]),
        ("BANKNIFTY", at(11, 20), [date(2026, 11, 23), date(2026, 12, 29)]),
        ("SENSEX", at(12, 20), [date(2026, 12, 24), date(2026, 12, 31)]),
    ],
)
def test_a_holiday_moves_an_expiry_to_the_trading_day_before(
    name: str, now: datetime, days: list[date]
) -> None:
    assert [expiry.day for expiry in expiries(underlyings()[name], now)][: len(days)] == days


def test_the_last_expiry_of_a_month_is_monthly_and_only_nifty_and_sensex_have_weeklies() -> None:
    months = {name: [e.monthly for e in expiries(u, at(11, 25))] for name, u in underlyings().items()}
    assert months["NIFTY"][:5] == [False, False, False, False, True]
    assert {name for name, kinds in months.items() if not all(kinds)} == {"NIFTY", "SENSEX"}


def test_an_expiry_day_counts_as_past_once_the_session_has_closed() -> None:
    nifty = underlyings()["NIFTY"]
    assert expiries(nifty, at(11, 23, 15, 39))[0].day == date(2026, 11, 23)
    assert expiries(nifty, at(11, 23, 15, 40))[0].day == date(2026, 12, 1)


def test_nothing_that_has_expired_is_listed_at_any_time_of_the_year() -> None:
    for month in range(1, 13):
        now = at(month, 28, 18)
        days = [c.expiry for c in Listing(now).by_key.values() if c.expiry]
        assert min(days) >= now.date()


def test_tokens_are_unique_small_enough_for_the_wire_and_carry_their_segment() -> None:
    listing = listed(at(11, 25), *underlyings())
    assert len(listing.by_token) == len(listing.by_key)
    for contract in listing.by_key.values():
        assert contract.token < 2**32
        assert contract.token & 0xFF == {"NFO": 2, "BFO": 5, "NSE": 9, "BSE": 9}[contract.exchange]


def test_tokens_and_symbols_are_the_same_in_every_process() -> None:
    first, second = (listed(at(11, 25), "NIFTY") for _ in range(2))
    assert first.by_key == second.by_key


def test_sixty_strikes_are_listed_on_each_side() -> None:
    listing = listed(at(11, 25), "NIFTY")
    strikes = {c.strike for c in listing.by_key.values() if c.name == "NIFTY" and c.kind is Kind.CALL}
    assert (min(strikes), max(strikes), len(strikes)) == (21000, 27000, 121)


def test_strikes_are_added_where_the_index_goes_and_none_is_taken_away() -> None:
    listing = listed(at(11, 25), "NIFTY")
    before = set(listing.by_key)
    listing.cover("NIFTY", 26_500)
    assert before < set(listing.by_key)
    assert "NFO:NIFTY26D0129500CE" in listing.by_key


async def test_new_contracts_appear_and_old_ones_go_as_days_pass(clock: Clock) -> None:
    clock.now = at(11, 30)
    async with running(clock=clock) as paper:
        client = Kite(paper)
        await client.log_in(paper)
        before = {row["tradingsymbol"] for row in await client.instruments("NFO")}
        clock.now = at(12, 1, 15, 41)
        await client.log_in(paper)
        after = {row["tradingsymbol"] for row in await client.instruments("NFO")}
        client.close()
    assert {"NIFTY26D0124000CE"} <= before - after
    assert {"NIFTY27J0524000CE", "NIFTY2710524000CE"} & (after - before)


async def test_one_exchange_lists_its_own_and_indices_come_under_nse_and_bse(
    paper: PaperServer, kite: Kite
) -> None:
    bfo, nse, everything = [await kite.instruments(name) for name in ("BFO", "NSE", None)]
    assert {row["exchange"] for row in bfo} == {"BFO"}
    nifty = next(row for row in nse if row["tradingsymbol"] == "NIFTY 50")
    assert (nifty["instrument_token"], nifty["segment"], nifty["instrument_type"]) == (
        256265,
        "INDICES",
        "EQ",
    )
    assert {row["exchange"] for row in everything} == {"NFO", "BFO", "NSE", "BSE"}


async def test_an_option_row_says_what_an_order_needs(paper: PaperServer, kite: Kite) -> None:
    rows = {row["tradingsymbol"]: row for row in await kite.instruments("NFO")}
    row = rows["NIFTY26D0124000CE"]
    assert (row["name"], row["expiry"], row["strike"]) == ("NIFTY", date(2026, 12, 1), 24000.0)
    assert (row["lot_size"], row["tick_size"], row["segment"]) == (65, 0.05, "NFO-OPT")


def test_the_session_ends_at_1540_and_holidays_have_none() -> None:
    assert is_open(at(11, 25, 9, 15))
    assert is_open(at(11, 25, 15, 39))
    assert not is_open(at(11, 25, 15, 40))
    assert hours_on(date(2026, 11, 24)) is None
    assert hours_on(date(2026, 11, 8)) is not None  # Muhurat, a Sunday
