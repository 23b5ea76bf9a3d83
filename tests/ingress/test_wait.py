"""`?wait=`: the answer comes with the outcome, or when the time is up; never as a failure."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from multidict import MultiDict

from gateway.domain.order import AlertState
from gateway.ingress import webhook
from gateway.ingress.arrivals import wait_in
from gateway.lanes import Accepted
from gateway.wakeups import Changes
from storage import alerts
from storage.engine import Database
from tests.ingress.conftest import BUY, SECRET, House, running, until

WAIT = f"/webhook/tradingview/{SECRET}?wait="


async def refuse(database: Database, changes: Changes, alert: Accepted) -> None:
    await database.write(
        lambda connection: alerts.settle(
            connection, alert.alert_id, AlertState.REFUSED, "the market is closed", alert.received_at
        )
    )
    changes.announce(alert.alert_id)


@pytest.fixture
async def refusing(tmp_path: Path) -> AsyncIterator[House]:
    async with running(tmp_path, work=refuse) as house:
        yield house


async def test_the_answer_comes_with_the_outcome(refusing: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_LOOK_AGAIN_SECONDS", 30.0)
    began = time.monotonic()
    answer = await refusing.post(BUY, WAIT + "20")
    assert time.monotonic() - began < 5
    assert answer.status == 200
    assert answer.json["status"] == "refused"
    assert answer.json["success"] is False
    assert answer.json["message"] == "the market is closed"
    assert set(answer.json) >= {"action", "order_id", "tradingsymbol", "entry_price", "quantity", "alert_id"}


async def test_the_answer_comes_when_the_time_is_up(house: House) -> None:
    began = time.monotonic()
    answer = await house.post(BUY, WAIT + "0.3")
    assert 0.3 <= time.monotonic() - began < 3
    assert (answer.status, answer.json["status"], answer.json["success"]) == (200, "queued", True)


async def test_a_duplicate_does_not_wait(house: House) -> None:
    first = await house.post(BUY)
    began = time.monotonic()
    again = await house.post(BUY, WAIT + "30")
    assert time.monotonic() - began < 5
    assert (again.json["status"], again.json["alert_id"]) == ("duplicate", first.json["alert_id"])


async def test_each_alert_of_an_array_is_waited_for(refusing: House) -> None:
    answer = await refusing.post([BUY, {**BUY, "strike": None}, BUY], WAIT + "20")
    assert [each["status"] for each in answer.json["alerts"]] == ["refused", "invalid", "refused"]


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "1e1", "", "5&wait=6", "٣"])
async def test_a_wait_that_is_no_number_is_named(house: House, wait: str) -> None:
    answer = await house.post(BUY, WAIT + wait)
    assert (answer.status, answer.json["field"]) == (400, "wait")
    assert (await house.rows())[0].state == AlertState.INVALID


@pytest.mark.parametrize(("wait", "seconds"), [("0", 0), ("2.5", 2.5), ("30", 30), ("31", 30), ("86400", 30)])
def test_a_longer_wait_is_taken_for_the_longest(wait: str, seconds: float) -> None:
    assert wait_in(MultiDict(wait=wait)) == seconds


async def test_a_database_that_cannot_be_read_any_more_does_not_unsay_the_acknowledgement(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing after the commit may make TradingView send again."""
    await house.post({**BUY, "id": "before"})
    accept = house.door.intake.accept

    async def accept_then_lose_the_reader(arrivals):
        stored = await accept(arrivals)
        await house.database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
        house.database._reader = None  # type: ignore[assignment]  # every further read breaks
        return stored

    reader = house.database._reader
    monkeypatch.setattr(house.door.intake, "accept", accept_then_lose_the_reader)
    try:
        answer = await house.post(BUY, WAIT + "5")
    finally:
        house.database._reader = reader
    assert (answer.status, answer.json["status"]) == (200, "queued")


async def test_those_who_wait_are_answered_when_the_process_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        waiting = asyncio.create_task(house.post(BUY, WAIT + "30"))
        await until(lambda: house.worked)
        began = time.monotonic()
        stopping = asyncio.create_task(house.stop())
        answer = await waiting
        await stopping
    assert (answer.status, answer.json["status"]) == (200, "queued")
    assert time.monotonic() - began < 3
