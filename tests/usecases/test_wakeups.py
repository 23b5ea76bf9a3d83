"""Wake-ups: no ring is lost, no watcher left behind."""

import asyncio

from gateway.wakeups import Bell, Changes, Wakeups


async def test_a_ring_while_nobody_waits_is_remembered_once():
    bell = Bell()
    bell.ring()
    bell.ring()
    assert await bell.wait(0)
    assert not await bell.wait(0)


async def test_a_ring_wakes_who_waits():
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(5))
    await asyncio.sleep(0)
    bell.ring()
    assert await waiting


async def test_without_a_ring_the_time_is_waited_out():
    assert not await Bell().wait(0.001)


async def test_a_cancelled_wait_loses_no_ring():
    bell = Bell()
    waiting = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    bell.ring()
    assert await bell.wait(0)


async def test_news_of_an_alert_wakes_its_watchers_and_no_others():
    changes = Changes()
    with changes.watch("a") as one, changes.watch("a") as two, changes.watch("b") as other:
        changes.announce("a")
        assert await one.next(0)
        assert await two.next(0)
        assert not await other.next(0)


async def test_news_between_two_looks_is_not_missed():
    changes = Changes()
    with changes.watch("a") as watch:
        changes.announce("a")
        changes.announce("a")
        assert await watch.next(0)
        assert not await watch.next(0)
        changes.announce("a")
        assert await watch.next(0)


async def test_a_watch_that_is_over_leaves_nothing_behind():
    changes = Changes()
    with changes.watch("a"):
        pass
    changes.announce("a")
    changes.announce("never watched")
    assert changes._waiting == {}


async def test_to_tell_of_alerts_wakes_the_outbox_and_their_watchers():
    wakeups = Wakeups()
    with wakeups.changes.watch("b") as watch:
        wakeups.told("a", "b")
        assert await watch.next(0)
    assert await wakeups.outbox.wait(0)
    assert not await wakeups.executor.wait(0)


async def test_each_venue_has_a_bell_of_its_own():
    wakeups = Wakeups()
    wakeups.look_into_the_book("live")
    assert await wakeups.books["live"].wait(0)
    assert not await wakeups.books["paper"].wait(0)
