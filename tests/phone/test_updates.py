"""The queue a bot polls: ids, confirmation, lifetimes, two pollers."""

import asyncio

import pytest

from bot.phone.errors import ApiError
from bot.phone.store import Store
from bot.phone.updates import CALLBACK_SECONDS, UpdateQueue


@pytest.fixture
def queue(clock):
    return UpdateQueue(Store(None), clock)


async def poll(queue, offset=0, limit=100, seconds=0.0):
    return await queue.poll(offset=offset, limit=limit, seconds=seconds)


async def test_ids_increase_and_an_offset_confirms_what_lies_below_it(queue):
    ids = [queue.add("message", {"n": n}) for n in range(3)]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
    assert [update["message"]["n"] for update in await poll(queue)] == [0, 1, 2]
    assert [update["message"]["n"] for update in await poll(queue, offset=ids[1])] == [1, 2]
    assert [update["message"]["n"] for update in await poll(queue, limit=1)] == [1]


async def test_a_negative_offset_keeps_only_the_newest(queue):
    for n in range(3):
        queue.add("message", {"n": n})
    assert [update["message"]["n"] for update in await poll(queue, offset=-1)] == [2]


async def test_a_long_poll_ends_with_the_first_update(queue):
    waiting = asyncio.create_task(poll(queue, seconds=30))
    await asyncio.sleep(0)
    queue.add("message", {"n": 1})
    assert len(await asyncio.wait_for(waiting, 1)) == 1


async def test_a_long_poll_ends_empty_when_its_time_is_up(queue):
    assert await poll(queue, seconds=0.01) == []


async def test_the_older_of_two_polls_ends_with_a_conflict(queue):
    older = asyncio.create_task(poll(queue, seconds=30))
    await asyncio.sleep(0)
    newer = asyncio.create_task(poll(queue, seconds=30))
    with pytest.raises(ApiError, match="terminated by other getUpdates request") as conflict:
        await asyncio.wait_for(older, 1)
    assert conflict.value.code == 409
    queue.close()
    assert await asyncio.wait_for(newer, 1) == []


async def test_a_press_lives_150_seconds_and_a_message_a_day(queue, clock):
    queue.add("callback_query", {}, lifetime=CALLBACK_SECONDS)
    queue.add("message", {})
    clock.forward(149)
    assert len(await poll(queue)) == 2
    clock.forward(2)
    assert [list(update)[1] for update in await poll(queue)] == ["message"]
    clock.forward(24 * 3600)
    assert await poll(queue) == []


async def test_only_wanted_kinds_are_queued(queue):
    assert queue.add("message_reaction", {}) is None
    queue.allow(["callback_query"])
    assert queue.add("message", {}) is None
    assert queue.add("callback_query", {}) is not None
    queue.allow(None)
    assert queue.add("message", {}) is None
    queue.allow([])
    assert queue.add("message", {}) is not None


async def test_ids_and_pending_updates_outlive_the_process(clock, tmp_path):
    store = Store(tmp_path)
    first = UpdateQueue(store, clock).add("message", {"n": 1})
    store.close()
    again = UpdateQueue(Store(tmp_path), clock)
    assert [update["update_id"] for update in again.pending()] == [first]
    assert again.add("message", {"n": 2}) == first + 1


async def test_a_phone_that_lost_its_memory_never_issues_an_old_id(clock):
    before = UpdateQueue(Store(None), clock).add("message", {})
    clock.forward(60)
    assert UpdateQueue(Store(None), clock).add("message", {}) > before
