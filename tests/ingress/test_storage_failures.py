"""503 only when the alert was not stored: databases that really are locked, read-only and full."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.ingress.conftest import BUY, SECRET, House, running

ROOT = os.geteuid() == 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_locked_database_is_503_before_tradingview_gives_up(house: House) -> None:
    with locked(house.path):
        began = time.monotonic()
        answer = await house.post(BUY)
        assert time.monotonic() - began < 2.9
    assert answer.status == 503
    assert answer.json["success"] is False
    assert int(answer.headers["Retry-After"]) <= 5
    assert await house.rows() == []


async def test_behind_a_write_that_waits_for_the_lock_the_503_comes_in_time_too(house: House) -> None:
    with locked(house.path):
        others = [asyncio.create_task(house.database.write(lambda _: None)) for _ in range(3)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        answers = await asyncio.gather(*(house.post({**BUY, "id": str(number)}) for number in range(5)))
        assert time.monotonic() - began < 2.5
        assert {answer.status for answer in answers} == {503}
        began = time.monotonic()
        assert (await house.get("/readyz")).status == 503
        assert time.monotonic() - began < 2.5
    await asyncio.gather(*others, return_exceptions=True)
    assert await house.rows() == [], "what was answered 503 is not stored afterwards"


async def test_what_was_answered_503_is_taken_when_it_is_sent_again(house: House) -> None:
    with locked(house.path):
        assert (await house.post(BUY)).status == 503
    again = await house.post(BUY)
    assert (again.status, again.json["status"]) == (200, "queued")
    assert len(await house.rows()) == 1


async def test_a_lock_that_is_let_go_in_time_costs_nothing(house: House) -> None:
    with locked(house.path):
        sending = asyncio.create_task(house.post(BUY))
        await asyncio.sleep(0.3)
    answer = await sending
    assert (answer.status, answer.json["status"]) == (200, "queued")


def query_only(house: House, state: str) -> None:
    """The writer's connection loses, or gets back, its right to write."""
    house.database._let_go()
    with closing(house.database._engine.raw_connection()) as connection:
        connection.cursor().execute(f"PRAGMA query_only={state}")


async def test_whatever_stands_in_the_way_of_storing_is_503(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside story")

    monkeypatch.setattr("storage.alerts.store", broken)
    answer = await house.post(BUY)
    assert answer.status == 503
    assert "inside" not in answer.text
    assert await house.rows() == []


async def test_a_database_that_became_read_only_is_503(house: House) -> None:
    query_only(house, "ON")
    answer = await house.post(BUY)
    assert answer.status == 503
    assert (await house.get("/readyz")).status == 503
    query_only(house, "OFF")
    assert (await house.post(BUY)).json["status"] == "queued"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 512)


@pytest.mark.skipif(not ROOT or shutil.which("mount") is None, reason="mounting needs root")
async def test_a_full_disk_is_503_and_ready_again_when_there_is_room(small_disk: Path) -> None:
    async with running(small_disk) as house:
        assert (await house.post({**BUY, "id": "first"})).status == 200
        ballast = small_disk / "ballast"
        fill(ballast)
        statuses = {(await house.post({**BUY, "id": str(number)})).status for number in range(30)}
        assert 503 in statuses
        assert (await house.post({**BUY, "id": "last"})).status == 503
        assert (await house.get("/readyz")).status == 503
        ballast.unlink()
        assert (await house.post({**BUY, "id": "last"}, f"/webhook/tradingview/{SECRET}")).status == 200
        stored = {row.id for row in await house.rows()}
        assert len(stored) >= 2
