"""The day's summary on the real process: its figures and its picture reach the phone, once."""

from tests.acceptance.stage import SEED_ALERT, Stage


async def test_the_summary_and_its_picture_arrive_once_also_over_a_restart(stage: Stage) -> None:
    await stage.open(
        defaults={"approval": "auto"},
        telegram={"notices": {}},
        schedule={"summary": "23:59", "morning": "23:59"},
    )
    await stage.start_gateway()
    await stage.log_in()
    for action in ("BUY", "SELL"):
        answer = await stage.alert({**SEED_ALERT, "action": action})
        await stage.settled(answer["alert_id"], "filled")
    await stage.stop_gateway()
    # Its hour has passed: at the next start it is made up for.
    stage.settings["schedule"]["summary"] = "00:00"
    await stage.start_gateway()
    told = await stage.message("Summary of", "1 trade closed", "2 alerts: 2 filled", within=60)
    assert "Nothing stays open" in told["text"]
    picture = await stage.message("📈", within=60)
    assert picture["attachment"]["kind"] == "photo"
    assert picture["message_id"] > told["message_id"]

    await stage.kill_gateway()
    await stage.start_gateway()
    await stage.say("/version")
    await stage.message("database schema")
    assert len(await stage.messages("Summary of")) == 1
