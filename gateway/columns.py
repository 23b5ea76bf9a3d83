"""Tables that fit a phone: fixed width, in Telegram's `<pre>`; and texts cut to what a message may hold."""

import html
from collections.abc import Iterable, Sequence

#: Columns that a small phone shows without a line break or a scroll bar.
WIDTH = 34
#: Telegram's limit on a message, in UTF-16 units after its entities are parsed (facts/telegram.md 1.1).
LONGEST_TEXT = 4096


def pre(lines: Iterable[str]) -> str:
    """Lines of fixed width."""
    return f"<pre>{html.escape(chr(10).join(lines), quote=False)}</pre>"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns: names to the left, figures to the right edge."""
    return pre(f"{name}{value.rjust(WIDTH - len(name))}" for name, value in rows)


def clipped(text: str, width: int) -> str:
    """The text in at most that many columns, its cut shown."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def newest_that_fit(entries: Sequence[str], room: int = LONGEST_TEXT - 300, gap: int = 1) -> list[str]:
    """As many entries from the end as a message holds, in their order; `gap`: what joins two of them."""
    kept: list[str] = []
    for entry in reversed(entries):
        room -= units(entry) + gap
        if room < 0:
            break
        kept.append(entry)
    return kept[::-1]
