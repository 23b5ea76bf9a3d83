"""A newcomer's first minute: no file, no account; the alert that is shown is pasted at once."""

import json
from pathlib import Path

import aiohttp

from tests.acceptance.stage import Process


async def test_the_alert_that_practice_shows_is_asked_about_however_quickly_it_is_pasted(
    tmp_path: Path,
) -> None:
    anywhere = {"MANJHA_SERVER__PORT": "0", "MANJHA_PHONE__PORT": "0"}
    gateway = Process("-m", "gateway", "run", cwd=tmp_path, environment=anywhere)
    await gateway.start(log=tmp_path / "gateway.log")
    try:
        shown = ""
        while not shown.startswith("curl "):
            line = await gateway.line()
            assert line, (tmp_path / "gateway.log").read_text()[-3000:]
            shown = line.decode()
        url, body = shown.split()[3], json.loads(shown.split(" -d ")[1].strip().strip("'"))
        async with aiohttp.ClientSession() as http:
            async with http.post(url, json=body) as answer:
                assert answer.status == 200, await answer.text()
                alert_id = (await answer.json())["alert_id"]
            status = "queued"
            while status == "queued":
                address = f"{url.removesuffix('/webhook/tradingview')}/alerts/{alert_id}"
                async with http.get(address) as answer:
                    status = (await answer.json())["status"]
    finally:
        await gateway.terminate()
    assert status == "awaiting_approval"
