"""Looking in: an alert's life for its owner alone, liveness, readiness by a real write, the figures."""

import asyncio
import json
from pathlib import Path

import pytest

from gateway.ingress import status
from tests.ingress.conftest import BUY, SECRET, House, running, settings, until
from tests.ingress.test_storage_failures import locked

OWNER = {"Authorization": f"Bearer {SECRET}"}


async def test_the_owner_reads_an_alerts_whole_life(house: House) -> None:
    alert_id = (await house.post(BUY)).json["alert_id"]
    answer = await house.get(f"/alerts/{alert_id}", headers=OWNER)
    assert answer.status == 200
    life = answer.json
    assert list(life)[:2] == ["alert_id", "status"]
    assert (life["alert_id"], life["status"]) == (alert_id, "queued")
    assert json.loads(life["body"]) == BUY
    assert {"received_at", "verdicts", "approval", "orders", "fills"} <= set(life)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer é", SECRET]
)
async def test_nobody_else_reads_it(house: House, header: str | None) -> None:
    alert_id = (await house.post(BUY)).json["alert_id"]
    answer = await house.get(
        f"/alerts/{alert_id}", headers={} if header is None else {"Authorization": header}
    )
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert alert_id not in answer.text


async def test_an_alert_that_does_not_exist_is_404_for_its_owner(house: House) -> None:
    answer = await house.get("/alerts/aaaaaaaaaaaaaaaa", headers=OWNER)
    assert (answer.status, answer.json["success"]) == (404, False)


async def test_neither_a_life_nor_the_database_holds_the_secret(house: House) -> None:
    alert_id = (await house.post({**BUY, "secret": SECRET})).json["alert_id"]
    answer = await house.get(f"/alerts/{alert_id}", headers=OWNER)
    assert SECRET not in answer.text
    assert SECRET.encode() not in (await house.rows())[0].body


async def test_without_a_secret_this_machine_reads_it(tmp_path: Path) -> None:
    async with running(tmp_path, settings(webhook_secret=None)) as house:
        alert_id = (await house.post(BUY, "/webhook/tradingview")).json["alert_id"]
        assert (await house.get(f"/alerts/{alert_id}")).status == 200


async def test_healthz_is_200_while_the_process_lives(house: House) -> None:
    with locked(house.path):
        assert (await house.get("/healthz")).status == 200


async def test_readyz_tells_of_each_part(house: House) -> None:
    answer = await house.get("/readyz")
    assert answer.status == 200
    assert set(answer.json) == {"database", "kite_session", "instruments", "telegram", "kill_switch"}
    assert all(set(part) == {"ok", "detail"} for part in answer.json.values())


async def test_readyz_is_503_exactly_when_an_alert_would_not_be_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "READY_SECONDS", 0.0)
    assert (await house.get("/readyz")).status == 200
    with locked(house.path):
        answer = await house.get("/readyz")
        assert (answer.status, answer.json["database"]["ok"]) == (503, False)
        assert (await house.post(BUY)).status == 503
    assert (await house.get("/readyz")).status == 200


async def test_readyz_stays_200_while_other_parts_are_down(tmp_path: Path) -> None:
    async def readiness():
        return {"telegram": {"ok": False, "detail": "401"}, "database": {"ok": False, "detail": "not asked"}}

    async with running(tmp_path, readiness=readiness) as house:
        answer = await house.get("/readyz")
    assert answer.status == 200
    assert answer.json["telegram"] == {"ok": False, "detail": "401"}
    assert answer.json["database"]["ok"] is True


async def test_however_often_readyz_is_asked_the_disk_is_tried_once(tmp_path: Path) -> None:
    asked = []

    async def readiness():
        asked.append(1)
        return {}

    async with running(tmp_path, readiness=readiness) as house:
        await asyncio.gather(*(house.get("/readyz") for _ in range(20)))
    assert len(asked) == 1


async def test_the_try_leaves_nothing_behind(house: House) -> None:
    await house.get("/readyz")
    count = await house.database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM login_states").scalar()
    )
    assert count == 0


async def test_the_figures_are_for_this_machine_and_for_the_owner(tmp_path: Path) -> None:
    async with running(tmp_path, settings(server={"trusted_proxies": ["127.0.0.1"]})) as house:
        assert (await house.get("/metrics")).status == 200
        away = {"X-Forwarded-For": "203.0.113.7"}
        assert (await house.get("/metrics", headers=away)).status == 401
        assert (await house.get("/metrics", headers={**away, **OWNER})).status == 200
        assert (await house.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})).status == 200


async def test_a_tunnel_that_ends_here_does_not_show_the_figures(house: House) -> None:
    assert (await house.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})).status == 401
    assert (await house.get("/metrics", headers={"Host": "rebound.example"})).status == 401


async def test_the_figures_count_alerts_by_outcome_and_time_the_acknowledgement(house: House) -> None:
    await house.post(BUY)
    await house.post(BUY)
    await house.post({**BUY, "strike": "NaN"})
    with locked(house.path):
        await house.post(BUY)
    await house.post(BUY, "/webhook/tradingview/wrong")
    answer = await house.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    for outcome in ("queued", "duplicate", "invalid", "not_stored"):
        assert f'manjha_alerts_total{{outcome="{outcome}"}} 1.0' in lines
    assert "manjha_acknowledgement_seconds_count 3.0" in lines
    assert 'manjha_turned_away_total{why="authentication"} 1.0' in lines
    assert 'manjha_http_requests_total{route="/webhook/tradingview/{secret}",status="503"} 1.0' in lines
    await until(lambda: house.worked)
