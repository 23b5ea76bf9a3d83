"""The pace of order calls: ten a second, 400 a minute, the last ones kept for exits."""

from types import SimpleNamespace

import pytest

from gateway import pacing
from gateway.pacing import Pacer, Window


@pytest.fixture
def now(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


def sent(pacer, urgent, most=1000):
    """How many calls go out at this moment."""
    count = 0
    while count < most and pacer.wait(urgent=urgent) <= 0:
        pacer.note()
        count += 1
    return count


def test_no_window_of_its_length_ever_holds_more_than_its_calls():
    window = Window(seconds=1.0, calls=3, reserved=1)
    times = []
    now = 0.0
    while len(times) < 50:
        if window.wait(now, urgent=len(times) % 2 == 0) <= 0:
            window.note(now)
            times.append(now)
        now += 0.07
    for begin in times:
        assert sum(begin <= each < begin + 1.0 for each in times) <= 3


def test_entries_leave_a_place_for_an_exit(now):
    pacer = Pacer()
    assert sent(pacer, urgent=False) == 9
    assert sent(pacer, urgent=True) == 1
    assert pacer.wait(urgent=True) > 0


def test_the_next_second_has_its_own_places(now):
    pacer = Pacer()
    assert sent(pacer, urgent=True) == 10
    wait = pacer.wait(urgent=True)
    assert 1.0 < wait < 1.1
    now[0] += wait
    assert pacer.wait(urgent=True) <= 0


def test_a_minute_holds_400_calls_of_which_60_are_for_exits(now):
    pacer = Pacer()
    entries = 0
    for _ in range(45):
        entries += sent(pacer, urgent=False)
        now[0] += 1.1
    assert entries == 340
    exits = 0
    for _ in range(8):
        exits += sent(pacer, urgent=True)
        now[0] += 1.1
    assert exits == 60


def test_after_kites_too_many_requests_everything_rests_longer_each_time(now):
    pacer = Pacer()
    waits = []
    for _ in range(8):
        pacer.pause()
        waits.append(pacer.wait(urgent=True))
        now[0] += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    now[0] += 100
    pacer.pause()
    assert pacer.wait(urgent=True) == 1.0


async def test_a_turn_is_had_at_once_while_there_is_place(now):
    pacer = Pacer()
    await pacer.turn(urgent=False)
    assert sent(pacer, urgent=True) == 9


def test_several_that_were_too_many_in_one_burst_pause_once(now):
    pacer = Pacer()
    for _ in range(3):
        pacer.pause()
    assert pacer.wait(urgent=True) == 1.0
