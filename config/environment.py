"""Settings from the environment: `MANJHA_` + the path joined with `__`, such as MANJHA_KITE__API_KEY."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

PREFIX = "MANJHA_"
_DELIMITER = "__"


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that `environ` carries, as a tree shaped like the file's.

    Lists, objects and null are given as JSON; anything else is taken as text, which the settings turn into
    numbers and booleans. A name of ours that fits no setting stays in the tree, to be refused like any other
    unknown key.
    """
    tree: dict[str, Any] = {}
    # Shorter names first: MANJHA_RISK={...} is refined by MANJHA_RISK__MAX_DAILY_LOSS, whatever their order.
    ours = (name for name in environ if name.startswith(PREFIX))
    for name in sorted(ours, key=lambda name: (len(name), name)):
        path = name.removeprefix(PREFIX).lower().split(_DELIMITER)
        tree = merged(tree, nested(path, value_of(environ[name])))
    return tree


def merged(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`under` with everything `over` says; objects are merged key by key, all else is replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merged(below, value) if isinstance(below, dict) and both else value
    return result


def nested(path: list[str], value: Any) -> dict[str, Any]:
    """A tree with this one value at its path."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def value_of(text: str) -> Any:
    """Lists, objects and null from their JSON; anything else as the text it is."""
    if text != "null" and not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text
