"""Proofs: the secret in each place, the signature against the reference signer, constant time over bytes."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Signer
from yarl import URL

from gateway.domain.market import utc_now
from gateway.ingress import auth
from gateway.ingress.auth import Signature
from tests.ingress.conftest import BUY, SECRET, House, moment, running, settings

NOW = moment(2026, 11, 23, 4, 30)
BODY = json.dumps(BUY).encode()
PATH = "/webhook/tradingview"


def signed(body: bytes = BODY, *, webhook_id: str = "msg_1", at=NOW, secret: str = SECRET) -> Signature:
    return Signature(
        webhook_id=webhook_id,
        timestamp=str(int(at.timestamp())),
        signatures=Signer(secret.encode()).sign(webhook_id, at, body.decode()),
    )


def is_authentic(signature: Signature, body: bytes = BODY) -> bool:
    return auth.is_authentic(signature, body, SECRET, NOW)


def test_the_reference_signer_is_believed() -> None:
    assert is_authentic(signed())


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_are_tolerated(seconds: int) -> None:
    assert is_authentic(signed(at=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-302, 302, -86_400])
def test_more_than_five_minutes_are_not(seconds: int) -> None:
    assert not is_authentic(signed(at=NOW + timedelta(seconds=seconds)))


def test_one_of_several_signatures_is_enough() -> None:
    good = signed()
    both = Signature(
        webhook_id=good.webhook_id,
        timestamp=good.timestamp,
        signatures=f"v1a,AAAA v1,{base64.b64encode(b'x' * 32).decode()} {good.signatures} v1",
    )
    assert is_authentic(both)


@pytest.mark.parametrize("change", ["body", "webhook_id", "timestamp", "secret"])
def test_whatever_is_signed_cannot_be_changed(change: str) -> None:
    good = signed(secret="another-secret") if change == "secret" else signed()
    changed = Signature(
        webhook_id=good.webhook_id + ("x" if change == "webhook_id" else ""),
        timestamp=str(int(good.timestamp) + (change == "timestamp")),
        signatures=good.signatures,
    )
    assert not is_authentic(changed, BODY + (b" " if change == "body" else b""))


@pytest.mark.parametrize(
    "signatures", ["", ",", "v1", "v1,", "v1,é", "v1,====", "v2,AAAA", " ", "v1,AAAA " * 1000]
)
@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "9" * 400, str(int(NOW.timestamp()))])
def test_malformed_headers_prove_nothing(signatures: str, timestamp: str) -> None:
    assert not is_authentic(Signature(webhook_id="é", timestamp=timestamp, signatures=signatures))


def test_an_alert_without_an_id_is_not_proven_by_its_signature() -> None:
    assert not is_authentic(signed(webhook_id=""))


@given(st.text())
def test_only_the_secret_is_the_secret(offered: str) -> None:
    assert auth.same_secret(offered, SECRET) == (offered == SECRET)


def test_odd_characters_are_compared_and_not_stumbled_over() -> None:
    assert not auth.same_secret("é\ud800\x00", SECRET)
    assert auth.same_secret("schlüssel", "schlüssel")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, BUY),
        (PATH, {**BUY, "secret": "wrong"}),
        (PATH, {**BUY, "secret": ""}),
        (PATH, {**BUY, "secret": SECRET.upper()}),
        (PATH, [{**BUY, "secret": SECRET}, {**BUY, "secret": "wrong"}]),
        (f"{PATH}/wrong", BUY),
        (f"{PATH}/wrong", {**BUY, "secret": SECRET}),
        (f"{PATH}/{SECRET}", {**BUY, "secret": "wrong"}),
        (f"{PATH}/%C3%A9%FF", BUY),
        (f"{PATH}?secret={SECRET}", BUY),
        (f"{PATH}/wrong", "no alert at all"),
    ],
)
async def test_a_wrong_secret_in_any_place_is_refused_in_the_same_words(
    house: House, path: str, body: object
) -> None:
    answer = await house.post(body, path)
    assert answer.status == 401
    assert answer.json == {"success": False, "error": "no or wrong secret"}
    assert await house.rows() == []
    assert await house.told() == []


@pytest.mark.parametrize(
    "body",
    [
        {**BUY, "secret": SECRET},
        [{**BUY, "secret": SECRET}, BUY],
        f"secret={SECRET} action=BUY symbol=NIFTY strike=24000 option_type=CE lots=1",
        json.dumps({**BUY, "secret": SECRET})[:-1] + ",}",
    ],
)
async def test_the_secret_in_the_body_is_found_in_every_form(house: House, body: object) -> None:
    assert (await house.post(body, PATH)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [('BUY NIFTY 24000 CE 1 lot strategy="Top secret: x"', 200), ("BUY what 'secret=x'", 400)],
)
async def test_words_in_quotes_are_no_secret_that_is_wrong(house: House, body: str, status: int) -> None:
    assert (await house.post(body)).status == status


async def test_a_secret_of_odd_characters_works_in_every_place(tmp_path: Path) -> None:
    secret = "ä/ö %41 x+y?#"
    async with running(tmp_path, settings(webhook_secret=secret)) as house:
        address = URL(f"{house.url}{PATH}/{quote(secret, safe='')}", encoded=True)
        async with house.session.post(address, data=json.dumps(BUY)) as answer:
            assert answer.status == 200
        assert (await house.post({**BUY, "secret": secret}, PATH)).status == 200
        bearer = f"Bearer {secret}".encode().decode("utf-8")
        assert (await house.get("/alerts/abc", headers={"Authorization": bearer})).status == 404


async def test_a_broken_body_that_carries_the_secret_is_answered_400_and_kept(house: House) -> None:
    answer = await house.post(f'{{"secret": "{SECRET}", "action": "BUY", "strike": {{{{close}}}}}}', PATH)
    assert answer.status == 400
    assert len(await house.rows()) == 1
    assert SECRET not in "".join(await house.told())


async def test_a_signed_alert_needs_no_secret_in_the_open(house: House) -> None:
    good = signed(at=utc_now())
    headers = {
        "webhook-id": good.webhook_id,
        "webhook-timestamp": good.timestamp,
        "webhook-signature": good.signatures,
    }
    assert (await house.post(BODY, PATH, headers=headers)).status == 200
    changed = {**headers, "webhook-id": "other"}
    assert (await house.post(BODY, PATH, headers=changed)).status == 401
    assert (await house.post(BODY, f"{PATH}/{SECRET}", headers=changed)).status == 401
    assert len(await house.rows()) == 1
