"""Takes secrets out of text: the known ones word for word, others by the shape of the place they stand in."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote

REDACTED = "[redacted]"
#: Shorter values are not looked for: they would blot out ordinary words and protect nothing.
SHORTEST = 4
_LONGEST_TEXT = 10_000
_DEEPEST = 6
_NAMES = (
    "access_token|request_token|refresh_token|public_token|enctoken|api_secret|webhook_secret|bot_token"
    "|secret|password|checksum"
)
_SECRET_NAME = re.compile(rf"(?:{_NAMES}|authorization)", re.IGNORECASE)
# Each keeps what leads to the secret (group 1) and drops the secret itself (facts/reliability.md 5).
_SHAPES = (
    re.compile(r"(\bbot|\b)\d{6,}:[\w-]{30,}"),
    re.compile(r"(\bauthorization[\"']?\s*[:=]\s*[\"']?(?:token|bearer|basic)\s+)[^\s'\",]+", re.IGNORECASE),
    re.compile(r"(\btoken\s+)\w+:\w+", re.IGNORECASE),
    re.compile(rf"(\b(?:{_NAMES})(?:=|%3D|\\?[\"']\s*:\s*\\?[\"']))[^\s&\"',;\\}}]+", re.IGNORECASE),
    re.compile(r"(/webhook/tradingview/)[^\s?#/\"']+"),
    re.compile(r"(\w://[^\s:/@]*:)[^\s/@]+(?=@)"),
)
# Each shape needs one of these; most texts have none, and logging is on the way of every alert.
_PUNCTUATION = re.compile("[:=/%]")
# C0 and C1 controls, line and paragraph separators, and the marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Redactor:
    """Knows the secrets of this process; more may be told while it runs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._literals = re.compile(r"(?!)")
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """From now on these are redacted, too; also as they look percent-encoded in an address."""
        spellings = {spelling for secret in secrets for spelling in (secret, quote(secret, safe=""))}
        self._secrets |= {spelling for spelling in spellings if len(spelling) >= SHORTEST}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._literals = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def text(self, text: str) -> str:
        """`text` without its secrets."""
        text = self._literals.sub(REDACTED, text)
        if not _PUNCTUATION.search(text):
            return text
        for shape in _SHAPES:
            text = shape.sub(rf"\g<1>{REDACTED}", text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:
        """`value` as plain JSON material: secrets out, control characters escaped, long texts cut."""
        if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, Mapping) and depth < _DEEPEST:
            return {self._line(str(key)): self._field(str(key), inner, depth) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            return [self.value(inner, depth + 1) for inner in value]
        return self._line(str(value))

    def _field(self, name: str, value: Any, depth: int) -> Any:
        return REDACTED if value and _SECRET_NAME.fullmatch(name) else self.value(value, depth + 1)

    def _line(self, text: str) -> str:
        return shortened(escaped(self.text(text)))


def escaped(text: str) -> str:
    """`text` on one line, its control characters shown as escapes: nobody writes a line of the log for us."""
    return _CONTROLS.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def shortened(text: str) -> str:
    """`text`, or its beginning and how much was left out."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}... ({len(text) - _LONGEST_TEXT} more characters)"
