"""The keeper: logs in where no person is needed, fetches the day's list, complains once."""

from datetime import time

import pytest

from gateway.keeper import VenueKeeper
from gateway.paper.faults import FaultKind


@pytest.fixture
def told():
    return []


@pytest.fixture
def keeper(world, told):
    async def tell(text):
        told.append(text)

    return VenueKeeper(
        world.access,
        world.clock,
        instruments_at=time(8, 30),
        request_token=world.paper.issue_request_token,
        tell=tell,
    )


async def test_a_dead_paper_session_is_opened_again(world, keeper):
    world.paper.kill_token()
    await world.reconciler.read()
    assert not world.session.alive
    await keeper.look()
    assert world.session.alive


async def test_a_live_session_is_left_to_its_owner(world, keeper, told):
    keeper._request_token = None
    world.paper.kill_token()
    await world.reconciler.read()
    await keeper.look()
    assert not world.session.alive


async def test_the_days_list_is_fetched_when_it_is_published(world, keeper):
    first = world.instruments.fetched_at
    await keeper.look()
    assert world.instruments.fetched_at == first
    world.clock.forward(days=1)
    await keeper.look()
    assert world.instruments.fetched_at == world.clock()


async def test_a_list_that_cannot_be_had_is_told_once_and_tried_again_later(world, keeper, told):
    world.clock.forward(days=1)
    await world.log_in()
    world.fault(FaultKind.HTML, route="GET /instruments/*", code=502, times=1)
    await keeper.look()
    assert len(told) == 1
    assert "No new instrument list" in told[0]
    assert "2420 contracts) stays in use" in told[0]
    old = world.instruments.fetched_at
    await keeper.look()
    assert world.instruments.fetched_at == old, "not before its time"
    keeper.retry_now()
    await keeper.look()
    assert world.instruments.fetched_at == world.clock()
    assert len(told) == 1


async def test_lots_that_changed_are_told(world, keeper, told):
    """The morning's list has another lot: an alert with `quantity` may not fit any more."""
    first = await world.book.instruments("NFO")
    changed = first.replace(b",0.05,65,", b",0.05,75,")
    assert changed != first
    world.clock.forward(days=1)
    world.fault(
        FaultKind.BODY,
        route="GET /instruments/NFO",
        code=200,
        body=changed.decode(),
        content_type="text/csv",
        times=None,
    )
    await keeper.look()
    (text,) = told
    assert "Lots have changed" in text
    assert "NIFTY 65 → 75" in text
