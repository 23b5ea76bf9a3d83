"""JSON as people write it: comments, trailing commas, single quotes, bare keys, arithmetic, {{placeholders}}.

One pass over the text, at most MAX_DEPTH deep; what it cannot read it refuses, saying where.
"""

import re
from collections.abc import Sized

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.names import SECRET, look_up
from gateway.ingress.grammar.text import masked, plain_name, quoted
from gateway.ingress.grammar.tree import MAX_DEPTH, MAX_KEYS, Bare, Node, Pairs, too_deep

_SPACE = re.compile(r"(?:[\s\ufeff]++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'((?:[^\'\\]|\\.)*+)\'', re.DOTALL)
_KEY = re.compile(r"[^\s\"'{}\[\],:=/#“”‘’][^\"'{}\[\],:=\n/#“”‘’]*+")  # noqa: RUF001
_BARE = re.compile(r"(?:[^\"'{}\[\],\n/#“”‘’]|/(?![/*]))++")  # noqa: RUF001
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]*+\}\}")
_COMMENT = re.compile(r"[^\S\n]*+(?:#|//)")
_TAIL = re.compile(r"[\s;=]*+")
_COMMAS = re.compile(r"[\s,]*+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SAMPLE = 400
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
#: What may join a text in quotes to the bare words around it: `"24013.45" * 0.95`.
_BEFORE_TEXT, _AFTER_TEXT = frozenset("+-*/("), frozenset("+-*/)%")
#: Fields of free text: behind it on its line, without quotes, `#2` and `// v2` may be a part of it.
_FREE = frozenset({"strategy", "id", SECRET})
_WORDS: dict[str, Node] = {"null": None, "none": None, "true": True, "false": False}


def is_structured(text: str) -> bool:
    """Whether the text, behind any comments, begins like an object or an array."""
    return text[_skip(text, 0) :][:1] in {"{", "["}


def relaxed(text: str) -> Node:
    """The tree of an object or an array. Raises InvalidAlert on what cannot be read for certain."""
    return _Scanner(text).document()


def _skip(text: str, at: int) -> int:
    return _end(_SPACE, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


class _Scanner:
    """Where we are in the text, and what stands there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Node:
        tree = self._value(0)
        self._space()
        self._at = _end(_TAIL, self._text, self._at)
        self._space()
        if self._at == len(self._text):
            return tree
        if self._here() in "{[":
            raise self._fault("a second alert begins; put several alerts into one array: [{...}, {...}]")
        raise self._fault(f"{self._sample()} stands after the end of the alert")

    def _value(self, depth: int, key: str = "") -> Node:
        is_commented = self._is_comment()
        self._space()
        here = self._here()
        if here in {"{", "["} and not _PLACEHOLDER.match(self._text, self._at):
            if depth >= MAX_DEPTH:
                raise too_deep()
            self._at += 1
            return self._object(depth + 1) if here == "{" else self._array(depth + 1)
        value = self._scalar(key)
        if isinstance(value, Bare) and (is_commented or self._is_comment()) and look_up(key)[0] in _FREE:
            raise self._fault(f"{plain_name(key)} has a # or // beside it; write its value in quotes")
        return value

    def _object(self, depth: int) -> Pairs:
        pairs = Pairs()
        while self._more("}"):
            key = self._key()
            pairs.append((key, self._value(depth, key)))
            self._separator("}", key)
            self._limit(pairs)
        return pairs

    def _array(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while self._more("]"):
            items.append(self._value(depth))
            self._separator("]", "")
            self._limit(items)
        return items

    def _more(self, closing: str) -> bool:
        """Whether another member follows; the closing bracket is taken."""
        self._space()
        while self._here() == ",":
            self._at = _end(_COMMAS, self._text, self._at)
            self._space()
        if self._here() != closing:
            return True
        self._at += 1
        return False

    def _limit(self, members: Sized) -> None:
        if len(members) > MAX_KEYS:
            raise self._fault(f"more than {MAX_KEYS} fields, alerts or pieces stand here")

    def _separator(self, closing: str, key: str) -> None:
        self._space()
        if self._here() in {",", closing}:
            return
        if self._here():
            raise self._missing_comma(key)
        after = f"after {quoted(key)} " if key else ""
        raise self._fault(
            f"{after}the text ends before the closing {closing}; the alert was cut off or misses it"
        )

    def _missing_comma(self, key: str) -> InvalidAlert:
        self._space()
        after = f"after {quoted(key)} comes" if key else "here is"
        what = "more" if look_up(key)[0] == SECRET else self._sample()
        return self._fault(f'{after} {what}: a comma is missing, or a quote inside a text is not written \\"')

    def _key(self) -> str:
        key = self._quoted() if self._here() in {'"', "'"} else self._bare_key()
        self._space()
        if key.isdecimal() and self._here() not in {":", "="}:
            raise self._fault(f"{plain_name(key)} stands where a field belongs; write numbers without commas")
        if self._here() not in {":", "="}:
            raise self._fault(f"a colon is missing after {quoted(key)}")
        self._at += 1
        return key

    def _bare_key(self) -> str:
        match = _KEY.match(self._text, self._at)
        if match is None:
            what = self._sample() if self._here() else "the end of the text"
            raise self._fault(f'a field such as "action" was expected, but here is {what}')
        self._at = match.end()
        return match[0].strip()

    def _scalar(self, key: str) -> Node:
        """A text in quotes, or a run of bare words, signs and quoted numbers up to a comma or line end."""
        pieces: list[str] = []
        while (piece := self._piece(pieces[-1] if pieces else None, key)) is not None:
            if piece or not isinstance(piece, Bare):
                pieces.append(piece)
                self._limit(pieces)
        if len(pieces) == 1 and not isinstance(pieces[0], Bare):
            return pieces[0]
        words = " ".join(pieces)
        return _WORDS.get(words.lower(), Bare(words))

    def _piece(self, before: str | None, key: str) -> str | None:
        if self._here() in {'"', "'"}:
            if before is not None and not (isinstance(before, Bare) and before[-1] in _BEFORE_TEXT):
                raise self._missing_comma(key)
            return self._quoted()
        match = _PLACEHOLDER.match(self._text, self._at) or _BARE.match(self._text, self._at)
        if match is None:
            return None
        words = match[0].strip()
        if words and before is not None and not isinstance(before, Bare) and words[0] not in _AFTER_TEXT:
            raise self._missing_comma(key)
        self._at = match.end()
        return Bare(words)

    def _quoted(self) -> str:
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            raise self._fault("the quote opened here is never closed")
        self._at = match.end()
        inner = match[1] if match[1] is not None else match[2]
        return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner

    def _space(self) -> None:
        self._at = _skip(self._text, self._at)
        if self._text.startswith("/*", self._at):
            raise self._fault("a comment opened with /* is never closed")

    def _is_comment(self) -> bool:
        """Whether a comment begins here, on this line."""
        return _COMMENT.match(self._text, self._at) is not None

    def _here(self) -> str:
        return self._text[self._at : self._at + 1]

    def _sample(self) -> str:
        return plain_name(masked(self._text[self._at : self._at + _SAMPLE].split("\n", 1)[0]), 20)

    def _fault(self, what: str) -> InvalidAlert:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - self._text.rfind("\n", 0, self._at)
        return InvalidAlert("body", f"line {line}, character {column}: {what}.")


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2])
