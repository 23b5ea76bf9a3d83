"""Reads the configuration file: strict JSON, every mistake named by its place."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from config.faults import ConfigurationError, Fault


def read_file(path: Path) -> dict[str, Any]:
    """What the file says, decimals exact. Raises ConfigurationError: not there, no JSON, a key twice."""
    tree = _parsed(path, _text(path))
    if not isinstance(tree, dict):
        raise _wrong(path, "the whole file must be one JSON object in braces")
    # An editor's pointer to the JSON schema, not a setting.
    return {key: value for key, value in tree.items() if key != "$schema"}


def readable_by_others(path: Path) -> bool:
    """Whether anyone but the file's owner may read (or change) it."""
    return bool(path.stat().st_mode & 0o077)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, f"is not UTF-8 text (byte {error.start})") from error


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_duplicates
        )
    except json.JSONDecodeError as error:
        raise _wrong(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, str(error)) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that can be used")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f'the key "{twice[0]}" is given twice')
    return dict(pairs)


def _wrong(path: Path, sentence: str) -> ConfigurationError:
    return ConfigurationError([Fault(key="", sentence=f"{path}: {sentence}")])
