"""An alert comes to the door: kept, then answered; each outcome in the contract's words."""

import json

import pytest

from gateway.domain.signal import Action, Signal
from tests.ingress.conftest import BUY, SECRET, House, until

PATH = "/webhook/tradingview"


async def test_an_authentic_alert_is_on_disk_before_it_is_acknowledged(house: House) -> None:
    answer = await house.post(BUY)
    assert answer.status == 200
    assert answer.json["success"] is True
    assert answer.json["status"] == "queued"
    assert isinstance(answer.json["message"], str)
    (row,) = await house.rows()
    assert row.id == answer.json["alert_id"]
    assert row.body == json.dumps(BUY).encode()
    assert row.strategy == "RSI Divergence"


async def test_an_acknowledged_alert_is_handed_on_once(house: House) -> None:
    answer = await house.post(BUY)
    await until(lambda: house.worked)
    (accepted,) = house.worked
    assert accepted.alert_id == answer.json["alert_id"]
    assert isinstance(accepted.signal, Signal)
    assert accepted.signal.action is Action.BUY


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", ""]
)
async def test_the_content_type_is_never_looked_at(house: House, content_type: str) -> None:
    answer = await house.post(BUY, headers={"Content-Type": content_type})
    assert answer.status == 200


async def test_the_secret_may_come_in_the_body(house: House) -> None:
    answer = await house.post({**BUY, "secret": SECRET}, PATH)
    assert answer.status == 200


async def test_a_wrong_secret_stores_nothing(house: House) -> None:
    answer = await house.post({**BUY, "secret": "wrong"}, PATH)
    assert answer.status == 401
    assert answer.json == {"success": False, "error": "no or wrong secret"}
    assert await house.rows() == []
