"""kill -9 at any moment between the 200 and the fill: none lost, none doubled, by the exchange's book."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.acceptance.stage import SEED_ALERT, Stage

ACCEPTED_BUT_UNANSWERED = [
    pytest.param({"kind": "drop", "route": "POST /orders/*", "accepted": True}, id="answer lost"),
    pytest.param(
        {"kind": "html", "route": "POST /orders/*", "accepted": True, "code": 502}, id="accepted and 502"
    ),
    pytest.param(
        {
            "kind": "refuse",
            "route": "POST /orders/*",
            "accepted": True,
            "code": 400,
            "error_type": "OrderException",
            "message": "Order request timed out. Please check the order book and confirm before placing "
            "again.",
        },
        id="400 timed out",
    ),
    pytest.param({"kind": "truncated", "route": "POST /orders/*", "accepted": True}, id="answer cut"),
    pytest.param({"kind": "no_order_id", "accepted": True}, id="no order id"),
]


async def ready(stage: Stage, **changes: Any) -> None:
    await stage.open(**changes)
    await stage.start_gateway()
    await stage.log_in()


async def restart(stage: Stage) -> None:
    await stage.kill_gateway()
    await stage.start_gateway()


async def accepted_tags(stage: Stage) -> Counter[str]:
    return Counter(order["tag"] for order in (await stage.book())["accepted"])


def assert_explained(life: dict[str, Any], tags: Counter[str]) -> None:
    """At most one order, and the status says what the exchange's book says."""
    assert max(tags.values(), default=0) <= 1, tags
    tag = life["intents"][0]["tag"]
    if life["status"] == "filled":
        assert tags[tag] == 1
    else:
        assert life["status"] == "unknown"
        assert tags[tag] == 0


@pytest.mark.parametrize("after", [0.0, 0.004, 0.008, 0.012, 0.018, 0.03, 0.06])
async def test_an_alert_sent_straight_on_is_neither_lost_nor_doubled(stage: Stage, after: float) -> None:
    await ready(stage, defaults={"approval": "auto"})
    answer = await stage.alert()
    assert answer["http"] == 200
    await asyncio.sleep(after)  # the moment of the crash is what is being tested
    await restart(stage)
    life = await stage.settled(answer["alert_id"], "filled", "unknown")
    assert_explained(life, await accepted_tags(stage))


@pytest.mark.parametrize("fault", ACCEPTED_BUT_UNANSWERED)
async def test_an_order_whose_answer_was_lost_is_found_again_by_its_tag(
    stage: Stage, fault: dict[str, Any]
) -> None:
    await ready(stage, defaults={"approval": "auto"})
    await stage.faults(fault, {"kind": "book_late", "seconds": 1.0})
    answer = await stage.alert()
    await stage.message("No clear answer from Kite yet")
    await restart(stage)
    life = await stage.settled(answer["alert_id"], "filled")
    assert_explained(life, await accepted_tags(stage))
    await stage.message("Order found")


async def test_a_crash_in_the_middle_of_the_call_is_settled_by_the_book(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto"})
    slow = {"kind": "delay", "route": "POST /orders/*", "accepted": True, "seconds": 5.0}
    await stage.faults(slow, {"kind": "stream_silent", "times": None})
    answer = await stage.alert()

    async def arrived() -> bool:
        return bool((await stage.book())["accepted"])

    await stage.until(arrived, "the exchange has the order")
    await restart(stage)
    life = await stage.settled(answer["alert_id"], "filled")
    assert_explained(life, await accepted_tags(stage))


async def test_a_pending_approval_can_still_be_approved_after_a_crash(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert()
    await stage.message("Approve?")
    await restart(stage)
    assert (await stage.life(answer["alert_id"]))["status"] == "awaiting_approval"
    await stage.press("Approve")
    life = await stage.settled(answer["alert_id"], "filled")
    assert_explained(life, await accepted_tags(stage))


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03])
async def test_a_crash_right_after_the_press_loses_at_most_the_press(stage: Stage, after: float) -> None:
    await ready(stage)
    answer = await stage.alert()
    await stage.message("Approve?")
    await stage.press("Approve")
    await asyncio.sleep(after)  # the moment of the crash is what is being tested
    await restart(stage)
    life = await stage.settled(answer["alert_id"], "filled", "unknown", "awaiting_approval")
    if life["status"] == "awaiting_approval":
        await stage.press("Approve")
        life = await stage.settled(answer["alert_id"], "filled")
    assert_explained(life, await accepted_tags(stage))


async def test_a_hundred_acknowledged_alerts_survive_a_crash_and_none_is_doubled(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto"}, risk={"max_open_positions": 200})
    bodies = [{**SEED_ALERT, "strategy": f"S{number % 10}", "id": f"n-{number}"} for number in range(100)]
    sending = [asyncio.create_task(stage.alert(body)) for body in bodies]
    done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    assert done
    await stage.kill_gateway()
    answers = await asyncio.gather(*sending, return_exceptions=True)
    await stage.start_gateway()
    known = [answer["alert_id"] for answer in answers if isinstance(answer, dict) and answer["http"] == 200]
    assert known
    for alert_id in known:
        await stage.settled(alert_id, "filled", "unknown", within=60)
    tags = await accepted_tags(stage)
    assert max(tags.values()) == 1
    assert len(tags) >= len(known) - sum([(await stage.life(a))["status"] == "unknown" for a in known])
