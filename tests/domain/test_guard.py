"""The guard around a holding."""

from decimal import Decimal

import pytest

from gateway.domain.guard import BrokerGuard, GuardLeg, GuardTicket
from gateway.domain.order import Side


def ticket(*prices):
    return GuardTicket(
        exchange="NFO",
        tradingsymbol="NIFTY26D0124000CE",
        side=Side.SELL,
        quantity=65,
        last_price=Decimal(150),
        legs=tuple(GuardLeg(trigger_price=Decimal(price), price=Decimal(price)) for price in prices),
    )


def test_a_guard_has_one_leg_or_two():
    assert ticket(140).legs
    for prices in ((), (140, 150, 160)):
        with pytest.raises(ValueError, match="one leg or two"):
            ticket(*prices)


def test_kite_gets_the_lower_trigger_first():
    assert [leg.trigger_price for leg in ticket(180, 140).ascending] == [140, 180]


@pytest.mark.parametrize(("status", "active"), [("active", True), ("triggered", False), ("deleted", False)])
def test_only_an_active_guard_may_still_trigger(status, active):
    guard = BrokerGuard(
        trigger_id=1,
        status=status,
        exchange="NFO",
        tradingsymbol="X",
        trigger_prices=(),
        legs=(),
        created_at=None,
    )
    assert guard.is_active is active
