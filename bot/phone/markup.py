"""Telegram's HTML: text with tags in, plain text and entities out, or the refusal in Telegram's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.phone.errors import bad_request

_ENTITY_OF_TAG = {
    "b": "bold", "strong": "bold",
    "i": "italic", "em": "italic",
    "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "code": "code", "pre": "pre", "a": "text_link", "blockquote": "blockquote",
    "tg-spoiler": "spoiler", "span": "spoiler", "tg-emoji": "custom_emoji",
}  # fmt: skip
_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-zA-Z]{1,8});?")
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?""")
_LINK_OR_COMMAND = re.compile(
    r"(?<![\w/@<])(?:(/[a-zA-Z0-9_]{1,32}(?:@\w+)?)(?!\S*/)|(https?://[^\s<>\"']*[\w/=&#-]))"
)


@dataclass(frozen=True, kw_only=True)
class Formatted:
    """Text as a reader sees it; entity offsets and lengths count UTF-16 units, as everywhere in Telegram."""

    text: str
    entities: tuple[Mapping[str, Any], ...] = ()


@dataclass(kw_only=True)
class _Open:
    tag: str
    start: int
    attributes: dict[str, str]


@dataclass(kw_only=True)
class _Reader:
    source: str
    position: int = 0
    units: int = 0
    out: list[str] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    entities: list[dict[str, Any]] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.out.append(text)
        self.units += utf16_length(text)


def utf16_length(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def parse_html(source: str) -> Formatted:
    """What Telegram makes of `parse_mode=HTML`.

    Raises ApiError 400 "can't parse entities: ..." for unknown, unclosed and crossed tags.
    """
    reader = _Reader(source=source)
    while reader.position < len(source):
        _step(reader)
    if reader.open:
        raise _refuse(f'Can\'t find end tag corresponding to start tag "{reader.open[-1].tag}"')
    entities = sorted(reader.entities, key=lambda entity: (entity["offset"], -entity["length"]))
    return _trimmed(Formatted(text="".join(reader.out), entities=tuple(entities)))


def plain(source: str) -> Formatted:
    """Text without a parse mode: trimmed, nothing else."""
    return Formatted(text=source.strip())


def with_automatic_entities(formatted: Formatted) -> Formatted:
    """Adds what Telegram recognises by itself outside code and links: addresses and /commands."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in formatted.entities
        if entity["type"] in ("code", "pre", "text_link")
    ]
    found: list[Mapping[str, Any]] = []
    for match in _LINK_OR_COMMAND.finditer(formatted.text):
        start = utf16_length(formatted.text[: match.start()])
        if not any(first <= start < last for first, last in taken):
            kind = "bot_command" if match.group(1) else "url"
            found.append({"type": kind, "offset": start, "length": utf16_length(match.group())})
    return replace(formatted, entities=(*formatted.entities, *found))


def _step(reader: _Reader) -> None:
    source, start = reader.source, reader.position
    if source[start] == "<":
        (_end_tag if source.startswith("</", start) else _start_tag)(reader)
        return
    reference = _REFERENCE.match(source, start) if source[start] == "&" else None
    character = _decoded(reference.group(1)) if reference else None
    if reference and character:
        reader.position = reference.end()
        reader.write(character)
        return
    reader.position = _next_special(source, start + 1)
    reader.write(source[start : reader.position])


def _next_special(source: str, start: int) -> int:
    found = [place for place in (source.find("<", start), source.find("&", start)) if place >= 0]
    return min(found, default=len(source))


def _decoded(name: str) -> str | None:
    if not name.startswith("#"):
        return _CHARACTERS.get(name)
    base = 16 if name[1] in "xX" else 10
    number = int(name[1:].lstrip("xX"), base)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else None


def _start_tag(reader: _Reader) -> None:
    begin = reader.position
    name = _TAG_NAME.match(reader.source, begin + 1)
    if name is None or name.end() >= len(reader.source):
        raise _refuse(f"Unclosed start tag at byte offset {_bytes_before(reader, begin)}")
    tag = name.group().lower()
    if tag not in _ENTITY_OF_TAG:
        raise _refuse(f'Unsupported start tag "{tag}" at byte offset {_bytes_before(reader, begin)}')
    reader.position = name.end()
    attributes = _attributes(reader, begin)
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        where = _bytes_before(reader, begin)
        raise _refuse(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
    reader.open.append(_Open(tag=tag, start=reader.units, attributes=attributes))


def _attributes(reader: _Reader, begin: int) -> dict[str, str]:
    attributes: dict[str, str] = {}
    while True:
        while reader.source[reader.position : reader.position + 1].isspace():
            reader.position += 1
        if reader.source.startswith(">", reader.position):
            reader.position += 1
            return attributes
        match = _ATTRIBUTE.match(reader.source, reader.position)
        if match is None:
            raise _refuse(f"Unclosed start tag at byte offset {_bytes_before(reader, begin)}")
        value = next((group for group in match.groups()[1:] if group is not None), "")
        attributes[match.group(1).lower()] = _REFERENCE.sub(
            lambda reference: _decoded(reference.group(1)) or reference.group(), value
        )
        reader.position = match.end()


def _end_tag(reader: _Reader) -> None:
    begin = reader.position
    close = reader.source.find(">", begin)
    if not reader.open:
        raise _refuse(f"Unexpected end tag at byte offset {_bytes_before(reader, begin)}")
    if close < 0:
        raise _refuse(f"Unclosed end tag at byte offset {_bytes_before(reader, begin)}")
    name = reader.source[begin + 2 : close].strip().lower()
    opened = reader.open.pop()
    if name and name != opened.tag:
        raise _refuse(
            f"Unmatched end tag at byte offset {_bytes_before(reader, begin)}, "
            f'expected "</{opened.tag}>", found "</{name}>"'
        )
    reader.position = close + 1
    _close(reader, opened)


def _close(reader: _Reader, opened: _Open) -> None:
    length = reader.units - opened.start
    entity: dict[str, Any] = {
        "type": _ENTITY_OF_TAG[opened.tag],
        "offset": opened.start,
        "length": length,
    }
    language = opened.attributes.get("class", "")
    if opened.tag == "code" and reader.open and reader.open[-1].tag == "pre":
        reader.open[-1].attributes.setdefault("language", language.removeprefix("language-"))
        return
    if opened.tag == "pre" and opened.attributes.get("language"):
        entity["language"] = opened.attributes["language"]
    if opened.tag == "blockquote" and "expandable" in opened.attributes:
        entity["type"] = "expandable_blockquote"
    if opened.tag == "a":
        entity["url"] = opened.attributes.get("href") or "".join(reader.out)[-length:]
    if opened.tag == "tg-emoji":
        entity["custom_emoji_id"] = opened.attributes.get("emoji-id", "")
    if length and _is_link(entity):
        reader.entities.append(entity)


def _is_link(entity: Mapping[str, Any]) -> bool:
    """Telegram silently drops a link that leads nowhere (and so `javascript:` never reaches a page)."""
    return entity["type"] != "text_link" or bool(re.match(r"(https?|tg|mailto)://?\S", entity["url"]))


def _trimmed(formatted: Formatted) -> Formatted:
    text = formatted.text.rstrip()
    lead = len(text) - len(text.lstrip())
    text, end = text[lead:], utf16_length(text) - lead
    kept: list[Mapping[str, Any]] = []
    for entity in formatted.entities:
        first = max(entity["offset"] - lead, 0)
        last = min(entity["offset"] + entity["length"] - lead, end)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    return Formatted(text=text, entities=tuple(kept))


def _bytes_before(reader: _Reader, position: int) -> int:
    return len(reader.source[:position].encode())


def _refuse(words: str) -> Exception:
    return bad_request(f"can't parse entities: {words}")
