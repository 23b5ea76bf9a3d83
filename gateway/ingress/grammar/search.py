"""What is looked for in a text that cannot be read: its secret, its strategy's name."""

import json
import re
from collections.abc import Iterator

from gateway.ingress.grammar.text import tidy

_QUOTES = "\"'“”"
_SIGN = r"\s{0,20}[:=]\s{0,20}"
# Inside the quotes of another field a name is no field.
_OTHERS = r"""|"[^"\\\n]*+(?:"|\\.(?:[^"\\\n]|\\.)*+"?)|'[^'\n]*+'|“[^“”\n]*+”"""
_VALUES = r""""((?:[^"\\]|\\.)*+)"|'([^']*+)'|“([^”]*+)”"""
_WORD = rf"[^\s,;&}}\]{_QUOTES}]++"
_RUN = rf"[^\s,;&}}\]{_QUOTES}][^,;&}}\]\n{_QUOTES}]*+"
_FLAGS = re.IGNORECASE | re.DOTALL


def _field(name: str, bare: str) -> re.Pattern[str]:
    named = rf"(?:[\"“”]{name}[\"“”]|'{name}'|(?<![\w-]){name}[{_QUOTES}]?)"
    return re.compile(rf"{named}{_SIGN}(?:{_VALUES}|({bare})){_OTHERS}", _FLAGS)


_STRATEGY_NAME = r"strategy(?:[ _-]?name)?"
_SECRET = _field("secret", _WORD)
_STRATEGY = _field(_STRATEGY_NAME, _RUN)
_STRATEGY_WORD = _field(_STRATEGY_NAME, _WORD)
_COMMENT = re.compile(r"#|//")


def secret_in(text: str) -> str | None:
    """The first value of a `secret` that stands in the text outside other quotes; None without any."""
    return next((value for value, _ in _found(_SECRET, text)), None)


def strategies_in(text: str) -> set[str]:
    """The values of `strategy` in the text, as far as their ends are certain."""
    is_in_fields = text.lstrip()[:1] in {"{", "["} or "\n" in text.strip()
    found = _found(_STRATEGY if is_in_fields else _STRATEGY_WORD, text)
    return {_unescaped(value) if quoted else tidy(value) for value, quoted in found if quoted or _ends(value)}


def _found(field: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    """Each value, and whether it stood in quotes."""
    for match in field.finditer(text):
        if match.lastindex is not None:
            yield match[match.lastindex], match.lastindex < field.groups


def _ends(bare: str) -> bool:
    return not _COMMENT.search(bare)


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return tidy(value)
    try:
        return tidy(str(json.loads(f'"{value}"', strict=False)))
    except ValueError:
        return tidy(value)
