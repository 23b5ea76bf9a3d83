"""Stops and targets on the real processes: from the alert to the GTT to the fill that it brings."""

from typing import Any

from tests.acceptance.stage import SEED_ALERT, Stage

GUARDED = {**SEED_ALERT, "strategy": "G", "stop_loss": "-20%", "target": "+60%"}


async def ready(stage: Stage, **changes: Any) -> None:
    await stage.open(**{"defaults": {"approval": "auto"}, **changes})
    await stage.start_gateway()
    await stage.log_in()


async def gtts(stage: Stage, status: str) -> list[dict[str, Any]]:
    return [gtt for gtt in (await stage.book())["gtts"] if gtt["status"] == status]


async def net(stage: Stage) -> int:
    """Units the account holds by the exchange's own trades."""
    trades = (await stage.book())["trades"]
    return sum(t["quantity"] if t["transaction_type"] == "BUY" else -t["quantity"] for t in trades)


async def fall_to_the_stop(stage: Stage) -> None:
    """The index falls in small steps, so that what the stop releases can be filled."""
    points = 24_000.0

    async def sold() -> bool:
        nonlocal points
        points -= 8
        async with stage.http.post(f"{stage.paper['url']}/_paper/spot", json={"NIFTY": points}) as answer:
            assert answer.status == 200
        return await net(stage) == 0

    await stage.until(sold, "the stop sells", within=30)


async def test_from_the_alert_to_the_gtt_to_the_fill_it_brings(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert(GUARDED)
    await stage.settled(answer["alert_id"], "filled")
    await stage.message("Guard at Kite", "stop", "target")
    (gtt,) = await gtts(stage, "active")
    assert [order["quantity"] for order in gtt["orders"]] == [65, 65]
    life = await stage.life(answer["alert_id"])
    assert [guard["state"] for guard in life["guards"]] == ["active"]
    await fall_to_the_stop(stage)
    await stage.message("Stop triggered", "Not sold yet")
    await stage.message("Filled", "SELL 65", "Trigger to fill")

    async def done() -> bool:
        return [guard["state"] for guard in (await stage.life(answer["alert_id"]))["guards"]] == ["done"]

    await stage.until(done, "the guard is done")
    assert await gtts(stage, "active") == []
    await stage.say("/positions")
    await stage.message("Nothing is held")


async def test_a_guard_lives_on_through_a_crash_and_goes_with_its_holding(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert(GUARDED)
    await stage.settled(answer["alert_id"], "filled")
    await stage.message("Guard at Kite")
    await stage.kill_gateway()
    await stage.start_gateway()

    async def is_ready() -> bool:
        return bool((await stage.ready())["kite_session"]["ok"])

    await stage.until(is_ready, "the session survives")
    exit_ = await stage.alert({"action": "SELL", "symbol": "NIFTY", "strategy": "G"})
    await stage.settled(exit_["alert_id"], "filled")
    await stage.message("Guard taken away")
    assert await gtts(stage, "active") == []
    assert len((await stage.book())["gtts"]) == 1
    assert await net(stage) == 0


async def test_intraday_a_stop_rests_at_the_exchange_and_makes_way_for_the_exit(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto", "product": "MIS"})
    answer = await stage.alert(GUARDED)
    await stage.settled(answer["alert_id"], "filled")
    await stage.message("Stop at rest", "SELL")
    exit_ = await stage.alert({"action": "SELL", "symbol": "NIFTY", "strategy": "G"})
    await stage.settled(exit_["alert_id"], "filled")
    assert [order["status"] for order in (await stage.book())["orders"]] == [
        "COMPLETE",
        "CANCELLED",
        "COMPLETE",
    ]
    assert await net(stage) == 0


async def test_flatten_takes_the_guards_away_and_sells_once(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert(GUARDED)
    await stage.settled(answer["alert_id"], "filled")
    await stage.message("Guard at Kite")
    await stage.say("/killswitch")
    await stage.message("Stop everything?")
    await stage.press("Stop and flatten")
    await stage.message("Flatten", "flat", "closed 65", within=40)

    async def gone() -> bool:
        return await gtts(stage, "active") == []

    await stage.until(gone, "no guard is left")
    assert await net(stage) == 0


async def test_a_written_option_is_guarded_from_above_and_bought_back_by_a_buy(stage: Stage) -> None:
    own = {"allow_short": True, "symbol": "NIFTY", "option_type": "CE", "strike": "24000", "lots": 1}
    await ready(stage, strategies={"W": {**own, "stop_loss": "-20%", "target": "+30%"}})
    answer = await stage.alert({"action": "SELL", "strategy": "W"})
    await stage.settled(answer["alert_id"], "filled")
    await stage.message("Guard at Kite", "buys back")
    (gtt,) = await gtts(stage, "active")
    assert {order["transaction_type"] for order in gtt["orders"]} == {"BUY"}
    assert await net(stage) == -65
    exit_ = await stage.alert({"action": "BUY", "strategy": "W"})
    await stage.settled(exit_["alert_id"], "filled")
    await stage.message("Guard taken away")
    assert (await net(stage), await gtts(stage, "active")) == (0, [])
