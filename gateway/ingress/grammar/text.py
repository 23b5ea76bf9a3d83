"""Bytes to text, and text made safe to compare, to quote in a sentence and to show."""

import re
import unicodedata

from gateway.domain.errors import InvalidAlert

#: The most that is ever read, in bytes; the server's own limit is lower.
MAX_BODY = 65_536
_UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")

_KEYWORD = r"(?:secret|pass(?:word|phrase)|token|api_?key)"
# Quotes, straight and curly, and what may stand between a name and its value.
_GAP = r"""[\\"'“”‘’\s]{0,9}[:=]\s{0,9}"""  # noqa: RUF001
_VALUE = r"""(?:\\?"(?:[^"\\]|\\.)*+"?|'[^']*+'?|[“”][^“”"]*+[”"]?|[^\s,;&}\]"'“”]++)"""
_CREDENTIAL = re.compile(rf"({_KEYWORD}{_GAP}){_VALUE}", re.IGNORECASE | re.DOTALL)


def decode(body: bytes) -> str:
    """The text of a body: UTF-8, BOM or not, or UTF-16 with a BOM; CRLF becomes LF. Raises InvalidAlert."""
    if len(body) > MAX_BODY:
        raise InvalidAlert("body", f"the alert has {len(body)} bytes; at most {MAX_BODY} are read.")
    try:
        text = _decoded(body)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} does not fit"
        raise InvalidAlert(
            "body", f"the alert is not UTF-8 text ({where}); send plain text or JSON."
        ) from error
    if "\x00" in text:
        raise InvalidAlert("body", "the alert contains zero bytes; send it as UTF-8 text.")
    return text.replace("\r\n", "\n") if "\r" in text else text


def _decoded(body: bytes, errors: str = "strict") -> str:
    if body.startswith(_UTF8_BOM):
        return body[3:].decode(errors=errors)
    if body.startswith(UTF16_BOMS):
        return body.decode("utf-16", errors)
    return body.decode(errors=errors)


def lossy(body: bytes) -> str:
    """The text of any bytes whatever, for showing; what cannot be read is escaped."""
    errors = "replace" if body.startswith(UTF16_BOMS) else "backslashreplace"
    return _decoded(body[:MAX_BODY], errors)


def tidy(text: str) -> str:
    """Without invisible characters (control, bidi, zero width), odd spaces made plain, ends trimmed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    seen = (" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    return "".join(char for char in seen if char.isprintable()).strip()


def quoted(text: str, limit: int = 40) -> str:
    r"""In double quotes, for a sentence: ASCII only (a look-alike letter shows as \u0421), cut at `limit`."""
    short = text if len(text) <= limit else text[: limit - 3] + "..."
    return f'"{plain_name(short, limit)}"'


def plain_name(text: str, limit: int = 40) -> str:
    """ASCII only, control characters escaped, at most `limit` characters."""
    return ascii(text[:limit])[1:-1][:limit]


def masked(text: str) -> str:
    """The text with the value of everything that looks like a credential replaced by three stars."""
    return _CREDENTIAL.sub(r"\1***", text)


def shown(text: str, limit: int) -> str:
    """Printable, on one line: control, bidi and unassigned characters escaped; at most `limit` characters."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: limit + 1])
    return safe if len(safe) <= limit else safe[: max(limit - 1, 0)] + "…"
