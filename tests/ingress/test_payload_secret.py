"""The secret: found in every readable and unreadable body, and never shown."""

import pytest

from gateway.domain.errors import InvalidAlert
from gateway.ingress.payload import escaped, parse_body, read, secret_in, secret_of, signals_of

SECRET = "s3cr3t-of-the-house"

CARRIERS = {
    "strict": f'{{"action": "BUY", "secret": "{SECRET}"}}',
    "any case": f'{{"action": "BUY", "Secret": "{SECRET}"}}',
    "escaped key": f'{{"action": "BUY", "\\u0073ecret": "{SECRET}"}}',
    "relaxed": f"{{action: BUY, secret: '{SECRET}',}}",
    "smart quotes": f"{{“action”: “BUY”, “secret”: “{SECRET}”}}",
    "array": f'[{{"action": "BUY", "secret": "{SECRET}"}}, {{"action": "SELL"}}]',
    "words": f"secret={SECRET} BUY CE",
    "form": f"action=BUY&secret={SECRET}",
    "doubled": f'{{""secret"": ""{SECRET}"", ""action"": ""BUY""}}',
    "JSON in JSON": f'"{{\\"secret\\": \\"{SECRET}\\", \\"action\\": \\"BUY\\"}}"',
}
BROKEN = {
    "cut off": f'{{"secret": "{SECRET}", "action": "BUY',
    "no comma": f'{{"action": "BUY" "secret": "{SECRET}"}}',
    "quote inside": f'{{"note": "a "b" c", "secret": "{SECRET}"}}',
    "relaxed and broken": f"{{'secret': '{SECRET}', 'action' 'BUY'}}",
    "smart and broken": f"{{“secret”: “{SECRET}”, “action” “BUY”}}",
    "junk behind it": f'{{"action": "BUY", "secret": "{SECRET}" junk}}',
    "wrong field": f'{{"strike": "x", "secret": "{SECRET}", "action": "BUY"}}',
    "twice": f'{{"secret": "{SECRET}", "secret": "{SECRET}"}}',
    "too deep": f'{{"secret": "{SECRET}", "a": ' + "[" * 20,
    "in the wrong place": f'{{"secret": "{SECRET}", "action": "{SECRET}"}}',
    "words": f"secret={SECRET} BUY what",
}


@pytest.mark.parametrize("body", [*CARRIERS.values(), *BROKEN.values()], ids=[*CARRIERS, *BROKEN])
def test_the_secret_is_found_and_never_shown(body):
    assert secret_in(body.encode()) == SECRET
    assert SECRET not in escaped(body.encode())


@pytest.mark.parametrize("body", CARRIERS.values(), ids=CARRIERS)
def test_the_secret_is_no_part_of_the_signal(body):
    assert SECRET not in repr(parse_body(body.encode()))
    assert all("secret" not in signal.ignored for signal in parse_body(body.encode()))


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_the_secret_is_in_no_refusal(body):
    with pytest.raises(InvalidAlert) as refusal:
        parse_body(body.encode())
    assert SECRET not in str(refusal.value)


def test_one_reading_serves_both():
    document = read(CARRIERS["strict"].encode())
    assert secret_of(document) == SECRET
    assert len(signals_of(document)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"action": "BUY"}',
        '{"secret": ""}',
        '{"secret": null}',
        '{"secret": ["a"]}',
        '{"secret": "one", "secret": "two"}',
        '[{"secret": "one"}, {"secret": "two"}]',
        '{"secret": "\\ud800"}',
        '{"webhook_secret": "other"}',
        "the secretary",
    ],
)
def test_no_one_secret_is_none(body):
    assert secret_in(body.encode()) is None


def test_a_number_may_be_the_secret():
    assert secret_in(b'{"secret": 1234567890123456789012}') == "1234567890123456789012"


def test_received_text_is_shown_on_one_printable_line():
    shown = escaped("BUY\r\n\u202eCE\x07 <b>ग</b>\u200b".encode() + b"\xff")
    assert shown == r"BUY\r\n\u202eCE\x07 <b>ग</b>\u200b\xff"


def test_received_text_is_cut():
    assert escaped(b"x" * 1000, 10) == "xxxxxxxxx…"
    assert len(escaped("\u202e".encode() * 1000)) == 300
    assert escaped(b"\xff\xfea") == "\ufffd"


@pytest.mark.parametrize("name", ["password", "token", "api_key", "apikey", "passphrase"])
def test_other_credentials_are_masked_too(name):
    assert escaped(f'{{"{name}": "hunter\\"2", "x": 1}}'.encode()) == f'{{"{name}": ***, "x": 1}}'
