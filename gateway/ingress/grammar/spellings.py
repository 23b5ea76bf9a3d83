"""A secret in every spelling that an alert may hold it in: as it is, escaped, form-encoded, straightened."""

import re
from functools import lru_cache

from gateway.ingress.grammar.repairs import straightened

STARS = "***"
#: A longer one is looked for as it is: nobody's secret, and a pattern of its spellings would be huge.
_LONGEST = 256
_BACKSLASH = r"(?:\\|%5[Cc])"
_CURLY = {'"': "“”„‟«»″＂", "'": "‘’‚‛′`´"}  # noqa: RUF001
#: Characters that are spelled in several ways even where nothing is escaped.
_VARIED = re.compile(r"""[\s"']""")


@lru_cache(maxsize=8)
def spellings(secret: str) -> re.Pattern[str]:
    """Finds the secret in a text, however each of its characters is spelled."""
    if len(secret) > _LONGEST:
        return re.compile(re.escape(secret))
    return re.compile("".join(_spelled(char) for char in secret))


@lru_cache(maxsize=8)
def is_varied(secret: str) -> bool:
    """Whether a text that escapes nothing can hold the secret in other characters than its own."""
    return _VARIED.search(straightened(secret)) is not None or secret != straightened(secret)


def starred(text: str, secret: str) -> str:
    """The text with a star for every character of the secret, so that all else keeps its place."""
    return spellings(secret).sub(lambda match: "*" * len(match[0]), text)


def _spelled(char: str) -> str:
    straight = straightened(char)
    plain = [re.escape(char), _percents(char), *map(re.escape, _CURLY.get(straight, ""))]
    if char == " ":
        plain += [r"\+", r"\s"]
    escaped = [_units(char)] + ([ascii(char)[2:-1]] if char in "\n\r\t" else [])
    # A quote in a table's cell is doubled.
    times = "{1,2}" if straight == '"' else ""
    return f"(?:{_BACKSLASH}{{0,4}}(?:{'|'.join(plain)})|{_BACKSLASH}{{1,4}}(?:{'|'.join(escaped)})){times}"


def _units(char: str) -> str:
    """As JSON escapes it: one `uXXXX`, or two where it needs a pair."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return rf"{_BACKSLASH}{{1,4}}".join(f"u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))


def _percents(char: str) -> str:
    return "".join(rf"%(?i:{byte:02x})" for byte in char.encode("utf-8", "surrogatepass"))
