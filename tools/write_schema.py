"""Writes config/config.schema.json, for editors, from the settings: python -m tools.write_schema"""

import json
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "config" / "config.schema.json"


class _AsWritten(GenerateJsonSchema):
    """Shows defaults the way an owner writes them: 200000 and "15:15"."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Decimal):
            return int(dft) if dft == dft.to_integral_value() else float(dft)
        return f"{dft:%H:%M}" if isinstance(dft, time) else super().encode_default(dft)


def schema_text() -> str:
    """The schema as the file should read."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(schema_generator=_AsWritten),
    }
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(_tidied(schema), indent=2, ensure_ascii=False) + "\n"


def _tidied(node: Any) -> Any:
    """Without generated titles, and without a section's defaults where the section itself is described."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    dropped = {"title"} if isinstance(node.get("title"), str) else set()
    dropped |= {"default"} if "$ref" in node else set()
    return {key: _tidied(value) for key, value in node.items() if key not in dropped}


if __name__ == "__main__":
    TARGET.write_text(schema_text(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
