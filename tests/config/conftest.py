"""Configuration files as an owner would write them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WriteConfig = Callable[..., Path]

RISK: dict[str, Any] = {
    "max_lots_per_order": 2,
    "max_premium_per_order": 50000,
    "max_open_positions": 3,
    "max_orders_per_day": 20,
    "max_daily_loss": 7500.50,
    "allowed_symbols": ["NIFTY"],
}


def live(**changes: Any) -> dict[str, Any]:
    """A complete live configuration, with `changes` to its top-level keys."""
    complete: dict[str, Any] = {
        "venue": "live",
        "webhook_secret": "oa5Wm4-mGJrh7nYdQk2z",
        "kite": {"api_key": "key0123456789", "api_secret": "hush-api-secret", "user_id": "AB1234"},
        "risk": RISK,
    }
    return complete | changes


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    """Writes a configuration file, 0600 unless told otherwise: the keys given, or literal text."""

    def write(tree: dict[str, Any] | str, mode: int = 0o600) -> Path:
        path = tmp_path / "config.json"
        path.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
        path.chmod(mode)
        return path

    return write
