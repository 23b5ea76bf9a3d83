"""Plain text to pairs: `BUY NIFTY 24000 CE 1 lot`, in any order, with `key=value` among them; no guessing."""

import re

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.actions import action_word, option_type_word
from gateway.ingress.grammar.moments import expiry_word
from gateway.ingress.grammar.names import look_up
from gateway.ingress.grammar.phrases import Phrase, lines, phrases
from gateway.ingress.grammar.scalars import unfilled, unfilled_in
from gateway.ingress.grammar.strikes import is_about_money
from gateway.ingress.grammar.symbols import symbol_word, yymmdd
from gateway.ingress.grammar.text import quoted
from gateway.ingress.grammar.tree import Pairs

#: A bare number up to this, beside a strike, is a count of lots: no contract's lot is so few units.
MAX_BARE_LOTS = 10
#: A bare number from this on can be a strike.
MIN_BARE_STRIKE = 100
_EXAMPLE = "write for example: BUY NIFTY 24000 CE 1 lot"
_FILLERS = frozenset({"option", "options", "index"})
_UNIT = re.compile(r"[0-9][0-9.]*(lots?|qty|quantity|units?)", re.IGNORECASE)
_STRIKE_AND_TYPE = re.compile(r"([0-9]{3,7}(?:\.[0-9]+)?)(CE|PE|C|P|CALL|PUT)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+(]*[0-9.][0-9.eE+\-*/()]*")
_LONGEST_NAME = 3


def pairs_of(text: str) -> Pairs:
    """The pairs that plain words say. Raises InvalidAlert."""
    if (placeholder := unfilled_in(text)) is not None:
        raise InvalidAlert("body", unfilled("the placeholder", placeholder))
    if "{" in text or "}" in text:
        raise InvalidAlert(
            "body", 'the alert has brackets but does not begin with one; send {"action": "BUY", ...}.'
        )
    if not text.strip():
        raise InvalidAlert("body", f"the alert is empty; {_EXAMPLE}.")
    whole_lines = lines(text)
    return whole_lines if whole_lines is not None else _Words(list(phrases(text))).pairs()


class _Words:
    """The words of one alert on their way to becoming pairs."""

    def __init__(self, words: list[Phrase]) -> None:
        self._words = words
        self._pairs = Pairs()
        self._numbers: list[str] = []
        self._has_strike = False

    def pairs(self) -> Pairs:
        at = 0
        while at < len(self._words):
            at += self._take(at)
        self._place_numbers()
        return self._pairs

    def _take(self, at: int) -> int:
        """Takes what begins at a word; returns how many words that was."""
        word = self._words[at]
        if word.key is not None:
            self._add(word.key, word.text)
            return 1
        if word.quoted:
            raise _not_understood(word.text)
        field, _ = look_up(word.text)
        if field is not None:
            return self._take_value(at, word.text)
        return self._take_name(at) or self._take_word(word.text)

    def _take_value(self, at: int, name: str) -> int:
        if at + 1 == len(self._words) or self._words[at + 1].key is not None:
            field = look_up(name)[0] or name
            raise InvalidAlert(
                field, f"nothing follows the word {quoted(name)}; write {name}=..., or leave it out."
            )
        self._add(name, self._words[at + 1].text)
        return 2

    def _take_name(self, at: int) -> int:
        """An action or a symbol, of several words perhaps: `square off`, `NIFTY NEXT 50`."""
        for count in range(_LONGEST_NAME, 0, -1):
            words = self._words[at : at + count]
            if len(words) < count or any(word.key or word.quoted for word in words):
                continue
            joined = "".join(word.text for word in words)
            if action_word(joined):
                self._pairs.append(("action", joined))
                return count
            if parts := symbol_word(joined):
                self._pairs.append(("symbol", joined))
                self._has_strike = self._has_strike or any(field == "strike" for field, _ in parts)
                return count
        return 0

    def _take_word(self, text: str) -> int:
        if option_type_word(text):
            self._add("option_type", text)
        elif is_about_money(text):
            self._add("strike", text)
        elif match := _UNIT.fullmatch(text):
            self._add("lots" if match[1].lower().startswith("lot") else "quantity", text)
        elif match := _STRIKE_AND_TYPE.fullmatch(text):
            self._add("strike", match[1])
            self._add("option_type", match[2])
        elif expiry_word(text):
            self._add("expiry", text)
        elif _NUMBER.fullmatch(text):
            self._numbers.append(text)
        elif text.lower() not in _FILLERS:
            raise _not_understood(text)
        return 1

    def _add(self, name: str, text: str) -> None:
        self._has_strike = self._has_strike or look_up(name)[0] == "strike"
        self._pairs.append((name, text))

    def _place_numbers(self) -> None:
        """A bare number is the strike if none is said; beside a strike a small one is lots; else refused."""
        counted = any(look_up(name)[0] in {"lots", "quantity"} for name, _ in self._pairs)
        for text in self._numbers:
            size = int(text) if text.isdecimal() and len(text) < _MANY_DIGITS else None
            if not self._has_strike and (size is None or size >= MIN_BARE_STRIKE) and not _is_day(text):
                self._add("strike", text)
            elif self._has_strike and not counted and size is not None and 0 < size <= MAX_BARE_LOTS:
                self._pairs.append(("lots", text))
                counted = True
            else:
                raise InvalidAlert("body", _unclear(text))


_MANY_DIGITS = 10


def _is_day(text: str) -> bool:
    return len(text) == len("YYMMDD") and text.isdecimal() and yymmdd(text) is not None


def _unclear(text: str) -> str:
    forms = f'"{text} lots", "{text} qty", "strike {text}"' if text.isdecimal() else '"strike 24000"'
    return f"the number {quoted(text)} could mean several things; write {forms}, or expiry 2026-12-01."


def _not_understood(text: str) -> InvalidAlert:
    return InvalidAlert("body", f"the word {quoted(text)} is not understood; {_EXAMPLE}.")
