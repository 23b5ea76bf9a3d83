"""Plain text cut into phrases: words, quoted texts and `key=value`, with what belongs together joined."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.arithmetic import ascii_signs
from gateway.ingress.grammar.moments import MONTHS
from gateway.ingress.grammar.names import look_up
from gateway.ingress.grammar.repairs import straightened
from gateway.ingress.grammar.text import quoted, tidy
from gateway.ingress.grammar.tree import Pairs

MAX_WORDS = 64

_TEXT = re.compile(r"""("[^"\n]*"|'[^'\n]*')""")
_SEGMENT = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,;\n])+""")
_LINE = re.compile(r"""\s*["']?([A-Za-z][\w \-]{0,31}?)["']?\s*([:=])\s*(\S.*?)\s*""")
_PHRASE = re.compile(
    r"""
      ["']?(?P<key>[A-Za-z][\w-]{0,31})["']?\s*(?P<sign>[:=])\s*(?P<value>"[^"]*"|'[^']*'|[^\s,;|&"']+)
    | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
    | (?P<word>[^\s,;|&"']+)
    """,
    re.VERBOSE,
)
#: What belongs together although a space stands between; outside quotes only.
_JOINTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), joined)
    for pattern, joined in (
        (r"(?<=[0-9)])\s{1,9}([-+*/])\s{1,9}(?=[0-9(.])", r"\1"),
        (r"\b([AIO]TM)\s{1,9}([-+])\s{0,9}(?=[0-9])", r"\1\2"),
        (r"(?<=[0-9])\s{1,9}(?=%)", ""),
        (r"\b(stop|take|option|square)[\s-]{1,9}(loss|profit|type|off)\b", r"\1\2"),
        (r"\b(weekly|monthly|next)\s{1,9}expiry\b", r"\1"),
        (rf"\b([0-9]{{1,2}})\s{{1,9}}({'|'.join(MONTHS)})\s{{1,9}}(20[0-9]{{2}})\b", r"\1-\2-\3"),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """One piece of plain text; `key` where it was written as key=value."""

    text: str
    key: str | None = None


def lines(text: str) -> Pairs | None:
    """The pairs of a text that is nothing but `field: value` (or `=`), one a line or comma; else None."""
    pairs, loose = Pairs(), False
    for segment in _SEGMENT.findall(straightened(text)):
        if not segment.strip():
            continue
        match = _LINE.fullmatch(segment)
        if match is None or look_up(match[1])[0] is None or re.search(r"\w\s*=", match[3]):
            return None
        pairs.append((match[1], _unquoted(match[3])))
        loose = loose or (match[2] == "=" and " " in match[3])
    return None if loose and len(pairs) == 1 else pairs


def phrases(text: str) -> Iterator[Phrase]:
    """The phrases of a text, at most MAX_WORDS. Raises InvalidAlert."""
    for count, match in enumerate(_PHRASE.finditer(_joined(text)), start=1):
        if count > MAX_WORDS:
            raise InvalidAlert("body", f"the alert has more than {MAX_WORDS} words; send the fields as JSON.")
        yield _phrase(match)


def _phrase(match: re.Match[str]) -> Phrase:
    """One piece of text. Raises InvalidAlert where a field runs into the next."""
    if match["word"]:
        return Phrase(text=match["word"].rstrip(".:") or match["word"])
    if match["key"] is None:
        return Phrase(text=match["double"] or match["single"] or "")
    if match["sign"] == ":" and look_up(match["key"])[0] is None:
        return Phrase(text=f"{match['key']}:{match['value']}")
    if "=" in match["value"] and match["value"][0] not in "\"'":
        what = f"{match['key']} has two values or none in {quoted(match[0])}"
        raise InvalidAlert(
            look_up(match["key"])[0] or "body", f"{what}; put spaces or commas between the fields."
        )
    return Phrase(key=match["key"], text=_unquoted(match["value"]))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _joined(text: str) -> str:
    """The text with spaces made plain, and what belongs together joined; quoted texts left alone."""
    plain = " ".join(tidy(line) for line in straightened(text).splitlines())
    pieces = _TEXT.split(plain)
    return "".join(piece if at % 2 else _join(piece) for at, piece in enumerate(pieces))


def _join(piece: str) -> str:
    piece = ascii_signs(piece)
    for joint, joined in _JOINTS:
        piece = joint.sub(joined, piece)
    return piece
