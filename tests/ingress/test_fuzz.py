"""Two thousand broken bodies: answered by the contract's statuses, kept when authentic, never a traceback."""

import json
import logging
import random

import pytest
from structlog.testing import capture_logs

from tests.ingress.conftest import BUY, SECRET, House

SEED = 20261123
SEEDS = [
    json.dumps(BUY).encode(),
    json.dumps([BUY, {**BUY, "action": "exit"}]).encode(),
    json.dumps({**BUY, "secret": SECRET, "stop_loss": "-20%", "id": "NIFTY-2026"}).encode(),
    b"BUY NIFTY 24000 CE 1 lot",
    b"action=BUY&symbol=NIFTY&strike=ATM&option_type=CE&lots=1",
    '\ufeff{"action": “BUY”, "strike": 24013.45 + 100,}'.encode(),
    json.dumps(BUY).encode("utf-16"),
    b'{"action": "exit", "quantity": 1e400, "strike": -Infinity, "time": "0000"}',
    b'{"action": "BUY", "strategy": "\\ud800", "id": "\\u0000", "symbol": "\\udfff"}',
    b'{"id": ' + b"9" * 5000 + b"}",
    b"[" * 5000,
    b"{" * 100 + b"}" * 100,
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"((((((((((" * 500,
    b'"' * 999,
    b"\\" * 999,
    b"\0\0\0\0",
    b"",
]
#: So many of the seeds are alerts as they should be.
GOOD = 5
PATHS = [
    *[f"/webhook/tradingview/{SECRET}"] * 4,
    f"/webhook/tradingview/{SECRET}?strategy=RSI",
    f"/webhook/tradingview/{SECRET}?strategy=%ED%A0%80&wait=x",
    "/webhook/tradingview",
    "/webhook/tradingview/%FF%00",
    "/kite/postback",
]
HEADERS = [
    *[{}] * 5,
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "application/json; charset=utf-99"},
    {"Content-Encoding": "deflate"},
    {"webhook-signature": "v1,é", "webhook-id": "x"},
    {"X-Forwarded-For": ",,"},
]
ALLOWED = {200, 400, 401, 403, 404, 405, 408, 413, 429}
PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"{{close}}",
    b"\xff",
    b"\x00",
    b"NaN",
    b"1e999",
    b"\\u0000",
]


def mutated(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(SEEDS[:GOOD] if chance.random() < 0.6 else SEEDS))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(body) + 1)
        what = chance.randrange(5)
        if what == 0:
            body[at:at] = chance.choice(PIECES)
        elif what == 1:
            del body[at : at + chance.randrange(1, 9)]
        elif what == 2:
            body[at : at + 1] = chance.randbytes(1)
        elif what == 3:
            body[at:at] = body[chance.randrange(len(body) + 1) :]
        else:
            body += chance.randbytes(chance.randrange(30))
    return bytes(body[:17_000])


@pytest.mark.timeout(120)
async def test_two_thousand_broken_bodies_give_no_5xx_and_no_traceback(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(SEED)
    wrong, understood, kept = [], 0, 0
    with capture_logs() as lines, caplog.at_level(logging.WARNING):
        for _ in range(2000):
            path, body, headers = chance.choice(PATHS), mutated(chance), chance.choice(HEADERS)
            answer = await house.post(body, path, headers=headers)
            if answer.status not in ALLOWED or "success" not in answer.json:
                wrong.append((answer.status, path, headers, body[:200]))
            alerts = answer.json.get("alerts", [answer.json]) if "webhook" in path else []
            understood += sum(each.get("success") is True for each in alerts)
            kept += sum(each.get("status") in {"invalid", "queued"} for each in alerts)
    assert wrong == []
    assert understood > 100, "the seeds are so broken that nothing was tried behind the parser"
    rows = await house.rows()
    assert kept <= len(rows)
    assert sum(row.state != "duplicate" for row in rows) == kept
    assert not any("exc_info" in line for line in lines)
    assert not [record for record in caplog.records if record.exc_info]
    assert SECRET not in str(lines)
