"""The restore drill: an old backup knows nothing of what came after it, and orders nothing again."""

from tests.acceptance.stage import SEED_ALERT, Stage
from tests.acceptance.test_commands import manjha


async def test_a_restored_backup_orders_nothing_again_and_tells_what_it_does_not_know(stage: Stage) -> None:
    await stage.open(
        defaults={"approval": "auto"},
        strategies={"asked": {"approval": "confirm", "approval_timeout_seconds": 600}},
    )
    await stage.start_gateway()
    await stage.log_in()
    held = await stage.alert({**SEED_ALERT, "strategy": "kept"})
    await stage.settled(held["alert_id"], "filled")
    asked = await stage.alert({**SEED_ALERT, "strategy": "asked", "strike": 24100})
    await stage.message("Approve?", "24100")
    config = ("--config", str(stage.folder / "config.json"))
    copy = str(stage.folder / "copy.db")
    assert (await manjha(stage, "backup", *config, copy))[0] == 0

    # After the copy: the question is answered, and what was held is sold.
    await stage.press("Approve")
    await stage.settled(asked["alert_id"], "filled")
    sold = await stage.alert({**SEED_ALERT, "strategy": "kept", "action": "SELL"})
    await stage.settled(sold["alert_id"], "filled")
    attempts = len((await stage.book())["attempts"])
    assert (await manjha(stage, "restore", *config, copy))[0] == 1  # not under a running gateway
    await stage.stop_gateway()
    status, printed = await manjha(stage, "restore", *config, copy)
    assert status == 0, printed
    await stage.start_gateway()

    # The order that was approved after the copy is found by its tag; the sale is a difference, and is told.
    await stage.settled(asked["alert_id"], "filled", within=60)
    await stage.message("fewer than Manjha", "24000", within=90)
    assert len((await stage.book())["attempts"]) == attempts
