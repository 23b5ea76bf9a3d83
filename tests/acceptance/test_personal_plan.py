"""The free Personal plan: no quotes, no stream; by polling, and saying what it cannot do."""

from tests.acceptance.stage import SEED_ALERT, Stage

NO_DATA = {"kind": "refuse", "code": 403, "error_type": "PermissionException", "times": None}


async def test_without_market_data_an_order_is_followed_by_polling_and_its_price_is_the_positions(
    stage: Stage,
) -> None:
    await stage.open(kite={"market_data": False}, defaults={"approval": "auto"})
    await stage.faults({**NO_DATA, "route": "GET /quote*", "message": "Insufficient permission"})
    await stage.start_gateway()
    await stage.log_in()
    answer = await stage.alert({**SEED_ALERT, "strategy": "S", "stop_loss": "-30%"})
    await stage.settled(answer["alert_id"], "filled")
    await stage.say("/positions")
    await stage.message("Holdings", "now ₹")
    await stage.say("/status")
    await stage.message("Personal plan", "ATM and other relative strikes are refused")
    relative = await stage.alert({**SEED_ALERT, "strategy": "S", "strike": "ATM"})
    life = await stage.settled(relative["alert_id"], "refused")
    assert "index level is not known" in life["reason"]
    exit_ = await stage.alert({"action": "EXIT", "strategy": "S"})
    await stage.settled(exit_["alert_id"], "filled")
    asked = [fault["struck"] for fault in await _faults(stage)]
    assert asked == [0], "quotes are not even asked for"


async def _faults(stage: Stage) -> list[dict[str, int]]:
    async with stage.http.get(f"{stage.paper['url']}/_paper/faults") as answer:
        return list(await answer.json())
