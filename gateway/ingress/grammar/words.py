"""Plain text to pairs: `BUY NIFTY 24000 CE 1 lot`, in any order, with `key=value` among them; no guessing."""

import re
from decimal import Decimal
from itertools import pairwise

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.actions import action_word, option_type_word
from gateway.ingress.grammar.moments import expiry_word
from gateway.ingress.grammar.names import look_up
from gateway.ingress.grammar.phrases import Phrase, lines, phrases
from gateway.ingress.grammar.scalars import unfilled, unfilled_in
from gateway.ingress.grammar.strikes import is_about_money
from gateway.ingress.grammar.symbols import symbol_hint, symbol_word, yymmdd
from gateway.ingress.grammar.text import plain_name, quoted
from gateway.ingress.grammar.tree import Pairs

#: The bare numbers that, beside a strike, count lots: no contract's lot is so few units.
_BARE_LOTS = frozenset(str(count) for count in range(1, 11))
#: In words, a number below this is never a strike: every index here stands far above.
MIN_STRIKE = 1000
#: The longest plain text that is read, in characters.
MAX_TEXT = 2_000
_EXAMPLE = "write for example: BUY NIFTY 24000 CE 1 lot"
_FILLERS = frozenset({"option", "options", "index"})
_COUNTED = frozenset({"lots", "quantity"})
_COUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_UNIT = re.compile(r"[0-9][0-9.]*(lots?|qty|quantity|units?)", re.IGNORECASE)
_STRIKE_AND_TYPE = re.compile(r"([0-9]{3,7}(?:\.[0-9]+)?)(CE|PE|C|P|CALL|PUT)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+(]*[0-9.][0-9.eE+\-*/()]*")
#: A day, if perhaps none that there is; as arithmetic it would come to a strike.
_DAYLIKE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{2,4}")
_LONGEST_NAME = 3


def pairs_of(text: str) -> Pairs:
    """The pairs that plain words say. Raises InvalidAlert."""
    if (placeholder := unfilled_in(text)) is not None:
        raise InvalidAlert("body", unfilled("the placeholder", placeholder))
    if "{" in text or "}" in text:
        raise InvalidAlert(
            "body", 'the alert has brackets but does not begin with one; send {"action": "BUY", ...}.'
        )
    if len(text) > MAX_TEXT:
        raise InvalidAlert("body", f"the alert has {len(text)} characters of plain text; at most {MAX_TEXT}.")
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
        self._check_one_action()
        self._place_numbers()
        return self._pairs

    def _take(self, at: int) -> int:
        """Takes what begins at a word; returns how many words that was."""
        word = self._words[at]
        if word.key is not None:
            if look_up(word.key)[0] is None and _means_something(word.key):
                raise _not_understood(f"{word.key}={word.text}")
            self._add(word.key, word.text)
            return 1
        field, _ = look_up(word.text)
        if field is not None:
            return self._take_value(at, field)
        return self._take_name(at) or self._take_counted(at) or self._take_word(word.text)

    def _take_value(self, at: int, field: str) -> int:
        """A field's name and the word after it: `sl -20%`."""
        name = self._words[at].text
        if at + 1 == len(self._words) or self._words[at + 1].key is not None:
            raise InvalidAlert(
                field, f"nothing follows the word {quoted(name)}; write {field}=..., or leave it out."
            )
        self._add(name, self._words[at + 1].text)
        return 2

    def _take_name(self, at: int) -> int:
        """An action or a symbol, of several words perhaps: `square off`, `NIFTY NEXT 50`."""
        for count in range(_LONGEST_NAME, 0, -1):
            joined = self._joined(at, count)
            if action_word(joined):
                self._add("action", joined)
                return count
            if (parts := symbol_word(joined)) and not self._is_counted(at, count):
                self._add("symbol", joined)
                self._has_strike = self._has_strike or any(field == "strike" for field, _ in parts)
                return count
        return 0

    def _joined(self, at: int, count: int) -> str:
        """Words as one; none where a number would run into the next: a count is no part of a strike."""
        words = self._words[at : at + count]
        if any(word.key for word in words):
            return ""
        texts = [word.text for word in words]
        runs = any(left[-1:].isdigit() and right[:1].isdigit() for left, right in pairwise(texts))
        return "" if runs else "".join(texts)

    def _is_counted(self, at: int, count: int) -> bool:
        """Whether a name's last word is rather a size, `NIFTY 50 qty`. Raises InvalidAlert when in doubt."""
        number, unit = self._plain(at + count - 1), self._plain(at + count)
        if count == 1 or not _COUNT.fullmatch(number) or look_up(unit)[0] not in _COUNTED:
            return False
        if count > len(("NIFTY", "50")):
            raise _ambiguous(f"{self._plain(at + 1)} {number} {unit}")
        return True

    def _take_counted(self, at: int) -> int:
        """A number and its unit, `2 lots`; with a number on either side of the unit, only one may fit it."""
        number, unit = (self._plain(at), self._plain(at + 1))
        field, _ = look_up(unit)
        if not _COUNT.fullmatch(number) or field not in _COUNTED:
            return 0
        after = self._plain(at + 2)
        if _COUNT.fullmatch(after) and not _is_size(number, after):
            if not _is_size(after, number):
                raise _ambiguous(f"{number} {unit} {after}")
            return 0
        self._add(field, f"{number} {unit}")
        return 2

    def _plain(self, at: int) -> str:
        word = self._words[at] if at < len(self._words) else None
        return "" if word is None or word.key else word.text

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
        elif expiry_word(text) or _DAYLIKE.fullmatch(text):
            self._add("expiry", text)
        elif _NUMBER.fullmatch(text):
            self._numbers.append(text)
        elif text.lower() not in _FILLERS:
            raise _not_understood(text)
        return 1

    def _add(self, name: str, text: str) -> None:
        self._has_strike = self._has_strike or look_up(name)[0] == "strike"
        self._pairs.append((name, text))

    def _check_one_action(self) -> None:
        actions = [quoted(str(text)) for name, text in self._pairs if look_up(name)[0] == "action"]
        if len(actions) > 1:
            what = f"{actions[0]} and {actions[1]} are two actions"
            raise InvalidAlert("action", f'{what}; send several alerts as an array: ["BUY CE", "SELL PE"].')

    def _place_numbers(self) -> None:
        """A bare number is the strike if none is said; beside a strike a small one is lots; else refused."""
        counted = any(look_up(name)[0] in _COUNTED for name, _ in self._pairs)
        for text in self._numbers:
            if not self._has_strike and not _is_small(text) and not _is_day(text):
                self._add("strike", text)
            elif self._has_strike and not counted and text.isdecimal() and text in _BARE_LOTS:
                self._add("lots", text)
                counted = True
            else:
                raise InvalidAlert("body", _unclear(text))


def _means_something(word: str) -> bool:
    """Whether a word says something by itself, and so is no name of a field to be ignored."""
    return bool(action_word(word) or option_type_word(word) or symbol_word(word) or is_about_money(word))


def _is_small(text: str) -> bool:
    """Whether a text is a plain number below every strike."""
    return _COUNT.fullmatch(text) is not None and Decimal(text) < MIN_STRIKE


def _is_size(text: str, other: str) -> bool:
    """Of two numbers, whether the first can only be a size and the second only a strike."""
    return _is_small(text) and not _is_small(other)


def _is_day(text: str) -> bool:
    return len(text) == len("YYMMDD") and text.isdecimal() and yymmdd(text) is not None


def _ambiguous(words: str) -> InvalidAlert:
    return InvalidAlert("body", f"{quoted(words)} could mean two things; write lots=... or quantity=...")


def _unclear(text: str) -> str:
    shown = plain_name(text)
    forms = f"strike={shown}, lots={shown} or quantity={shown}"
    return f"the number {shown} could mean several things; write {forms}."


def _not_understood(text: str) -> InvalidAlert:
    if (hint := symbol_hint(text)) is not None:
        return InvalidAlert("symbol", f"the word {quoted(text)} {hint}.")
    return InvalidAlert("body", f"the word {quoted(text)} is not understood; {_EXAMPLE}.")
