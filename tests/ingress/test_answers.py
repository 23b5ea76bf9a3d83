"""What the sender hears: invalid, duplicate, array, strategy by address; as the contract's table says."""

import json
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Signer

from gateway.domain.market import utc_now
from gateway.domain.order import AlertState
from tests.ingress.conftest import BUY, SECRET, House, running, settings, until

WITHOUT_STRIKE = {key: value for key, value in BUY.items() if key != "strike"}


async def test_an_alert_that_cannot_be_understood_is_kept_and_told(house: House) -> None:
    answer = await house.post({**BUY, "strike": "{{close}}"})
    assert answer.status == 400
    assert answer.json["success"] is False
    assert answer.json["field"] == "strike"
    assert answer.json["error"]
    (row,) = await house.rows()
    assert (row.id, row.state, row.field) == (answer.json["alert_id"], AlertState.INVALID, "strike")
    (told,) = await house.told()
    assert answer.json["alert_id"] in told


async def test_an_entry_that_lacks_its_strike_says_so(house: House) -> None:
    answer = await house.post(WITHOUT_STRIKE)
    assert answer.status == 400
    assert answer.json["field"] == "strike"
    assert "RSI Divergence" in answer.json["error"]
    assert (await house.rows())[0].strategy == "RSI Divergence"


async def test_the_same_bytes_again_are_a_duplicate_of_the_first(house: House) -> None:
    first = await house.post(BUY)
    again = await house.post(BUY)
    assert again.status == 200
    assert again.json["success"] is True
    assert again.json["status"] == "duplicate"
    assert again.json["alert_id"] == first.json["alert_id"]
    await until(lambda: house.worked)
    assert len(house.worked) == 1


async def test_two_fills_of_one_second_with_different_ids_both_pass(house: House) -> None:
    answers = [await house.post({**BUY, "id": f"NIFTY-2026-11-23T09:56:00Z-{leg}"}) for leg in (1, 2)]
    assert [answer.json["status"] for answer in answers] == ["queued", "queued"]


async def test_one_id_shared_by_two_strategies_is_two_alerts(house: House) -> None:
    answers = [await house.post({**BUY, "id": "NIFTY-1", "strategy": name}) for name in ("A", "B")]
    assert [answer.json["status"] for answer in answers] == ["queued", "queued"]


async def test_one_id_shared_by_the_legs_of_a_reversal_is_two_alerts(house: House) -> None:
    close = {**BUY, "action": "SELL", "id": "NIFTY-1"}
    turn = {**BUY, "option_type": "PE", "id": "NIFTY-1"}
    back = {**BUY, "action": "SELL", "option_type": "PE", "id": "NIFTY-1"}
    answer = await house.post([close, turn, back, close])
    assert [each["status"] for each in answer.json["alerts"]] == ["queued", "queued", "queued", "duplicate"]


async def test_an_id_sent_again_is_a_duplicate_whatever_else_changed(house: House) -> None:
    first = await house.post({**BUY, "id": "NIFTY-1"})
    again = await house.post({**BUY, "id": "NIFTY-1", "price": 151})
    assert (again.json["status"], again.json["alert_id"]) == ("duplicate", first.json["alert_id"])


async def test_the_same_body_at_two_strategies_addresses_is_two_alerts(house: House) -> None:
    path = f"/webhook/tradingview/{SECRET}?strategy="
    answers = [await house.post("exit", path + name) for name in ("A", "B", "A")]
    assert [answer.json["status"] for answer in answers] == ["queued", "queued", "duplicate"]


async def test_an_array_is_several_alerts_in_order(house: House) -> None:
    answer = await house.post([{**BUY, "quantity": lots * 65} for lots in (1, 2, 3)])
    assert answer.status == 200
    ids = [each["alert_id"] for each in answer.json["alerts"]]
    assert answer.json["alert_id"] == ids[0]
    assert answer.json["status"] == "queued"
    await until(lambda: len(house.worked) == 3)
    assert [(alert.alert_id, alert.signal.quantity) for alert in house.worked] == list(
        zip(ids, (65, 130, 195), strict=True)
    )


async def test_two_equal_elements_of_an_array_are_two_alerts(house: House) -> None:
    answer = await house.post([BUY, BUY])
    assert [each["status"] for each in answer.json["alerts"]] == ["queued", "queued"]


async def test_a_resent_array_is_all_duplicates(house: House) -> None:
    first, again = await house.post([BUY, BUY]), await house.post([BUY, BUY])
    assert [each["status"] for each in again.json["alerts"]] == ["duplicate", "duplicate"]
    assert [each["alert_id"] for each in again.json["alerts"]] == [
        each["alert_id"] for each in first.json["alerts"]
    ]


async def test_one_bad_element_of_an_array_costs_the_others_nothing(house: House) -> None:
    answer = await house.post([BUY, {**BUY, "strike": "NaN"}, {**BUY, "quantity": 130}])
    assert answer.status == 400
    assert [each["status"] for each in answer.json["alerts"]] == ["queued", "invalid", "queued"]
    assert answer.json["field"] == "strike"
    assert answer.json["alert_id"] == answer.json["alerts"][1]["alert_id"]
    await until(lambda: len(house.worked) == 2)
    assert [row.state for row in await house.rows()] == ["received", "invalid", "received"]


async def test_what_was_not_understood_is_shown_with_its_strategy_and_its_place(house: House) -> None:
    bad = {**BUY, "strategy": "Second", "lots": "y", "quantity": None}
    assert (await house.post([BUY, bad])).status == 400
    (text,) = (text for text in await house.told() if "not understood" in text)
    assert "· Second\n" in text
    assert "number 2 of its body" in text
    assert '"lots"' in text
    assert "RSI Divergence" not in text, "the first element is another alert"


async def test_a_secret_that_is_written_otherwise_is_neither_kept_nor_shown(tmp_path: Path) -> None:
    secret = "S3cret-é/and-more"
    async with running(tmp_path, settings(webhook_secret=secret)) as house:
        body = json.dumps({**BUY, "secret": secret, "lots": "y", "quantity": None}).replace("/", "\\/")
        assert secret not in body
        answer = await house.post(body, "/webhook/tradingview")
        assert (answer.status, answer.json["field"]) == (400, "lots")
        answer = await house.post(
            json.dumps({**BUY, "action": secret, "secret": secret}), "/webhook/tradingview"
        )
        assert answer.status == 400
        kept = b"".join(row.body for row in await house.rows())
        for text in [kept.decode(), answer.text, *await house.told()]:
            assert "S3cret" not in text


@pytest.mark.parametrize("body", ["[]", "[[]]", json.dumps([[BUY]]), json.dumps([BUY] * 21)])
async def test_an_array_that_holds_no_alerts_is_refused(house: House, body: str) -> None:
    answer = await house.post(body)
    assert answer.status == 400
    assert answer.json["field"]
    assert len(await house.rows()) == 1


async def test_the_address_names_the_strategy_of_plain_text(house: House) -> None:
    answer = await house.post("exit", f"/webhook/tradingview/{SECRET}?strategy=RSI%20Divergence")
    assert answer.status == 200
    assert (await house.rows())[0].strategy == "RSI Divergence"


async def test_address_and_body_must_not_name_two_strategies(house: House) -> None:
    answer = await house.post(BUY, f"/webhook/tradingview/{SECRET}?strategy=Other")
    assert (answer.status, answer.json["field"]) == (400, "strategy")
    same = await house.post(BUY, f"/webhook/tradingview/{SECRET}?strategy=RSI+Divergence")
    assert same.status == 200


@pytest.mark.parametrize(
    "query", ["strategy=", "strategy=%00", "strategy=" + "x" * 65, "strategy=A&strategy=B"]
)
async def test_a_strategy_in_the_address_must_be_a_name(house: House, query: str) -> None:
    answer = await house.post("exit", f"/webhook/tradingview/{SECRET}?{query}")
    assert (answer.status, answer.json["field"]) == (400, "strategy")
    assert len(await house.rows()) == 1


async def test_alert_ids_are_short_in_lower_case_and_sort_by_their_time(house: House) -> None:
    ids = [(await house.post({**BUY, "id": str(number)})).json["alert_id"] for number in range(20)]
    assert len(set(ids)) == 20
    assert all(len(each) == 20 and each.isalnum() and each == each.lower() for each in ids)
    milliseconds = [int(each[:12], 16) for each in ids]
    assert milliseconds == sorted(milliseconds)


async def test_a_signed_alert_replayed_is_the_same_alert(house: House) -> None:
    body, now = json.dumps(BUY), utc_now()
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(SECRET.encode()).sign("msg-1", now, body),
    }
    first = await house.post(body, "/webhook/tradingview", headers=headers)
    again = await house.post(body, "/webhook/tradingview", headers=headers)
    assert (first.status, first.json["status"]) == (200, "queued")
    assert (again.json["status"], again.json["alert_id"]) == ("duplicate", first.json["alert_id"])
    assert (await house.rows())[0].dedupe_key


async def test_a_signed_alert_replayed_under_another_strategys_address_is_no_second_alert(
    house: House,
) -> None:
    now = utc_now()
    body = json.dumps({name: value for name, value in BUY.items() if name != "strategy"})
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(SECRET.encode()).sign("msg-1", now, body),
    }
    first = await house.post(body, "/webhook/tradingview?strategy=A", headers=headers)
    again = await house.post(body, "/webhook/tradingview?strategy=B", headers=headers)
    assert (again.json["status"], again.json["alert_id"]) == ("duplicate", first.json["alert_id"])


async def test_leaving_the_long_and_the_short_within_one_second_are_two_alerts(house: House) -> None:
    exits = [{"action": action, "id": "NIFTY-1", "strategy": "S"} for action in ("exit_long", "exit_short")]
    answers = [await house.post(each) for each in (*exits, exits[0])]
    assert [answer.json["status"] for answer in answers] == ["queued", "queued", "duplicate"]


async def test_an_array_is_the_same_array_when_the_settings_have_changed(tmp_path: Path) -> None:
    legs = [
        {"action": "BUY", "strategy": "S", "strike": strike, "id": "one bar"} for strike in (24000, 24200)
    ]
    whole = {"symbol": "NIFTY", "option_type": "CE", "lots": 1}
    async with running(tmp_path, settings(strategies={"S": whole})) as house:
        assert {each["status"] for each in (await house.post(legs)).json["alerts"]} == {"queued"}
    async with running(tmp_path, settings(strategies={"S": {**whole, "lots": 2}})) as house:
        assert {each["status"] for each in (await house.post(legs)).json["alerts"]} == {"duplicate"}


async def test_two_alerts_of_one_array_may_share_their_id(house: House) -> None:
    legs = [{**BUY, "id": "one bar"}, {**BUY, "strike": 24200, "id": "one bar"}]
    first, again = await house.post(legs), await house.post(legs)
    assert [each["status"] for each in first.json["alerts"]] == ["queued", "queued"]
    assert [each["status"] for each in again.json["alerts"]] == ["duplicate", "duplicate"]
    assert [row.part for row in await house.rows()] == [0, 1, 0, 1]


async def test_settings_of_the_strategy_complete_plain_text(tmp_path: Path) -> None:
    strategy = {"symbol": "BANKNIFTY", "lots": 2, "strike": "ATM+1", "stop_loss": "-20%"}
    async with running(tmp_path, settings(strategies={"RSI": strategy})) as house:
        answer = await house.post("BUY CE", f"/webhook/tradingview/{SECRET}?strategy=RSI")
        assert answer.status == 200
        await until(lambda: house.worked)
        signal = house.worked[0].signal
        assert (signal.symbol, signal.lots, signal.quantity) == ("BANKNIFTY", 2, None)
        assert str(signal.strike.value) == "1"
        assert str(signal.stop_loss.value) == "-20"


async def test_a_fault_of_our_own_keeps_the_alert_and_tells_its_owner(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 5xx would have TradingView send it three times more, and then it were lost."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside story")

    monkeypatch.setattr("gateway.ingress.arrivals.complete", broken)
    answer = await house.post(BUY)
    assert (answer.status, answer.json["field"]) == (400, "body")
    assert "inside" not in answer.text
    assert (await house.rows())[0].state == AlertState.INVALID
    assert len(await house.told()) == 1
