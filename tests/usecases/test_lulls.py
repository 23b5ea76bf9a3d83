"""While alerts stream in, acknowledging goes first; planning waits for a lull, exits least, nobody long."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from gateway import lanes as module
from gateway.domain.signal import Action
from gateway.lanes import Precedence

ENTRY, EXIT = (SimpleNamespace(signal=SimpleNamespace(action=action)) for action in (Action.BUY, Action.EXIT))


@pytest.fixture
def precedence(monkeypatch):
    """With times that a slow machine can tell apart."""
    monkeypatch.setattr(module, "EXIT_LULL_SECONDS", 0.02)
    monkeypatch.setattr(module, "LULL_SECONDS", 0.2)
    monkeypatch.setattr(module, "LONGEST_DEFERRAL_SECONDS", 2.0)
    return Precedence()


def arrive(precedence, times=2):
    for _ in range(times):
        with precedence.at_the_door:
            pass


async def seconds(waiting):
    began = time.monotonic()
    await waiting
    return time.monotonic() - began


async def test_a_lone_alert_waits_for_nothing(precedence):
    arrive(precedence, 1)
    turn = precedence.turn(ENTRY)
    with pytest.raises(StopIteration):  # done without a single pause
        turn.send(None)


async def test_in_a_stream_an_entry_waits_for_the_lull(precedence):
    arrive(precedence)
    assert await seconds(precedence.turn(ENTRY)) >= 0.19


async def test_in_a_stream_an_exit_waits_for_a_shorter_one(precedence):
    arrive(precedence)
    entry = asyncio.create_task(precedence.turn(ENTRY))
    await precedence.turn(EXIT)
    assert not entry.done()
    await entry


async def test_nobody_is_planned_while_one_of_a_stream_is_at_the_door(precedence):
    arrive(precedence)
    with precedence.at_the_door:
        turn = asyncio.create_task(precedence.turn(EXIT))
        await asyncio.sleep(0.1)
        assert not turn.done()
    await turn


async def test_entries_wait_for_the_exits_that_came_with_them(precedence):
    arrive(precedence)
    with precedence.held_by(EXIT):
        entry = asyncio.create_task(precedence.turn(ENTRY))
        await asyncio.sleep(0.4)
        assert not entry.done()
    await entry


async def test_a_stream_without_end_and_an_exit_without_end_are_waited_for_only_so_long(
    precedence, monkeypatch
):
    monkeypatch.setattr(module, "LONGEST_DEFERRAL_SECONDS", 0.3)
    arrive(precedence)
    with precedence.at_the_door, precedence.held_by(EXIT):
        for alert in (ENTRY, EXIT):
            assert 0.25 <= await seconds(precedence.turn(alert)) < 1.5
