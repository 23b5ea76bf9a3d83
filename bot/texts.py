"""Messages as Telegram takes them: cleaned, and cut where a reader would cut. Pure."""

import html
import re
from collections.abc import Sequence

from config.telegram import telegram_limits

LONGEST = telegram_limits().longest_text
_TAG = re.compile(r"<[^>]*>")
#: What may not be torn apart: a tag, an entity, a character.
_PIECE = re.compile(r"<[^>]*>|&#?\w+;|.", re.DOTALL)
#: Control characters, half characters, and those that turn the direction of what follows: a name could show
#: itself as another.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MORE = "\n…"


def length(text: str) -> int:
    """As Telegram counts: UTF-16 units. Of HTML it counts less, namely without the tags."""
    return len(text) + sum(char > "\uffff" for char in text)


def clean(text: str) -> str:
    """Without what Telegram refuses or what deceives the eye; never empty."""
    found = _UNWANTED.sub("", text)
    return found if found.strip() else "·"


def plain(text: str) -> str:
    """Telegram HTML as plain text."""
    return html.unescape(_TAG.sub("", text))


def shortened(text: str, limit: int = LONGEST) -> str:
    """At most `limit`; what is left out shows as an ellipsis."""
    if length(text) <= limit:
        return text
    return split(text, limit - len(_MORE))[0] + _MORE


def split(text: str, limit: int = LONGEST) -> list[str]:
    """Parts of at most `limit`, cut behind a line, else between words; tags are closed and opened again."""
    if length(text) <= limit:
        return [text]
    pieces: Sequence[str] = _PIECE.findall(text)
    parts: list[str] = []
    opened: list[str] = []
    start = 0
    while start < len(pieces):
        end = _end_of_part(pieces, start, opened, limit)
        still_open = _open_after(pieces[start:end], opened)
        body = "".join(pieces[start:end]).rstrip(" \n")
        parts.append("".join(opened) + body + _closing(still_open))
        start, opened = _skip_blank(pieces, end), still_open
    return [part for part in parts if plain(part).strip()]


def _end_of_part(pieces: Sequence[str], start: int, opened: list[str], limit: int) -> int:
    """Where the part that begins at `start` ends: behind a line, a word, or what just fits."""
    size, tags = sum(map(length, opened)), list(opened)
    line = word = 0
    for index in range(start, len(pieces)):
        piece = pieces[index]
        size += length(piece)
        tags = _open_after([piece], tags)
        if size + len(_closing(tags)) > limit:
            middle = (start + index) // 2
            cut = line if line > middle else word if word > middle else index
            return max(cut, start + 1)
        if piece == "\n":
            line = index + 1
        elif piece == " ":
            word = index + 1
    return len(pieces)


def _open_after(pieces: Sequence[str], opened: list[str]) -> list[str]:
    tags = list(opened)
    for piece in pieces:
        if piece.startswith("</"):
            tags = tags[:-1]
        elif piece.startswith("<") and len(piece) > 1:
            tags.append(piece)
    return tags


def _closing(tags: list[str]) -> str:
    return "".join(f"</{re.split(r'[ >]', tag[1:])[0]}>" for tag in reversed(tags))


def _skip_blank(pieces: Sequence[str], start: int) -> int:
    while start < len(pieces) and pieces[start] in (" ", "\n"):
        start += 1
    return start
