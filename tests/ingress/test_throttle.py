"""Too many failures are throttled by address, in bounded memory; an authentic alert never is."""

from gateway.ingress.throttle import Throttle
from tests.ingress.conftest import BUY, SECRET, House, running, settings


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_one_too_many_waits_until_the_window_ends() -> None:
    clock = Clock()
    throttle = Throttle(limit=2, seconds=60, clock=clock)
    assert [throttle.count("a"), throttle.count("a")] == [None, None]
    clock.now = 20.0
    assert throttle.count("a") == 40
    assert throttle.count("b") is None
    clock.now = 60.0
    assert throttle.count("a") is None


def test_a_million_senders_take_no_more_room_than_a_few_thousand() -> None:
    throttle = Throttle(limit=2, seconds=60, senders=100, clock=Clock())
    for number in range(10_000):
        throttle.count(str(number))
    assert len(throttle) == 100


async def test_a_guesser_is_throttled_and_the_owner_is_not(house: House) -> None:
    statuses = [(await house.post(BUY, "/webhook/tradingview/guess")).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = await house.post(BUY, "/webhook/tradingview/guess")
    assert answer.json["success"] is False
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (await house.post(BUY)).status == 200
    assert (await house.post(BUY, "/webhook/tradingview/guess")).status == 429


async def test_guesses_at_other_doors_count_too(house: House) -> None:
    wrong = {"Authorization": "Bearer guess"}
    for _ in range(10):
        assert (await house.get("/alerts/abc", headers=wrong)).status == 401
    assert (await house.get("/alerts/abc", headers=wrong)).status == 429
    right = {"Authorization": f"Bearer {SECRET}"}
    assert (await house.get("/alerts/abc", headers=right)).status == 404


async def test_each_real_client_behind_a_proxy_is_counted_by_itself(tmp_path) -> None:
    made = settings(server={"trusted_proxies": ["127.0.0.1"]})
    async with running(tmp_path, made) as house:

        async def guess(client: str) -> int:
            return (
                await house.post(BUY, "/webhook/tradingview/x", headers={"X-Forwarded-For": client})
            ).status

        assert [await guess("203.0.113.7") for _ in range(11)] == [401] * 10 + [429]
        assert await guess("203.0.113.8") == 401
        assert [await guess(f"2001:db8::{number}") for number in range(11)] == [401] * 10 + [429]
        assert await guess("2001:db8:0:1::1") == 401
