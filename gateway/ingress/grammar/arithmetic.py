"""Numbers as templates write them, `24013.45 * 0.95` included: a small calculator in Decimal, and no eval."""

import re
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.text import quoted

MAX_DIGITS = 32
MAX_TOKENS = 64
MAX_BRACKETS = 8
_MAX_EXPONENT = 30
_LIMIT = Decimal(10) ** 12
_ZERO = Decimal(0)

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(rf"[+-]?{_NUMBER}")
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|([-+*/()]))")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]*)?")
_NO_VALUE = frozenset({"nan", "na", "n/a", "undefined"})
_INFINITE = frozenset({"inf", "infinity", "∞"})
_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-", "＋": "+", "×": "*", "÷": "/"})  # noqa: RUF001

_CONTEXT = Context(prec=28, traps=[InvalidOperation, DivisionByZero, Overflow])
_OPERATIONS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _CONTEXT.add,
    "-": _CONTEXT.subtract,
    "*": _CONTEXT.multiply,
    "/": _CONTEXT.divide,
}


class NotANumberError(ValueError):
    """The text is no number; the message continues a sentence that began with it: `ends too early`."""


def number(field: str, text: str, right: str) -> Decimal:
    """The number that a field's text says; `right` tells what would be right. Raises InvalidAlert."""
    try:
        return evaluate(text)
    except NotANumberError as fault:
        raise InvalidAlert(field, f"{field} {quoted(text)} {fault}; {right}.") from fault


def evaluate(text: str) -> Decimal:
    """The value of a number or of arithmetic over + - * / and brackets; finite, below 10^12 in size.

    At most MAX_DIGITS characters a number, MAX_TOKENS tokens, MAX_BRACKETS deep. Raises NotANumberError.
    """
    value = _plain(text) if is_plain(text) else _Calculation(text).result()
    if abs(value) >= _LIMIT:
        raise NotANumberError("is far too large")
    return value


def is_plain(text: str) -> bool:
    """Whether a text is one number, without arithmetic."""
    return _PLAIN.fullmatch(text) is not None


def ascii_signs(text: str) -> str:
    """With the minus, plus and times signs of phones and word processors made plain."""
    return text if text.isascii() else text.translate(_SIGNS)


def _plain(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise NotANumberError(f"has more than {MAX_DIGITS} digits")
    exponent = text.lower().partition("e")[2]
    if not exponent:
        return Decimal(text)
    if abs(int(exponent)) > _MAX_EXPONENT:
        raise NotANumberError(f"is far too {'small' if '-' in exponent else 'large'}")
    return _CONTEXT.add(Decimal(text), _ZERO)


class _Calculation:
    """Recursive descent: a sum of products of factors."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(ascii_signs(text))
        self._at = 0

    def result(self) -> Decimal:
        try:
            value = self._sum(0)
        except (InvalidOperation, DivisionByZero) as error:
            raise NotANumberError("divides by zero") from error
        except (
            Overflow
        ) as error:  # pragma: no cover - 64 numbers below 10^62 stay far below Decimal's own limit
            raise NotANumberError("is far too large") from error
        if self._at < len(self._tokens):
            raise self._unexpected()
        return value

    def _sum(self, depth: int) -> Decimal:
        value = self._product(depth)
        while (sign := self._next()) in {"+", "-"}:
            self._at += 1
            value = _OPERATIONS[sign](value, self._product(depth))
        return value

    def _product(self, depth: int) -> Decimal:
        value = self._factor(depth)
        while (sign := self._next()) in {"*", "/"}:
            self._at += 1
            value = _OPERATIONS[sign](value, self._factor(depth))
        return value

    def _factor(self, depth: int) -> Decimal:
        negative = self._sign()
        word = self._next()
        self._at += 1
        if word == "(":
            value = self._bracket(depth + 1)
        elif word and word not in "+-*/)":
            value = _plain(word)
        else:
            self._at -= 1
            raise self._unexpected()
        return -value if negative else value

    def _sign(self) -> bool:
        negative = False
        while (sign := self._next()) in {"+", "-"}:
            negative ^= sign == "-"
            self._at += 1
        return negative

    def _bracket(self, depth: int) -> Decimal:
        if depth > MAX_BRACKETS:
            raise NotANumberError(f"has more than {MAX_BRACKETS} brackets inside each other")
        value = self._sum(depth)
        if self._next() != ")":
            raise NotANumberError("has an opening bracket that is never closed")
        self._at += 1
        return value

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _unexpected(self) -> NotANumberError:
        if self._at == len(self._tokens):
            return NotANumberError("ends where a number is missing")
        return NotANumberError(f"has {quoted(self._tokens[self._at])} where it cannot stand")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotANumberError(_reason(text, at))
        found.append(match[1] or match[2])
        at = match.end()
        if len(found) > MAX_TOKENS:
            raise NotANumberError(f"has more than {MAX_TOKENS} numbers and signs")
    return found


def _reason(text: str, at: int) -> str:
    word = text.strip().lower()
    if word in _NO_VALUE:
        return "is no number: TradingView had no value to put there"
    if word.lstrip("+-") in _INFINITE:
        return "is not a finite number"
    if _GROUPED.fullmatch(word):
        return "has commas inside the number"
    if any(char.isdigit() for char in word[:MAX_DIGITS]):
        return f"is not a number (at {quoted(text[at:].strip(), 12)})"
    return "is not a number"
