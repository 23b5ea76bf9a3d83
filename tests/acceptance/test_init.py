"""`manjha init` as a newcomer runs it: Enter alone is enough, and it ends with an alert on the phone."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

from gateway.commands import only_instance
from tests.acceptance.stage import OWNER, TOKEN, Stage


async def init(stage: Stage, *answers: str) -> tuple[int, str]:
    """Exit status and everything it printed; the answers piped, and then nothing more."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway", "init", "--config", str(stage.folder / "config" / "config.json")),
        cwd=stage.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "MANJHA_TELEGRAM__API_URL": stage.phone.get("api_url", "http://127.0.0.1:9"),
            "MANJHA_PHONE__PORT": "0",
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate("".join(f"{a}\n" for a in answers).encode()), 120)
    return process.returncode or 0, output.decode()


def written(stage: Stage) -> dict:
    path = stage.folder / "config" / "config.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return json.loads(path.read_text())


async def test_a_bot_of_ones_own_shows_the_test_alert_and_its_owner_is_found(stage: Stage) -> None:
    await stage.open()
    await stage.say("/start")
    status, printed = await init(stage, "paper", TOKEN, "", "yes", "https://trade.example.com/")
    assert status == 0, printed
    assert "The test alert is on your phone" in printed
    await stage.message("Approve?", "NIFTY", "PAPER")
    made = written(stage)
    assert made["telegram"] == {"bot_token": TOKEN, "owner_ids": [OWNER]}
    assert len(made["webhook_secret"]) >= 32
    assert f"https://trade.example.com/webhook/tradingview/{made['webhook_secret']}" in printed
    assert TOKEN not in printed


async def test_enter_alone_makes_a_paper_gateway_with_a_phone_page(stage: Stage) -> None:
    status, printed = await init(stage)
    assert status == 0, printed
    assert "The test alert is on your phone" in printed
    assert (written(stage)["venue"], written(stage)["telegram"]["bot_token"]) == ("paper", "")
    before = written(stage)
    status, printed = await init(stage)
    assert (status, "left as it was" in printed, written(stage)) == (1, True, before)


async def test_beside_a_running_gateway_the_file_is_written_and_its_bot_is_left_alone(stage: Stage) -> None:
    with only_instance(stage.folder / "data"):
        status, printed = await init(stage)
    assert (status, "A gateway is running here" in printed, "Next:" in printed) == (0, True, True), printed
    assert written(stage)["venue"] == "paper"


async def test_live_writes_each_limit_out_and_nothing_without_its_keys(stage: Stage) -> None:
    await stage.open()
    path = stage.folder / "config" / "config.json"
    telegram = (TOKEN, str(OWNER), "")
    status, printed = await init(stage, "live", *telegram, "key")
    assert (status, path.exists()) == (1, False), printed
    status, printed = await init(stage, "live", *telegram, "key", "hush", "AB1234", "2", "0")
    assert (status, path.exists(), list(path.parent.iterdir())) == (2, False, []), printed
    assert "risk.max_premium_per_order" in printed
    answers = ("live", *telegram, "key", "hush", "AB1234", "2", "50000", "1", "5", "7500.50", "NIFTY", "no")
    status, printed = await init(stage, *answers)
    assert status == 0, printed
    made = written(stage)
    assert made["risk"] == {
        "max_lots_per_order": 2,
        "max_premium_per_order": 50000,
        "max_open_positions": 1,
        "max_orders_per_day": 5,
        "max_daily_loss": 7500.5,
        "allowed_symbols": ["NIFTY"],
    }
    assert (made["market"], "hush" in printed) == ({"hours": "exchange"}, False)
