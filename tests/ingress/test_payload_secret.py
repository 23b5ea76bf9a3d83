"""The secret: found in every readable and unreadable body, and never shown."""

import json
import re
from urllib.parse import urlencode

import pytest

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.text import lossy
from gateway.ingress.payload import (
    blotted,
    escaped,
    parse_body,
    part_of,
    read,
    secret_in,
    secret_of,
    signals_of,
    strategy_of,
)

SECRET = "s3cr3t-of-the-house"

CARRIERS = {
    "strict": f'{{"action": "BUY", "secret": "{SECRET}"}}',
    "any case": f'{{"action": "BUY", "Secret": "{SECRET}"}}',
    "escaped key": f'{{"action": "BUY", "\\u0073ecret": "{SECRET}"}}',
    "relaxed": f"{{action: BUY, secret: '{SECRET}',}}",
    "smart quotes": f"{{“action”: “BUY”, “secret”: “{SECRET}”}}",
    "array": f'[{{"action": "BUY", "secret": "{SECRET}"}}, {{"action": "SELL"}}]',
    "words": f"secret={SECRET} BUY CE",
    "words, quoted": f'BUY CE "secret": "{SECRET}" strategy="secret: x"',
    "lines": f"action: BUY\nsecret: {SECRET}\nstrategy: Top secret: x",
    "words in JSON": f'"BUY CE secret={SECRET}"',
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
    "words behind a quoted one": f'BUY what strategy="Top secret: x" secret={SECRET}',
    "behind an escaped one": f'{{"note": "the \\"secret: x\\"", "secret": "{SECRET}", "action" "BUY"}}',
    "behind a smart one": f"{{“note”: “the secret: x”, “secret”: “{SECRET}”, “action” “BUY”}}",
    "behind an open quote": f'{{"note": "5\n, "secret": "{SECRET}"}}',
}


@pytest.mark.parametrize("body", [*CARRIERS.values(), *BROKEN.values()], ids=[*CARRIERS, *BROKEN])
def test_the_secret_is_found_and_never_shown(body):
    assert secret_in(body.encode()) == SECRET
    assert SECRET not in escaped(read(body.encode()))


@pytest.mark.parametrize("body", CARRIERS.values(), ids=CARRIERS)
def test_the_secret_is_no_part_of_the_signal(body):
    assert SECRET not in repr(parse_body(body.encode()))
    assert all("secret" not in signal.ignored for signal in parse_body(body.encode()))


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_the_secret_is_in_no_refusal(body):
    with pytest.raises(InvalidAlert) as refusal:
        parse_body(body.encode())
    assert SECRET not in str(refusal.value)


LONG = "k/9é\"x' y-" + "0123456789" * 6
SPELLINGS = {
    "as it is": json.dumps({"note": LONG}, ensure_ascii=False).replace('\\"', "“"),
    "JSON": json.dumps({"secret": LONG, "action": "BUY"}),
    "JSON, every character": '{"secret": "' + "".join(f"\\u{ord(char):04X}" for char in LONG) + '"}',
    "JSON, slashes": json.dumps({"secret": LONG}, ensure_ascii=False).replace("/", "\\/"),
    "JSON in JSON": json.dumps(json.dumps({"secret": LONG})),
    "form": urlencode({"secret": LONG, "action": "BUY"}),
    "JSON in a form": urlencode({"payload": json.dumps({"secret": LONG})}),
    "doubled": '{""secret"": ""' + LONG.replace('"', '""') + '"", ""action"": ""BUY""}',
    "single quotes": "{secret: '" + LONG.replace("'", "\\'") + "'}",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_no_spelling_of_the_secret_is_kept(text, encoding):
    body = f"{text}\n# the rest".encode(encoding)
    document = read(body)
    kept = blotted(body, document, LONG)
    assert "0123456789" not in lossy(kept).replace("\0", "")
    assert "%31%32" not in lossy(kept)
    assert not re.search(r"u003[0-9]", lossy(kept))
    assert "the rest" in lossy(kept).replace("\0", "")
    if encoding in {"utf-8", "utf-16"}:
        assert "0123" not in escaped(document, [LONG])


def test_what_is_kept_is_as_it_came_where_no_secret_is_in_it():
    body = (
        '{"action": "BUY", "strategy": "Größe \\"5\\"", "stop_loss": "-20%25", "x": "\ufffe\0"}'.encode()
        + b"\xff"
    )
    assert blotted(body, read(body), SECRET) is body
    assert blotted(body, read(body), "") is body


def test_what_is_kept_has_a_star_for_each_byte_of_a_secret_written_plainly():
    body = '{"secret": "größe", "x": "größe"}'.encode()
    assert blotted(body, read(body), "größe") == b'{"secret": "*******", "x": "*******"}'
    escaped_too = body + b"\\u00e9 gr\\u00f6\\u00dfe"
    assert blotted(escaped_too, read(escaped_too), "größe") == (
        b'{"secret": "*******", "x": "*******"}\\u00e9 ***'
    )


def test_an_escaped_secret_leaves_an_alert_that_can_still_be_read():
    body = json.dumps({"action": "BUY", "secret": LONG, "strategy": "RSI"}).encode()
    assert json.loads(blotted(body, read(body), LONG)) == {
        "action": "BUY",
        "secret": "***",
        "strategy": "RSI",
    }


WRONG_PLACES = [
    '{"action": "%s"}',
    '{"action": "BUY", "symbol": "x%s"}',
    '{"action": "BUY", "strike": %s}',
    '{"action": "BUY", "%s": 1, "%s": 2}',
    '{"action": "BUY" "%s"}',
    '[{"action": "BUY"}, {"action": "%s"}]',
    "BUY %s CE",
    "strategy=%s= CE",
    '"BUY %s CE"',
]


@pytest.mark.parametrize("body", WRONG_PLACES)
@pytest.mark.parametrize(
    "spell", [str, lambda secret: "".join(f"\\u{ord(char):04x}" for char in secret)], ids=["plain", "escaped"]
)
def test_no_piece_of_the_configured_secret_is_in_a_refusal(body, spell):
    """A sentence quotes the beginning of a long text, so a piece may stand there without the whole."""
    secret = "k9x7w5v3" * 8
    document = read(body.replace("%s", spell(secret)).encode())
    with pytest.raises(InvalidAlert) as refusal:
        signals_of(document, [secret])
    assert "k9x7" not in f"{refusal.value.field} {refusal.value}"
    if spell is str:
        assert "***" in str(refusal.value)
    assert "k9x7" not in escaped(document, [secret])


def test_a_refusal_that_shows_no_secret_is_as_it_was():
    body = b'{"action": "a-secret of mine", "secret": "%s"}' % SECRET.encode()
    with pytest.raises(InvalidAlert, match='action "a-secret of mine" is not known'):
        signals_of(read(body), [SECRET])
    with pytest.raises(InvalidAlert, match="not UTF-8 text"):
        signals_of(read(b"not UTF-8 text \xff"), ["not UTF-8 text"])


def test_a_secret_that_breaks_the_alert_is_told_and_not_shown():
    document = read(b'{"action": "BUY", "note": "k9x7"w5v3"}')
    with pytest.raises(InvalidAlert, match="for a character of the secret in it") as refusal:
        signals_of(document, ['k9x7"w5v3'])
    assert "w5v3" not in str(refusal.value)


def test_a_part_shows_itself_alone():
    document = read(
        b'[{"action": "BUY", "strike": 24000 + 50}, {"action": "hold", "note": "\\"x\\""}, "BUY what", 5]'
    )
    assert isinstance(document.tree, list)
    assert [escaped(part_of(document, element)) for element in document.tree] == [
        '{"action": "BUY", "strike": 24000 + 50}',
        '{"action": "hold", "note": "\\"x\\""}',
        '"BUY what"',
        "5",
    ]


def test_a_part_is_read_for_itself_and_shows_no_secret():
    document = read(b'[{"action": "BUY"}, {"action": "%s"}, ["BUY"]]' % SECRET.encode())
    assert isinstance(document.tree, list)
    (signal,) = signals_of(part_of(document, document.tree[0]))
    assert signal.action == "BUY"
    second = part_of(document, document.tree[1])
    with pytest.raises(InvalidAlert, match=re.escape('action "***" is not known')):
        signals_of(second, [SECRET])
    assert escaped(second, [SECRET]) == '{"action": "***"}'
    with pytest.raises(InvalidAlert, match="an array itself"):
        signals_of(part_of(document, document.tree[2], InvalidAlert("body", "an array itself")), [SECRET])


STRATEGIES = [
    ('{"action": "hold", "strategy": "RSI Divergence"}', "RSI Divergence"),
    ('{"action": "BUY" "Strategy Name": "RSI \\u00e9"}', "RSI é"),
    ("{action BUY, strategy: RSI Divergence, lots: 1}", "RSI Divergence"),
    ("{action: BUY, strategy: RSI #2\n}", None),
    ("{action: BUY, strategy: 'RSI #2', lots 1}", "RSI #2"),
    ('{"strategy": "RSI", "action": "BUY', "RSI"),
    ('{"strategy": "RSI", "action": "BUY', "RSI"),
    ('{"note": "strategy: RSI", "action" "BUY"}', None),
    ('{"strategy": "A", "strategy": "B"}', None),
    ('{"strategy": "{{strategy.order.comment}}"}', None),
    ('{"strategy": ""}', None),
    ('{"strategy": "%s"}' % ("x" * 65), None),
    ("BUY what strategy=RSI sl 20", "RSI"),
    ("BUY what strategy='RSI Divergence'", "RSI Divergence"),
    ("action: BUY\nstrategy: RSI Divergence\nwhat: x\ny", "RSI Divergence"),
    ("BUY CE strategy RSI", "RSI"),
    ('[{"strategy": "A", "action": "x"}, "BUY strategy=A"]', "A"),
    ('[{"strategy": "A"}, {"strategy": "B"}]', None),
    ('[{"strategy": "A", "action" "BUY"}, {"strategy": "B"}]', None),
    ("BUY CE", None),
    ("", None),
    ("null", None),
]


@pytest.mark.parametrize(("body", "strategy"), STRATEGIES, ids=[body[:40] for body, _ in STRATEGIES])
def test_the_strategy_is_found_as_far_as_it_can_be_read(body, strategy):
    assert strategy_of(read(body.encode())) == strategy
    assert strategy_of(read(body.encode("utf-16"))) == strategy


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
        'BUY NIFTY 24000 CE 1 lot strategy="Top secret: x"',
        "BUY NIFTY CE strategy='secret=x'",
        "BUY what strategy='secret=x'",
        "BUY what top-secret=x",
        "action: BUY\nstrategy: Top secret: x",
        "\"BUY NIFTY CE strategy='secret: x'\"",
        '{"note": "the secret: x", "action" "BUY"}',
        '{"note": "the \\"secret: x\\"", "action" "BUY"}',
        "{“note”: “the secret: x”, “action” “BUY”}",
    ],
)
def test_no_one_secret_is_none(body):
    assert secret_in(body.encode()) is None


def test_a_number_may_be_the_secret():
    assert secret_in(b'{"secret": 1234567890123456789012}') == "1234567890123456789012"


def test_received_text_is_shown_on_one_printable_line():
    shown = escaped(read("BUY\r\n\u202eCE\x07 <b>ग</b>\u200b".encode() + b"\xff"))
    assert shown == r"BUY\r\n\u202eCE\x07 <b>ग</b>\u200b\xff"


def test_received_text_is_cut():
    assert escaped(read(b"x" * 1000), limit=10) == "xxxxxxxxx…"
    assert len(escaped(read("\u202e".encode() * 1000))) == 120
    assert escaped(read(b"\xff\xfea")) == "\ufffd"
    assert escaped(read(f"BUY {SECRET}".encode("utf-16-le")), [SECRET]) == "BUY ***"


@pytest.mark.parametrize("name", ["password", "token", "api_key", "apikey", "passphrase"])
def test_other_credentials_are_masked_too(name):
    assert escaped(read(f'{{"{name}": "hunter\\"2", "x": 1}}'.encode())) == f'{{"{name}": ***, "x": 1}}'
