"""Which listed contract an alert means."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.chain import OptionChain, chains_of, read_contracts
from gateway.domain.contract import OptionType
from gateway.domain.errors import Refusal
from gateway.domain.signal import ExpiryKind, ExpiryRule, StrikeKind, StrikeRule
from tests.domain.samples import DEC_01, DEC_08, DEC_15, DEC_29, JAN_05, JAN_25, contract

CE, PE = OptionType.CE, OptionType.PE
EXPIRIES = [DEC_01, DEC_08, DEC_15, DEC_29, JAN_05, JAN_25]
STRIKES = [Decimal(level) for level in range(23_500, 24_501, 50)]


def chain(expiries=EXPIRIES, strikes=STRIKES, types=(CE, PE)) -> OptionChain:
    listed = [
        contract(expiry=day, strike=level, option_type=kind, tradingsymbol=f"NIFTY{day:%y%m%d}{level}{kind}")
        for day in expiries
        for level in strikes
        for kind in types
    ]
    return chains_of(listed)["NIFTY"]


CHAIN = chain()


def price(level) -> StrikeRule:
    return StrikeRule(kind=StrikeKind.PRICE, value=Decimal(str(level)))


def found(kind, rule, spot=None) -> Decimal:
    return CHAIN.contract(DEC_01, kind, rule, None if spot is None else Decimal(str(spot))).strike


@pytest.mark.parametrize(
    ("level", "strike"),
    [
        (24_000, 24_000),
        (24_013.45, 24_000),
        (24_025, 24_000),  # exactly between two: the lower
        (24_025.05, 24_050),
        (24_049.95, 24_050),
        (23_500, 23_500),
        (23_451, 23_500),  # within one step of the lowest
        (24_549, 24_500),
    ],
)
def test_the_nearest_listed_strike_is_taken(level, strike):
    assert found(CE, price(level)) == strike


@given(st.decimals(min_value=23_500, max_value=24_500, places=2))
def test_no_listed_strike_is_nearer_than_the_one_taken(level):
    taken = found(CE, price(level))
    assert abs(taken - level) == min(abs(strike - level) for strike in STRIKES)


@pytest.mark.parametrize("level", [23_449, 24_551, 2_400, 240_000, 55_240, 0])
def test_a_level_outside_the_chain_is_refused_not_clamped(level):
    with pytest.raises(Refusal, match="outside NIFTY's listed strikes, 23500 to 24500") as caught:
        found(CE, price(level))
    assert caught.value.rule == "strike"


@pytest.mark.parametrize(
    ("kind", "rule", "strike"),
    [
        (CE, (StrikeKind.ATM, 0), 24_000),
        (PE, (StrikeKind.ATM, 0), 24_000),
        (CE, (StrikeKind.ATM, 2), 24_100),
        (PE, (StrikeKind.ATM, 2), 24_100),  # ATM counts upwards for both
        (CE, (StrikeKind.ATM, -3), 23_850),
        (CE, (StrikeKind.OTM, 1), 24_050),  # a call is out of the money above
        (PE, (StrikeKind.OTM, 1), 23_950),  # a put below
        (CE, (StrikeKind.ITM, 2), 23_900),
        (PE, (StrikeKind.ITM, 2), 24_100),
    ],
)
def test_money_is_counted_in_listed_strikes_from_the_spot(kind, rule, strike):
    assert found(kind, StrikeRule(kind=rule[0], value=Decimal(rule[1])), spot=24_013.45) == strike


@pytest.mark.parametrize("rule", [(StrikeKind.OTM, 11), (StrikeKind.ITM, 11), (StrikeKind.ATM, 11)])
def test_more_steps_than_strikes_are_refused(rule):
    with pytest.raises(Refusal, match="from 23500 to 24500 only"):
        found(CE, StrikeRule(kind=rule[0], value=Decimal(rule[1])), spot=24_000)


def test_money_without_an_index_level_is_refused():
    with pytest.raises(Refusal, match="index level is not known, so ATM has no strike"):
        found(CE, StrikeRule(kind=StrikeKind.ATM, value=Decimal(0)))


def test_an_expiry_without_that_option_type_is_refused():
    with pytest.raises(Refusal, match="no NIFTY PE of 2026-12-01 is listed"):
        chain(types=(CE,)).contract(DEC_01, PE, price(24_000), None)


def test_a_chain_of_one_strike_takes_what_is_near_it_and_no_more():
    alone = chain(strikes=[Decimal(24_000)])
    assert alone.contract(DEC_01, CE, price(24_100), None).strike == 24_000
    with pytest.raises(Refusal, match="outside"):
        alone.contract(DEC_01, CE, price(25_000), None)


def expiry(kind=None, day=None, living=EXPIRIES) -> date:
    return CHAIN.expiry(ExpiryRule(kind=kind, day=day) if kind else None, living)


def test_without_a_word_the_nearest_living_expiry_is_meant():
    assert expiry() == expiry(ExpiryKind.WEEKLY) == DEC_01
    assert expiry(living=EXPIRIES[1:]) == DEC_08
    assert expiry(living=reversed(EXPIRIES)) == DEC_01


def test_next_is_the_one_after_the_nearest():
    assert expiry(ExpiryKind.NEXT) == DEC_08
    assert expiry(ExpiryKind.NEXT, living=EXPIRIES[1:]) == DEC_15


def test_monthly_is_the_last_of_its_month():
    assert expiry(ExpiryKind.MONTHLY) == DEC_29
    assert expiry(ExpiryKind.MONTHLY, living=[JAN_05, JAN_25]) == JAN_25


def test_on_the_last_expiry_of_a_month_monthly_is_that_day():
    assert expiry(ExpiryKind.MONTHLY, living=[DEC_29, JAN_05, JAN_25]) == DEC_29


def test_a_date_must_be_listed_and_living():
    assert expiry(ExpiryKind.DATE, DEC_15) == DEC_15
    with pytest.raises(
        Refusal, match="no living expiry on 2026-12-16; listed are 2026-12-01, 2026-12-08, 2026-12-15"
    ):
        expiry(ExpiryKind.DATE, date(2026, 12, 16))
    with pytest.raises(Refusal, match="no living expiry on 2026-12-01"):
        expiry(ExpiryKind.DATE, DEC_01, living=EXPIRIES[1:])


def test_a_list_whose_expiries_are_all_past_is_called_old():
    with pytest.raises(Refusal, match="the instrument list is old"):
        expiry(living=[])


def test_one_expiry_has_no_next():
    with pytest.raises(Refusal, match="only one listed expiry"):
        expiry(ExpiryKind.NEXT, living=[DEC_01])


HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
ROW = "1001,4,NIFTY26D0124000CE,NIFTY,0,2026-12-01,24000,0.05,65,CE,NFO-OPT,NFO"


def read(*rows, names=("NIFTY", "NIFTYNXT50", "SENSEX")):
    return read_contracts([HEADER, *rows], names)


def test_an_option_row_becomes_its_contract():
    assert read(ROW) == [contract()]


@pytest.mark.parametrize(
    "row",
    [
        ROW.replace(",CE,", ",FUT,"),
        ROW.replace(",CE,", ",,"),
        ROW.replace(",NIFTY,", ",FINNIFTY,"),
        ROW.replace("2026-12-01", ""),
        ROW.replace(",24000,", ",,"),
        ROW.replace(",24000,", ",NaN,"),
        ROW.replace(",24000,", ",Infinity,"),
        ROW.replace(",24000,", ",0,"),
        ROW.replace(",65,", ",0,"),
        ROW.replace(",65,", ",x,"),
        ROW.replace(",0.05,", ",0,"),
        ROW.replace(",0.05,", ",NaN,"),
        ROW.rsplit(",", 2)[0],
        "",
    ],
)
def test_one_odd_row_costs_nothing_but_itself(row):
    assert read(row, ROW) == [contract()]


def test_a_row_without_a_name_belongs_to_the_longest_name_its_symbol_begins_with():
    nameless = ROW.replace(",NIFTY,", ",,").replace("NIFTY26D0124000CE", "NIFTYNXT5026D24000CE")
    assert [each.name for each in read(nameless)] == ["NIFTYNXT50"]


def test_columns_are_found_by_their_names_in_any_order():
    columns, values = HEADER.split(","), ROW.split(",")
    assert read_contracts([",".join(reversed(columns)), ",".join(reversed(values))], ["NIFTY"]) == [
        contract()
    ]


@pytest.mark.parametrize("lines", [[], ["<html>"], ["a,b,c", "1,2,3"]])
def test_what_is_no_instrument_list_has_no_contracts(lines):
    assert read_contracts(lines, ["NIFTY"]) == []


def test_contracts_are_sorted_by_their_underlying():
    chains = chains_of([contract(), contract(name="SENSEX", strike=Decimal(78_000))])
    assert chains["NIFTY"].strikes(DEC_01, CE) == [24_000]
    assert chains["SENSEX"].strikes(DEC_01, CE) == [78_000]
    assert CHAIN.expiries == EXPIRIES
