"""The main job on the real processes: an alert in, a phone tapped, one order out, the fill told."""

import asyncio

from tests.acceptance.stage import SECRET, SEED_ALERT, Stage


async def ready(stage: Stage, **changes: object) -> None:
    await stage.open(**changes)
    await stage.start_gateway()
    await stage.log_in()


async def test_the_seed_alert_is_asked_approved_placed_once_filled_and_told(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert()
    assert (answer["http"], answer["success"], answer["status"]) == (200, True, "queued")
    card = await stage.message("Approve?", "NIFTY 24000 CE", "65 units", "LIVE")
    await stage.press("Approve")
    life = await stage.settled(answer["alert_id"], "filled")
    assert len((await stage.book())["accepted"]) == 1
    assert life["orders"][0]["filled_quantity"] == 65
    told = await stage.message("Filled", "slippage", "Alert to fill")
    assert told["message_id"] != card["message_id"]
    same = next(m for m in await stage.messages() if m["message_id"] == card["message_id"])
    assert "Filled" in same["text"]
    assert not same["keyboard"]


async def test_wait_answers_in_the_seed_guides_shape(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto"})
    answer = await stage.alert(path=f"/{SECRET}?wait=20")
    assert answer["http"] == 200
    assert answer["success"] is True
    assert answer["action"] == "BUY"
    assert answer["status"] == "filled"
    assert answer["quantity"] == 65
    assert answer["message"] == "BUY order placed successfully"
    assert answer["entry_price"] > 0
    assert answer["tradingsymbol"].startswith("NIFTY")
    assert answer["order_id"] == (await stage.book())["orders"][0]["order_id"]


async def test_reject_and_a_double_press_and_a_strangers_press_place_nothing(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert()
    await stage.message("Approve?")
    await stage.press("Approve", **{"from": 666})
    await stage.press("Reject")
    life = await stage.settled(answer["alert_id"], "rejected")
    card = await stage.message("Rejected", "Nothing was sent")
    assert not card["keyboard"]
    assert life["orders"] == []
    assert (await stage.book())["attempts"] == []


async def test_ten_presses_at_once_are_one_order(stage: Stage) -> None:
    await ready(stage)
    answer = await stage.alert()
    await stage.message("Approve?")
    await asyncio.gather(*(stage.press("Approve") for _ in range(10)), return_exceptions=True)
    await stage.settled(answer["alert_id"], "filled")
    assert len((await stage.book())["attempts"]) == 1


async def test_an_approval_expires_by_itself_and_nothing_is_sent(stage: Stage) -> None:
    await ready(stage, defaults={"approval_timeout_seconds": 1})
    answer = await stage.alert()
    await stage.settled(answer["alert_id"], "expired")
    await stage.message("Expired", "Nothing was sent")
    assert (await stage.book())["attempts"] == []


async def test_a_strangers_command_has_no_answer_and_no_effect(stage: Stage) -> None:
    await ready(stage)
    before = len(await stage.messages())
    await stage.say("/killswitch", **{"from": 666})
    await stage.say("/status")
    await stage.message("Armed")
    bots = [m for m in (await stage.messages())[before:] if m["from_bot"]]
    assert len(bots) == 1


async def test_after_the_kill_switch_nothing_is_sent_even_after_a_restart(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto"}, strategies={"asked": {"approval": "confirm"}})
    waiting = await stage.alert({**SEED_ALERT, "strategy": "asked"})
    await stage.message("Approve?")
    await stage.say("/killswitch")
    await stage.message("Stop everything?")
    await stage.press("Stop")
    await stage.message("Kill switch on")
    assert (await stage.settled(waiting["alert_id"], "refused"))["orders"] == []
    first = await stage.alert({**SEED_ALERT, "strike": 24100})
    await stage.settled(first["alert_id"], "refused")
    await stage.kill_gateway()
    await stage.start_gateway()
    assert (await stage.ready())["kill_switch"]["ok"] is False
    second = await stage.alert({**SEED_ALERT, "strike": 24200})
    await stage.settled(second["alert_id"], "refused")
    assert (await stage.book())["attempts"] == []
    await stage.say("/resume")
    await stage.message("Resumed")
    third = await stage.alert({**SEED_ALERT, "strike": 24300})
    await stage.settled(third["alert_id"], "filled")


async def test_a_body_that_cannot_be_understood_is_kept_told_and_answered_with_the_field(
    stage: Stage,
) -> None:
    await ready(stage)
    answer = await stage.alert(
        b'{"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": "{{close}}"}'
    )
    assert (answer["http"], answer["success"], answer["field"]) == (400, False, "strike")
    await stage.message("not understood", "strike")
    life = await stage.life(answer["alert_id"])
    assert life["status"] == "invalid"
    assert "{{close}}" in life["body"]


async def test_an_exit_sells_the_contract_that_was_bought_whatever_strike_it_names(stage: Stage) -> None:
    await ready(stage, defaults={"approval": "auto"})
    entry = await stage.alert({**SEED_ALERT, "strategy": "RSI"})
    exit_ = await stage.alert({**SEED_ALERT, "strategy": "RSI", "action": "SELL", "strike": 24713.45})
    await stage.settled(entry["alert_id"], "filled")
    await stage.settled(exit_["alert_id"], "filled")
    bought, sold = (await stage.book())["orders"]
    assert bought["tradingsymbol"] == sold["tradingsymbol"]
    assert (bought["transaction_type"], sold["transaction_type"]) == ("BUY", "SELL")
    again = await stage.alert({**SEED_ALERT, "strategy": "RSI", "action": "SELL"})
    await stage.settled(again["alert_id"], "refused")


async def test_sigterm_stops_cleanly_within_ten_seconds(stage: Stage) -> None:
    await ready(stage)
    async with asyncio.timeout(10):
        assert await stage.stop_gateway() == 0
