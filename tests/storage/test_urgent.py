"""Whose turn it is at the database: the urgent first, the others in their order."""

import asyncio
import threading

import pytest

from storage.engine import Database, urgent


class Holder:
    """Keeps the database's thread busy until it is let go."""

    def __init__(self, database: Database) -> None:
        self._go = threading.Event()
        self._began = threading.Event()
        self._task = asyncio.create_task(database.write(self._hold))

    def _hold(self, _connection) -> None:
        self._began.set()
        self._go.wait(5)

    async def begun(self) -> None:
        await asyncio.to_thread(self._began.wait, 5)

    async def let_go(self) -> None:
        self._go.set()
        await self._task


async def test_the_urgent_overtake_what_waits_and_keep_their_order_among_themselves(database):
    done: list[str] = []

    def write(name: str, first: bool) -> asyncio.Task[None]:
        with urgent(first):
            return asyncio.create_task(database.write(lambda _: done.append(name)))

    holder = Holder(database)
    await holder.begun()
    tasks = [write(name, name.startswith("exit")) for name in ("entry 1", "exit 1", "entry 2", "exit 2")]
    await asyncio.sleep(0)
    await holder.let_go()
    await asyncio.gather(*tasks)
    assert done == ["exit 1", "exit 2", "entry 1", "entry 2"]


async def test_urgency_ends_with_its_block(database):
    done: list[str] = []
    holder = Holder(database)
    await holder.begun()
    first = asyncio.create_task(database.write(lambda _: done.append("first")))
    await asyncio.sleep(0)
    with urgent():
        pass
    second = asyncio.create_task(database.write(lambda _: done.append("second")))
    await asyncio.sleep(0)
    await holder.let_go()
    await asyncio.gather(first, second)
    assert done == ["first", "second"]


async def test_what_fails_fails_for_its_own_caller_alone(database):
    def fail(_connection):
        raise LookupError("mine")

    holder = Holder(database)
    await holder.begun()
    with urgent():
        failing = asyncio.create_task(database.write(fail))
    other = asyncio.create_task(database.write(lambda _: "mine is fine"))
    await asyncio.sleep(0)
    await holder.let_go()
    with pytest.raises(LookupError):
        await failing
    assert await other == "mine is fine"
