"""The supervisor's border: a part that fails is logged, told, started again; only cancellation ends it."""

import asyncio

import pytest

from gateway import supervision
from gateway.supervision import supervise


class Part:
    """Fails so many times, then runs."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.starts = 0
        self.running = asyncio.Event()

    async def run(self):
        self.starts += 1
        if self.failures:
            failure = self.failures.pop(0)
            if failure is None:
                return
            raise failure
        self.running.set()
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(supervision, "LONGEST_PAUSE", 0.004)


@pytest.fixture
def told():
    return []


async def supervised(part, tell):
    task = asyncio.create_task(supervise("the <part>", part.run, tell))
    async with asyncio.timeout(2):
        await part.running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def teller(told):
    async def tell(text):
        told.append(text)

    return tell


async def test_a_part_that_fails_is_started_again_logged_and_told_once(told, logged):
    part = Part(KeyError("x"), ValueError("y"), RuntimeError("z"))
    await supervised(part, teller(told))
    assert part.starts == 4
    assert [entry["event"] for entry in logged] == ["part_failed"] * 3
    assert len(told) == 1
    assert "the &lt;part&gt;" in told[0]


async def test_a_part_that_ends_by_itself_has_failed(told, logged):
    part = Part(None)
    await supervised(part, teller(told))
    assert part.starts == 2
    assert "ended by itself" in logged[0]["error"]


async def test_a_failure_that_cannot_be_told_is_still_followed_by_a_restart(logged):
    async def tell(_):
        raise OSError("the database is what failed")

    part = Part(KeyError("x"))
    await supervised(part, tell)
    assert [entry["event"] for entry in logged] == ["part_failed", "failure_not_told"]


async def test_a_part_that_was_healthy_for_long_is_told_again_when_it_fails(told, monkeypatch):
    monkeypatch.setattr(supervision, "HEALTHY_SECONDS", -1)
    await supervised(Part(KeyError("x"), KeyError("x"), KeyError("x")), teller(told))
    assert len(told) == 3


async def test_cancellation_ends_it_at_once(told):
    part = Part()
    task = asyncio.create_task(supervise("x", part.run, teller(told)))
    await part.running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
