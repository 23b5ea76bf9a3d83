"""The kill switch and GTTs: ours go with a flatten, other hands' only on the word for the whole account."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway import pursuit
from gateway.domain.guard import GuardLeg, GuardTicket
from gateway.domain.order import Side
from gateway.guards.strangers import remove_strangers
from gateway.paper.faults import FaultKind
from storage import tables
from storage.closings import State
from tests.guards.house import DELETE_GTT, LIST_GTTS


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(pursuit, "PROOF_SECONDS", 0.0)
    monkeypatch.setattr(pursuit, "PAUSES", (timedelta(0),))


async def closing(house):
    return (await house.rows(tables.closings))[-1]


async def ended(house, state):
    async def there():
        await house.turn()
        return (await closing(house)).state == state

    await house.until(there, lambda: "it has not ended so")


async def by_hand(house):
    """A GTT of the owner's own, around what Manjha bought."""
    row = (await house.rows(tables.intents))[0]
    return await house.desk.place_gtt(
        GuardTicket(
            exchange=row.exchange,
            tradingsymbol=row.tradingsymbol,
            side=Side.SELL,
            quantity=row.quantity,
            last_price=await house.last(row),
            legs=(GuardLeg(trigger_price=Decimal(20), price=Decimal(19)),),
        )
    )


async def running(house):
    await house.live()
    house.account.remove_gtts["paper"] = lambda: remove_strangers(house.guards._around)
    await house.run(house.kill_switch.run, house.closing.run)


async def test_flat_is_not_said_while_a_trigger_of_ours_may_still_go_off(house):
    await running(house)
    await house.guarded()
    house.fault(FaultKind.REFUSE, route=DELETE_GTT, times=None, message="Trigger is being processed")
    await house.kill_switch.throw("Asha", flatten=True)

    async def sold():
        await house.turn()
        return house.net() == 0

    await house.until(sold)

    async def said():
        return "1 GTTs of Manjha's are still at Kite" in ((await closing(house)).footer or "")

    await house.until(said)
    assert (await closing(house)).state == State.OPEN
    house.paper.faults.clear()
    house.clock.forward(seconds=20)
    house.guards.recheck()
    await ended(house, State.FLAT)
    assert house.gtts("active") == []


async def test_a_gtt_of_other_hands_stays_without_the_word_for_the_whole_account(house):
    await running(house)
    await house.guarded()
    stranger = await by_hand(house)
    await house.kill_switch.throw("Asha", flatten=True)
    await ended(house, State.FLAT)
    assert [gtt["id"] for gtt in house.gtts("active")] == [stranger]


async def test_with_the_word_it_goes_too(house):
    await running(house)
    await house.guarded()
    await by_hand(house)
    await house.kill_switch.throw("Asha", flatten=True, whole_account=True)
    await ended(house, State.FLAT)
    assert house.gtts("active") == []


async def test_triggers_that_cannot_be_read_leave_the_account_unknown(house):
    await running(house)
    await house.enter()
    house.fault(FaultKind.REFUSE, route=LIST_GTTS, times=None, code=503, message="no")
    await house.kill_switch.throw("Asha", flatten=True, whole_account=True)

    async def said():
        await house.reconciler.read()
        return "the GTTs of other hands are unknown" in ((await closing(house)).footer or "")

    await house.until(said)
    await asyncio.sleep(0.1)
    assert (await closing(house)).state == State.OPEN
    house.paper.faults.clear()
    await ended(house, State.FLAT)
