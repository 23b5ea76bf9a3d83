"""An alert before it means anything: pairs in their order, duplicates kept, numbers as written."""

import json
from typing import TypeAlias

from gateway.domain.errors import InvalidAlert

MAX_DEPTH = 8
#: Fields an alert may have.
MAX_KEYS = 64
#: Above this many brackets, Python's own recursive decoder is not asked.
_MAX_BRACKETS = 64


class Bare(str):
    """A value written without quotes: a number, arithmetic, NaN, a word."""

    __slots__ = ()


class Pairs(list[tuple[str, "Node"]]):
    """An object: its keys and values in the order they were sent, duplicates included."""

    __slots__ = ()


Node: TypeAlias = "str | bool | list[Node] | Pairs | None"

_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_float=Bare, parse_int=Bare, parse_constant=Bare)


def strict(text: str) -> Node:
    """The tree of a text that is JSON to the letter (NaN apart). Raises ValueError on any other."""
    brackets = text.count("{") + text.count("[")
    if brackets > _MAX_BRACKETS:
        raise ValueError("so many brackets are for the grammar that counts its depth")
    tree: Node = _DECODER.decode(text)
    if brackets > MAX_DEPTH and _deeper(tree, MAX_DEPTH):
        raise too_deep()
    return tree


def written(node: Node) -> str:
    """The tree as text again, close to how it was sent: JSON, but for what stood without quotes."""
    if isinstance(node, Pairs):
        members = (f"{json.dumps(name, ensure_ascii=False)}: {written(value)}" for name, value in node)
        return f"{{{', '.join(members)}}}"
    if isinstance(node, str | bool | None):
        return str(node) if isinstance(node, Bare) else json.dumps(node, ensure_ascii=False)
    return f"[{', '.join(written(item) for item in node)}]"


def too_deep() -> InvalidAlert:
    """The refusal of a body nested more than MAX_DEPTH deep."""
    return InvalidAlert(
        "body", f"the alert is nested more than {MAX_DEPTH} brackets deep; send a flat object."
    )


def _deeper(node: Node, left: int) -> bool:
    if not isinstance(node, list):
        return False
    children = [value for _, value in node] if isinstance(node, Pairs) else node
    return left == 0 or any(_deeper(child, left - 1) for child in children)
