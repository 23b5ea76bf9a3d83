"""A contract's names."""

from decimal import Decimal

from tests.domain.samples import contract


def test_a_contract_is_quoted_by_exchange_and_symbol():
    assert contract().quote_key == "NFO:NIFTY26D0124000CE"


def test_a_readers_title_has_no_trailing_zeros_and_no_exponent():
    assert contract(strike=Decimal("24000.0")).title == "NIFTY 24000 CE 01 Dec"
    assert contract(strike=Decimal("24012.50")).title == "NIFTY 24012.5 CE 01 Dec"
