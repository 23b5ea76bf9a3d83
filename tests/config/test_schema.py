"""The JSON schema for editors says what the gateway accepts."""

import json
from collections.abc import Iterator
from typing import Any

from tools.write_schema import TARGET, schema_text

SCHEMA: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))


def test_the_schema_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == schema_text(), "run: .venv/bin/python -m tools.write_schema"


#: The models among the definitions; the others are lists of words.
SECTIONS = [("", SCHEMA), *((name, each) for name, each in SCHEMA["$defs"].items() if "enum" not in each)]


def _settings() -> Iterator[tuple[str, dict[str, Any]]]:
    for section, schema in SECTIONS:
        for key, field in schema["properties"].items():
            if key != "$schema":
                yield f"{section}.{key}", field


def test_every_setting_is_described() -> None:
    bare = [name for name, field in _settings() if not (field.get("description") or "$ref" in field)]
    assert bare == []


def test_unknown_keys_are_refused_in_the_editor_too() -> None:
    assert all(schema["additionalProperties"] is False for _, schema in SECTIONS)
