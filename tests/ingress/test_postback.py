"""Kite's postbacks: 200 at once, believed only as a hint to read that order again, and bounded."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.ingress import postback
from gateway.paper.postbacks import postback_body
from tests.ingress.conftest import House, running, settings, until

API_SECRET = "the-api-secret"
ROW = {"order_id": "261123000000001", "order_timestamp": "2026-11-23 10:00:00", "pending_quantity": 0}
PATH = "/kite/postback"


def body(order_id: str = str(ROW["order_id"]), secret: str = API_SECRET, **changes: object) -> str:
    """As the paper exchange sends it, which has it from Kite's own sample."""
    return json.dumps({**postback_body({**ROW, "order_id": order_id}, secret, "AB1234"), **changes})


@pytest.fixture
async def house(tmp_path: Path):
    made = settings(kite={"api_secret": API_SECRET})
    async with running(tmp_path, made, api_secrets={"paper": "paper-secret"}) as house:
        yield house


async def test_a_postback_has_its_order_read_again(house: House) -> None:
    answer = await house.post(body(), PATH)
    assert (answer.status, answer.json) == (200, {"success": True})
    await until(lambda: house.postbacks)
    assert house.postbacks == [("live", ROW["order_id"])]


async def test_each_venues_secret_is_known(house: House) -> None:
    await house.post(body(secret="paper-secret"), PATH)
    await until(lambda: house.postbacks)
    assert house.postbacks == [("paper", ROW["order_id"])]


async def test_the_content_type_does_not_matter(house: House) -> None:
    answer = await house.post(body(), PATH, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200


@pytest.mark.parametrize(
    "forged",
    [
        body(secret="guess"),
        body(checksum=""),
        body(checksum="é\u0000"),
        body(order_timestamp="2026-11-23 10:00:01"),
        body(order_id="261123000000002", checksum=json.loads(body())["checksum"]),
        body(checksum=sha256(f"{ROW['order_id']}{ROW['order_timestamp']}".encode()).hexdigest()),
    ],
)
async def test_a_forged_postback_is_answered_the_same_and_does_nothing(house: House, forged: str) -> None:
    assert (await house.post(forged, PATH)).status == 200
    await house.post(body(order_id="after"), PATH)
    await until(lambda: house.postbacks)
    assert house.postbacks == [("live", "after")]


async def test_an_empty_api_secret_proves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, settings()) as house:
        await house.post(body(secret=""), PATH)
        await asyncio.sleep(0)
        assert house.postbacks == []


@pytest.mark.parametrize(
    "broken", ["", "{}", "[]", "nonsense", body(order_id=None), body(checksum=1), "\ud800", "[" * 10_000]
)
async def test_what_is_no_postback_is_400(house: House, broken: str) -> None:
    answer = await house.post(broken.encode("utf-8", "surrogatepass"), PATH)
    assert (answer.status, answer.json["success"]) == (400, False)


class Reading:
    """Reads orders only when told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, _venue: str, order_id: str) -> None:
        self.begun.append(order_id)
        await self.go.wait()
        if self.failure is not None:
            raise self.failure


async def test_kite_never_waits_for_the_reading_and_a_late_postback_means_one_more(tmp_path: Path) -> None:
    reading = Reading()
    made = settings(kite={"api_secret": API_SECRET})
    async with running(tmp_path, made, on_postback=reading) as house:
        for _ in range(20):
            assert (await house.post(body(order_id="one"), PATH)).status == 200
        await until(lambda: reading.begun)
        assert reading.begun == ["one"]
        reading.go.set()
        await until(lambda: len(reading.begun) == 2)
        await house.post(body(order_id="two"), PATH)
        await until(lambda: len(reading.begun) == 3)
        assert reading.begun == ["one", "one", "two"]


async def test_no_flood_of_postbacks_takes_more_than_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postback, "MAX_PENDING", 3)
    reading = Reading()
    made = settings(kite={"api_secret": API_SECRET})
    async with running(tmp_path, made, on_postback=reading) as house:
        for number in range(6):
            assert (await house.post(body(order_id=str(number)), PATH)).status == 200
        await until(lambda: len(reading.begun) == 3)
        reading.go.set()
        await house.get("/healthz")
        await house.post(body(order_id="later"), PATH)
        await until(lambda: "later" in reading.begun)
        assert reading.begun == ["0", "1", "2", "later"]


async def test_a_reading_that_fails_is_logged_and_the_next_one_goes_on(tmp_path: Path) -> None:
    reading = Reading()
    reading.failure = RuntimeError("no answer")
    reading.go.set()
    made = settings(kite={"api_secret": API_SECRET})
    async with running(tmp_path, made, on_postback=reading) as house:
        await house.post(body(), PATH)
        await until(lambda: len(reading.begun) == 1)
        await house.get("/healthz")
        await house.post(body(), PATH)
        await until(lambda: len(reading.begun) == 2)
