"""Trailing stops: they follow the price upwards and never down, at Kite, through refusals and restarts."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.guarding import GuardKind, Trail
from gateway.domain.order import GuardState
from gateway.paper.faults import FaultKind
from storage import tables
from storage.guards import known
from tests.guards.house import CHANGE_GTT, LOT, House, percent, price

MODIFY = "PUT /orders/*"


def trigger(house: House) -> Decimal:
    """Of the one active GTT, its lower trigger."""
    (gtt,) = house.gtts("active")
    return Decimal(str(gtt["condition"]["trigger_values"][0]))


async def rise(house: House, factor: str, looks: int = 2) -> Decimal:
    """The premium goes to a multiple of what was paid, and is seen there."""
    (row,) = [holding for holding in await house.rows(tables.holdings) if holding.quantity]
    paid = Decimal(row.cost_paise) / row.bought / 100
    got = house.premium(paid * Decimal(factor))
    for _ in range(looks):
        house.clock.forward(seconds=6)
        await house.turn()
    return got


async def trailing(house: House, said: Any, **changes: Any) -> Decimal:
    """A guarded holding whose stop trails; what was paid."""
    await house.enter(trailing_stop=said, **changes)
    await house.settle(2)
    (row,) = await house.rows(tables.holdings)
    return Decimal(row.cost_paise) / row.bought / 100


def below(peak: Decimal, share: str) -> Decimal:
    return Trail(said=share, peak=peak).stop(Decimal("0.05"))


async def test_without_another_stop_it_starts_below_the_fill(house: House) -> None:
    paid = await trailing(house, percent("10"))
    assert trigger(house) == below(paid, "10%")


async def test_it_follows_the_price_up_and_never_down_and_sells_there(house: House) -> None:
    await trailing(house, percent("10"))
    top = await rise(house, "1.5")
    assert trigger(house) == below(top, "10%")
    await rise(house, "1.42")
    assert trigger(house) == below(top, "10%"), "never down"
    await house.hit_stop()
    await house.settle(3)
    assert (house.net(), await house.held()) == (0, 0)
    assert len(house.gtts()) == 1, "one GTT, changed and not placed anew"


async def test_in_rupees_it_follows_by_rupees(house: House) -> None:
    await trailing(house, price("25"))
    top = await rise(house, "1.5")
    assert trigger(house) == top - 25


async def test_of_two_stops_the_higher_counts_and_the_target_stays(house: House) -> None:
    paid = await trailing(house, percent("30"), stop_loss=percent("-20"), target=percent("90"))
    (gtt,) = house.gtts("active")
    _, target = gtt["condition"]["trigger_values"]
    assert trigger(house) == below(paid, "20%"), "the stop is the nearer one at first"
    top = await rise(house, "1.5")
    (gtt,) = house.gtts("active")
    assert gtt["condition"]["trigger_values"] == [float(below(top, "30%")), target]


async def test_a_price_seen_once_raises_nothing(house: House) -> None:
    paid = await trailing(house, percent("10"))
    await rise(house, "1.5", looks=1)
    await rise(house, "1.0", looks=2)
    assert trigger(house) == below(paid, "10%")


async def test_small_steps_and_quick_ones_are_not_sent(house: House) -> None:
    paid = await trailing(house, percent("10"))
    await rise(house, "1.008")
    assert trigger(house) == below(paid, "10%"), "less than a tenth of the distance"
    first = await rise(house, "1.2")
    house.premium(paid * Decimal("1.4"))
    for _ in range(3):
        house.clock.forward(seconds=1)
        await house.turn()
    assert trigger(house) == below(first, "10%"), "not more often than every five seconds"


async def test_it_lives_through_a_restart(house: House) -> None:
    await trailing(house, percent("10"))
    top = await rise(house, "1.5")
    await house.restart()
    await house.live()
    await rise(house, "1.4")
    assert trigger(house) == below(top, "10%")
    higher = await rise(house, "1.8")
    assert trigger(house) == below(higher, "10%")


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_change_without_an_answer_is_looked_up_and_not_taken_for_the_owners_hand(
    house: House, accepted: bool
) -> None:
    await trailing(house, percent("10"))
    house.fault(FaultKind.DROP, route=CHANGE_GTT, accepted=accepted)
    await rise(house, "1.3")
    top = await rise(house, "1.6", looks=4)
    assert trigger(house) == below(top, "10%")
    assert not (await house.guard()).by_hand


async def test_a_stop_that_kite_does_not_raise_is_told_once(house: House) -> None:
    paid = await trailing(house, percent("10"))
    house.fault(FaultKind.REFUSE, route=CHANGE_GTT, message="Not now.", times=None)
    await rise(house, "1.5", looks=6)
    assert trigger(house) == below(paid, "10%")
    assert len([text for text in await house.told() if "Stop not raised at Kite" in text]) == 1
    house.paper.faults.clear()
    top = await rise(house, "1.5", looks=3)
    assert trigger(house) == below(top, "10%")


async def test_a_price_that_fell_below_the_raised_stop_meets_the_nearest_one(house: House) -> None:
    paid = await trailing(house, percent("10"))
    house.fault(FaultKind.REFUSE, route=CHANGE_GTT, message="Not now.", times=2)
    await rise(house, "1.5", looks=2)
    got = await rise(house, "1.2", looks=3)
    assert below(paid, "10%") < trigger(house) < got
    assert got - trigger(house) < 1


# MIS


def at_rest(house: House) -> tuple[str, Decimal]:
    (stop,) = house.stops()
    return stop["order_id"], Decimal(str(stop["trigger_price"]))


async def test_intraday_the_order_at_rest_is_modified(mis: House) -> None:
    paid = await trailing(mis, percent("10"))
    order_id, first = at_rest(mis)
    assert first == below(paid, "10%")
    top = await rise(mis, "1.5", looks=3)
    assert at_rest(mis) == (order_id, below(top, "10%"))
    await rise(mis, "1.42")
    assert at_rest(mis) == (order_id, below(top, "10%"))
    await mis.gap_stop()
    await mis.settle(3)
    await mis.chase()
    assert (mis.net(), await mis.held()) == (0, 0)


async def test_after_the_modifications_kite_takes_a_new_order_takes_its_place(mis: House) -> None:
    await trailing(mis, percent("10"))
    order_id, _ = at_rest(mis)
    guard = await mis.guard()
    await mis.write(
        lambda connection: connection.execute(
            tables.guards.update().where(tables.guards.c.id == guard.id).values(modifications=24)
        )
    )
    top = await rise(mis, "1.5", looks=4)
    fresh, stop = at_rest(mis)
    assert (stop, fresh != order_id) == (below(top, "10%"), True)
    assert sum(order["quantity"] for order in mis.stops()) == LOT


async def test_a_refused_modification_ends_in_a_new_order(mis: House) -> None:
    await trailing(mis, percent("10"))
    mis.fault(FaultKind.REFUSE, route=MODIFY, message="Maximum allowed order modifications exceeded.")
    top = await rise(mis, "1.5", looks=5)
    assert at_rest(mis)[1] == below(top, "10%")
    assert len([row for row in await mis.guard_rows(GuardState.ACTIVE) if row.kind == GuardKind.STOP]) == 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_modification_without_an_answer_is_made_again(mis: House, accepted: bool) -> None:
    await trailing(mis, percent("10"))
    order_id, _ = at_rest(mis)
    mis.fault(FaultKind.DROP, route=MODIFY, accepted=accepted)
    top = await rise(mis, "1.5", looks=4)
    assert at_rest(mis) == (order_id, below(top, "10%"))
    guard = await mis.guard()
    row = await mis.database.read(lambda connection: known(connection, guard.id))
    assert (row.stop, row.modifications) == (below(top, "10%"), 2)
