"""The breaker: refusals that would only repeat stop new entries, loudly; exits never."""

import pytest

from gateway.paper.faults import FaultKind
from tests.usecases.world import buy, sell

PLACE = "POST /orders/*"


async def refused(world, message, error_type="InputException"):
    world.fault(FaultKind.REFUSE, route=PLACE, message=message, error_type=error_type)
    return await world.reaches(await world.send(buy()), "failed", "refused")


async def test_three_refusals_alike_in_a_row_stop_entries_and_not_exits(world):
    await world.execute()
    await world.filled(buy())
    for number in range(3):
        await refused(world, f"RMS: blocked for {number + 1}.5 reasons")
    assert await world.was_told("New entries are stopped", "blocked for 3.5 reasons")
    world.paper.faults.clear()
    view = await world.reaches(await world.send(buy()), "refused")
    assert "/resume ends it" in view.row.reason
    await world.filled(sell())
    assert await world.kill_switch.lift("Asha")
    await world.filled(buy())


async def test_refusals_of_different_kinds_do_not_add_up(world):
    await world.execute()
    for message in ("this", "that", "this", "that", "this"):
        await refused(world, message)
    assert not await world.was_told("New entries are stopped")


async def test_an_order_that_was_taken_breaks_the_row(world):
    await world.execute()
    await refused(world, "no")
    await refused(world, "no")
    await world.filled(buy())
    await refused(world, "no")
    assert not await world.was_told("New entries are stopped")


@pytest.mark.parametrize(
    ("message", "error_type", "advice"),
    [
        ("IP 1.2.3.4 is not allowed to place orders for this app.", "PermissionException", "static IPv4"),
        ("Insufficient permission for that call.", "PermissionException", "lacks the permission"),
    ],
)
async def test_what_only_the_owner_can_mend_stops_entries_at_once(world, message, error_type, advice):
    await world.execute()
    await refused(world, message, error_type)
    assert await world.was_told("New entries are stopped", advice)
    await world.reaches(await world.send(buy()), "refused")
    assert len(world.attempts()) == 1


async def test_a_stop_outlives_a_restart(world):
    await world.execute()
    await refused(world, "IP 1.2.3.4 is not allowed to place orders for this app.", "PermissionException")
    await world.restart()
    await world.execute()
    await world.reaches(await world.send(buy()), "refused")
