"""A day that loses too much, on the real processes: entries stop, it is told once, everything is closed."""

import asyncio
from typing import Any

from tests.acceptance.stage import SEED_ALERT, Stage


async def spot(stage: Stage, points: float) -> None:
    async with stage.http.post(f"{stage.paper['url']}/_paper/spot", json={"NIFTY": points}) as answer:
        assert answer.status == 200


async def net(stage: Stage) -> int:
    """What the account holds by the exchange's own trades."""
    trades = (await stage.book())["trades"]
    return sum(t["quantity"] * (1 if t["transaction_type"] == "BUY" else -1) for t in trades)


async def keep_low(stage: Stage) -> None:
    """The index stays where it fell, whatever the exchange's own walk does."""
    while True:
        await spot(stage, 23_400)
        await asyncio.sleep(0.5)


async def test_a_day_that_reaches_its_limit_is_closed_and_told_once_restarts_or_not(stage: Stage) -> None:
    risk: dict[str, Any] = {"max_daily_loss": 5_000, "flatten_on_daily_loss": True}
    await stage.open(defaults={"approval": "auto"}, risk=risk)
    await stage.start_gateway()
    await stage.log_in()
    for name in ("A", "B"):
        answer = await stage.alert({**SEED_ALERT, "strategy": name, "quantity": 130})
        await stage.settled(answer["alert_id"], "filled")
    falling = asyncio.create_task(keep_low(stage))
    try:
        await stage.message("loss has reached its limit", "risk.max_daily_loss is ₹5,000.00")
        await stage.kill_gateway()
        await stage.start_gateway()

        async def flat() -> bool:
            return await net(stage) == 0

        await stage.until(flat, "everything is sold", within=40)
        await stage.message("Daily loss", "flat", within=40)
    finally:
        falling.cancel()
    late = await stage.alert({**SEED_ALERT, "strategy": "C"})
    life = await stage.settled(late["alert_id"], "refused")
    assert "risk.max_daily_loss" in life["reason"]
    told = [m for m in await stage.messages("has reached its limit") if m["from_bot"]]
    assert len(told) == 1
    await stage.say("/status")
    await stage.message("Limits today", "⛔ loss")
