"""Whatever arrives, only InvalidAlert escapes, in bounded work; the calculator and the grammar are right."""

# ruff: noqa: E501  the bodies stand as they arrive

import ast
import json
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Signal
from gateway.ingress import payload
from gateway.ingress.grammar import arithmetic
from gateway.ingress.grammar.relaxed import relaxed
from gateway.ingress.grammar.text import MAX_BODY
from gateway.ingress.grammar.tree import strict

REAL = [
    '{"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": 24013.45 + 100, "quantity": 65}',
    '{"action": "buy_pe", "symbol": "NSE:NIFTY261201P24000", "stop_loss": "-20%", "target": 180, "sl": "-20%"}',
    '[{"action": "SELL", "secret": "s", "strategy": "a b"}, {"action": "exit", "time": "2026-11-23T09:56:00Z"}]',
    "BUY BANKNIFTY ATM+1 PE 2 lots weekly sl -20% target +30% strategy='My Strategy'",
    "action=BUY, symbol=NIFTY, strike=24000, time=1795427760, expiry=01-Dec-2026",
    "{“action”: 'BUY', /* c */ strike: {{close}} * 0.95, // d\n lots: '1 lot',}",
    "payload=%7B%22action%22%3A%22BUY%22%7D&x=1",
    '"{""action"": ""BUY"", ""expiry"": ""weekly""}"',
]
PIECES = [
    *"{}[]\"'“”’,:;=&%+-*/().#\\|!@\n\r\t\0\u202e\ufeffé5०",  # noqa: RUF001
    *(
        "{{close}}",
        "/*",
        "*/",
        "//",
        '""',
        "NaN",
        "1e400",
        "-0",
        "null",
        "true",
        "secret",
        "BUY",
        "SELL",
        "CE",
    ),
    *("NIFTY", "ATM", "lots", "qty", "sl", "stop", "strike", "24000", "1 lot", "9" * 40, "\ud800"),
]


@st.composite
def mutated(draw):
    """A real alert with pieces put in, left out and put twice."""
    text = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 8)))
        text = text[:start] + draw(st.sampled_from([*PIECES, "", text[start:end] * 2])) + text[end:]
    return text.encode(errors="surrogatepass")


def try_all(body):
    """Every entrance to the parser; what it says is checked against its own promises."""
    secret = payload.secret_in(body)
    assert secret is None or secret.encode()
    document = payload.read(body)
    shown = payload.escaped(document)
    assert shown.isprintable()
    assert len(shown) <= 120
    strategy = payload.strategy_of(document)
    assert strategy is None or (strategy.isprintable() and 0 < len(strategy.encode()) <= 4 * 64)
    assert payload.blotted(body, document, "no such secret in it") is body
    assert b"BUY" not in payload.blotted(body, document, "BUY")
    outcome = outcome_of(body)
    if isinstance(outcome, InvalidAlert):
        assert outcome.field
        assert outcome.sentence.isprintable()
        assert len(outcome.sentence) < 600
        return
    assert 1 <= len(outcome) <= 20
    for signal in outcome:
        assert_sane(signal)


def outcome_of(body):
    try:
        return payload.parse_body(body)
    except InvalidAlert as refusal:
        return refusal


def assert_sane(signal: Signal):
    assert signal.quantity is None or 0 < signal.quantity <= 1_000_000
    assert signal.lots is None or 0 < signal.lots <= 10_000
    assert signal.strike is None or signal.strike.value.is_finite()
    assert signal.price is None or 0 < signal.price < 10_000_000
    for level in (signal.stop_loss, signal.target):
        assert level is None or (level.value.is_finite() and level.value != 0)
    assert 0 < len(signal.strategy) <= 64
    assert signal.strategy.isprintable()
    assert signal.id is None or (0 < len(signal.id) <= 128 and signal.id.isprintable())
    assert signal.time is None or signal.time.utcoffset() is not None
    assert repr(signal).encode()


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_signal_or_an_invalid_alert(body):
    try_all(body)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_signal_or_an_invalid_alert(text):
    try_all(text.encode(errors="surrogatepass"))
    try_all(text.encode("utf-16", errors="surrogatepass"))


@given(mutated())
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_alert_is_a_signal_or_an_invalid_alert(body):
    try_all(body)


@given(st.sampled_from(REAL), st.data())
@settings(max_examples=200, deadline=None)
def test_a_cut_off_object_is_never_acted_on(text, data):
    """What was cut off may have been the stop: no opening bracket without its closing one is understood."""
    assume(text[0] in "{[")
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(InvalidAlert):
        payload.parse_body(cut.encode())


FRAGMENTS = [
    *PIECES,
    *('{"a":', '{"a":1,', "[1,", '["a",', '"a"+', '"a" "b" ', "1+", "1 + ", "-", "a ", "a:b ", "action: ", "a=1&"),
    *("%7B", "stop loss ", "weekly expiry ", "1 dec 2026 ", "secret=", '"secret":"', "/* *", '\\"', "NIFTY ", "é"),
]  # fmt: skip
HEADS = [
    "",
    "{",
    "[",
    '{"action":"BUY","strike":',
    '{"action":"BUY","id":"',
    "BUY ",
    '"',
    "[“",
    '{"secret":"',
]


@pytest.mark.parametrize("head", HEADS)
def test_work_is_bounded_for_the_largest_body(head):
    """A quadratic step would need many seconds for 64 KiB; every hostile shape takes a fraction of one."""
    for count, fragment in enumerate(FRAGMENTS):
        size = MAX_BODY // len(fragment.encode(errors="surrogatepass"))
        body = (head + fragment * size).encode(errors="surrogatepass")[: MAX_BODY - 3]
        before = time.process_time()
        outcome_of(body + (b"", b"}", b'"}]')[count % 3])
        assert time.process_time() - before < 1.0, (head, fragment)


def test_sixty_four_unknown_names_are_checked_quickly():
    names = ", ".join(f'"{"stoplos" * 4}{at}": 1' for at in range(63))
    before = time.process_time()
    try_all(('{"action": "BUY", ' + names + "}").encode())
    assert time.process_time() - before < 0.25


_LITERALS = st.decimals(min_value=0, max_value=99999, places=2).map(lambda value: f"{value:f}")
_SUMS = st.recursive(
    _LITERALS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", " + ", " * "]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}" if text[0] != "-" else text),
    ),
    max_leaves=5,
)


@given(_SUMS)
@settings(max_examples=300, deadline=None)
def test_the_calculator_agrees_with_exact_fractions(text):
    expected = _exact(ast.parse(text.strip(), mode="eval").body, text)
    try:
        value = arithmetic.evaluate(text)
    except arithmetic.NotANumberError:
        assert abs(expected) >= 10**12 or text.count("(") > arithmetic.MAX_BRACKETS
        return
    assert abs(Fraction(value) - expected) <= abs(expected) * Fraction(1, 10**20)


@pytest.mark.parametrize("text", ["1e13", "999999 * 999999 * 2", "1e30 * 1e30"])
def test_the_calculator_stops_at_what_no_price_reaches(text):
    with pytest.raises(arithmetic.NotANumberError, match="far too large"):
        arithmetic.evaluate(text)


def _exact(node: ast.expr, text: str) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(Decimal(ast.get_source_segment(text.strip(), node) or ""))
    if isinstance(node, ast.UnaryOp):
        return -_exact(node.operand, text)
    assert isinstance(node, ast.BinOp)
    left, right = _exact(node.left, text), _exact(node.right, text)
    return (
        left * right
        if isinstance(node.op, ast.Mult)
        else left + (right if isinstance(node.op, ast.Add) else -right)
    )


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.one_of(st.lists(_TREES, max_size=5), st.dictionaries(st.text(max_size=8), _TREES, max_size=5)),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_the_relaxed_grammar_reads_strict_json_as_json(tree, indented):
    text = json.dumps(tree, ensure_ascii=False, indent=2 if indented else None)
    try:
        expected = strict(text)
    except (InvalidAlert, ValueError):
        return
    assert relaxed(text) == expected


def test_nothing_here_evaluates_code():
    package = Path(payload.__file__).parent
    for path in [package / "payload.py", *(package / "grammar").glob("*.py")]:
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__", "literal_eval", "getattr"}, path
