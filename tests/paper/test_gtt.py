"""Good-till-triggered orders: what is accepted, when they fire, what is left."""

from typing import Any

import pytest
from kiteconnect.exceptions import GeneralException, InputException

from gateway.paper.instruments import Contract
from gateway.paper.server import PaperServer
from tests.paper.conftest import Clock, Kite, at_the_money, logged_in, quote, running


def leg(price: float) -> dict[str, Any]:
    return {
        "transaction_type": "SELL",
        "quantity": 65,
        "order_type": "LIMIT",
        "product": "NRML",
        "price": price,
    }


class Desk:
    """A long position of one lot, and the triggers around it."""

    def __init__(self, paper: PaperServer, kite: Kite) -> None:
        self.paper, self.kite = paper, kite
        self.contract: Contract = at_the_money(paper)
        self.last = quote(paper, self.contract).last / 100

    async def single(self, trigger: float, **changes: Any) -> int:
        return await self._create("single", [trigger], [leg(self._round(trigger * 0.9)) | changes])

    async def oco(self, stop: float, target: float) -> int:
        legs = [leg(self._round(stop * 0.9)), leg(self._round(target))]
        return await self._create("two-leg", [self._round(stop), self._round(target)], legs)

    async def _create(self, kind: str, triggers: list[float], legs: list[dict[str, Any]]) -> int:
        made = await self.kite.place_gtt(
            kind, self.contract.tradingsymbol, "NFO", [self._round(t) for t in triggers], self.last, legs
        )
        return int(made["trigger_id"])

    def _round(self, price: float) -> float:
        return round(round(price / 0.05) * 0.05, 2)

    def move(self, points: float) -> None:
        self.paper.set_spot("NIFTY", float(self.paper.spot("NIFTY")) + points)


@pytest.fixture
def desk(paper: PaperServer, kite: Kite) -> Desk:
    return Desk(paper, kite)


async def test_a_stop_below_fires_when_the_price_falls_and_its_order_carries_the_triggers_number(
    desk: Desk,
) -> None:
    await desk.kite.reaches(await desk.kite.buy(desk.contract), "COMPLETE")
    number = await desk.single(desk.last * 0.8)
    desk.move(50)
    assert (await desk.kite.get_gtt(number))["status"] == "active"
    desk.move(-150)
    gtt = await desk.kite.get_gtt(number)
    result = gtt["orders"][0]["result"]
    order = await desk.kite.order(result["order_result"]["order_id"])
    assert (gtt["status"], result["order_result"]["status"]) == ("triggered", "success")
    assert (order["status"], order["meta"], order["tag"]) == ("COMPLETE", {"gtt": number}, None)
    assert result["triggered_at"] == quote(desk.paper, desk.contract).last / 100


async def test_of_two_legs_only_the_one_that_was_reached_fires_and_only_once(desk: Desk) -> None:
    await desk.kite.reaches(await desk.kite.buy(desk.contract), "COMPLETE")
    number = await desk.oco(desk.last * 0.7, desk.last * 1.2)
    desk.move(150)
    desk.move(-400)
    gtt = await desk.kite.get_gtt(number)
    assert [order["result"] is None for order in gtt["orders"]] == [True, False]
    assert len(await desk.kite.orders()) == 2


async def test_triggered_is_not_filled(desk: Desk) -> None:
    """A gap through the limit leaves the order resting."""
    await desk.kite.reaches(await desk.kite.buy(desk.contract), "COMPLETE")
    number = await desk.single(desk.last * 0.8)
    desk.move(-500)
    result = (await desk.kite.get_gtt(number))["orders"][0]["result"]["order_result"]
    assert (await desk.kite.order(result["order_id"]))["status"] == "OPEN"


async def test_a_leg_that_the_exchange_refuses_says_why(desk: Desk) -> None:
    number = await desk.single(desk.last * 0.8, price=90_000.0)
    desk.move(-300)
    gtt = await desk.kite.get_gtt(number)
    result = gtt["orders"][0]["result"]["order_result"]
    assert (result["status"], result["order_id"]) == ("failed", "")
    assert "upper circuit limit" in result["rejection_reason"]


@pytest.mark.parametrize(
    ("trigger", "changes", "words"),
    [
        (0.8, {"product": "MIS"}, "can only be NRML"),
        (0.8, {"order_type": "MARKET"}, "Only LIMIT orders are allowed when a GTT is triggered"),
        (0.8, {"quantity": 64}, "multiple of 65"),
        (0.8, {"quantity": 1820}, "higher than the maximum quantity"),
        (0.999, {}, "too close to the last traded price"),
    ],
)
async def test_what_a_gtt_cannot_hold_is_refused(
    desk: Desk, trigger: float, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputException, match=words):
        await desk.single(desk.last * trigger, **changes)
    assert await desk.kite.get_gtts() == []


async def test_two_triggers_on_one_side_are_refused(desk: Desk) -> None:
    with pytest.raises(InputException, match="both sides of the last traded price"):
        await desk.oco(desk.last * 0.7, desk.last * 0.8)


async def test_an_unknown_contract_is_refused(desk: Desk) -> None:
    with pytest.raises(InputException, match="has either expired or does not exist"):
        await desk.kite.place_gtt("single", "NIFTY99XXX1CE", "NFO", [1.0], 2.0, [leg(1.0)])


async def test_a_modified_trigger_fires_at_its_new_price(desk: Desk) -> None:
    number = await desk.single(desk.last * 0.3)
    await desk.kite.modify_gtt(
        number,
        "single",
        desk.contract.tradingsymbol,
        "NFO",
        [desk._round(desk.last * 0.8)],
        desk.last,
        [leg(1.0)],
    )
    desk.move(-150)
    assert (await desk.kite.get_gtt(number))["status"] == "triggered"


async def test_a_deleted_trigger_never_fires_and_cannot_be_deleted_again(desk: Desk) -> None:
    number = await desk.single(desk.last * 0.8)
    assert (await desk.kite.delete_gtt(number))["trigger_id"] == number
    desk.move(-300)
    assert (await desk.kite.get_gtt(number))["status"] == "deleted"
    assert await desk.kite.orders() == []
    with pytest.raises(GeneralException, match="not active"):
        await desk.kite.delete_gtt(number)


async def test_an_unknown_trigger_is_not_found(kite: Kite) -> None:
    for number in (1, "one"):
        with pytest.raises(GeneralException, match="Trigger not found") as refused:
            await kite.get_gtt(number)
        assert refused.value.code == 404


async def test_a_trigger_ends_with_its_contract(clock: Clock) -> None:
    async with running(clock=clock) as paper, logged_in(paper) as kite:
        desk = Desk(paper, kite)
        number = await desk.single(desk.last * 0.5)
        clock.forward(days=7)
        await kite.log_in(paper)
        gtt = await kite.get_gtt(number)
    assert (gtt["status"], gtt["expires_at"]) == ("expired", "2026-12-01 15:40:00")


async def test_what_is_no_json_is_refused(kite: Kite) -> None:
    for form in ({}, {"type": "single", "condition": "{", "orders": "[]"}):
        with pytest.raises(InputException):
            await kite._post("gtt.place", params=form)
