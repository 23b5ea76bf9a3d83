"""What bridges, forms and word processors do to an alert, undone: doubled and curly quotes, form encoding."""

import re
from urllib.parse import parse_qsl

from gateway.ingress.grammar.tree import Pairs

MAX_FORM_FIELDS = 64
_STRAIGHT = str.maketrans(
    dict.fromkeys("“”„‟«»″＂", '"') | dict.fromkeys("‘’‚‛′`´", "'")  # noqa: RUF001
)
_FORM = re.compile(r"\s*([\w.\-]{1,40}=[^&\s{}\[\]\"]*+(?:&[\w.\-]{1,40}=[^&\s{}\[\]\"]*+)*)\s*")
_ENCODED = re.compile(r"\s*%(?:7B|5B)[^&\s]*+=?\s*", re.IGNORECASE)
_NAMED = re.compile(r"\s*\w{1,16}\s?=\s*(?=[{\[])")
_DOUBLED = re.compile(r'\s*[{\[][\s{]*""\w')


def straightened(text: str) -> str:
    """With curly, angled and backward quotes made straight."""
    return text if text.isascii() else text.translate(_STRAIGHT)


def undoubled(text: str) -> str:
    """A body out of a CSV or e-mail bridge, `{""action"": ""BUY""}`, with its quotes single again."""
    inner = text.strip()
    if inner[:2] in {'"{', '"['} and inner[-2:] in {'}"', ']"'}:
        inner = inner[1:-1]
    return inner.replace('""', '"') if _DOUBLED.match(inner) else text


def unnamed(text: str) -> str:
    """A body sent as `payload={...}`, without the name before it."""
    return _NAMED.sub("", text, count=1) if _NAMED.match(text) else text


def form(text: str) -> Pairs | str | None:
    """A form-encoded body: its pairs, or the text inside its only field; None if it is not form-encoded."""
    if _ENCODED.fullmatch(text):
        text = "body=" + text.strip().removesuffix("=")
    match = _FORM.fullmatch(text)
    if match is None or not ("&" in text or "%" in text):
        return None
    try:
        fields = parse_qsl(
            match[1], keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="backslashreplace"
        )
    except ValueError:
        return None
    inner = [value for _, value in fields if value.lstrip()[:1] in {"{", "["}]
    return inner[0] if len(inner) == 1 else Pairs(fields)
