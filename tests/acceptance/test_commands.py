"""The short commands as their user runs them: check, backup, replay, status."""

import asyncio
import json
import os
import sqlite3
import stat
import sys
from pathlib import Path

from tests.acceptance.stage import Stage


async def manjha(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Exit status and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway", *arguments),
        cwd=stage.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode()


async def test_check_backup_and_replay_tell_the_truth(stage: Stage) -> None:
    await stage.open(defaults={"approval": "auto"})
    await stage.start_gateway()
    await stage.log_in()
    answer = await stage.alert()
    await stage.settled(answer["alert_id"], "filled")
    config = ("--config", str(stage.folder / "config.json"))

    status, printed = await manjha(stage, "check", *config)
    assert (status, "FAIL" in printed) == (0, False), printed
    assert "telegram" in printed

    copy = stage.folder / "copy.db"
    status, printed = await manjha(stage, "backup", *config, str(copy))
    assert (status, stat.S_IMODE(copy.stat().st_mode)) == (0, 0o600), printed
    rows = sqlite3.connect(copy).execute("SELECT id FROM alerts").fetchall()
    assert rows == [(answer["alert_id"],)]
    assert (await manjha(stage, "backup", *config, str(copy)))[0] == 1

    status, printed = await manjha(stage, "replay", *config, answer["alert_id"])
    assert status == 0, printed
    assert json.loads(printed)["answer"]["status"] == "filled"
    assert len((await stage.book())["attempts"]) == 1


async def test_check_fails_when_something_does_not_answer(stage: Stage) -> None:
    await stage.open(kite={"api_url": "http://127.0.0.1:1"})
    path = stage.folder / "config.json"
    path.write_text(json.dumps(stage.settings))
    path.chmod(0o600)
    status, printed = await manjha(stage, "check", "--config", str(path))
    assert status == 1
    assert "FAIL kite api" in printed
