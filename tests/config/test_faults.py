"""A wrong configuration is refused, each fault by its key and with a sentence that helps."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigurationError, load_settings
from tests.config.conftest import WriteConfig


def faults_of(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    return {fault.key: fault.sentence for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("tree", "key", "words"),
    [
        ({"venu": "paper"}, "venu", "no such setting"),
        ({"risk": {"max_daily_los": 1}}, "risk.max_daily_los", "no such setting"),
        ({"strategies": {"RSI": {"lot": 1}}}, "strategies.RSI.lot", "no such setting"),
        ({"venue": "demo"}, "venue", "'paper' or 'live'"),
        ({"server": {"port": 70000}}, "server.port", "at most 65535"),
        ({"server": {"port": "five"}}, "server.port", "whole number"),
        ({"server": {"port": True}}, "server.port", "not true or false"),
        ({"server": {"host": "http://x"}}, "server.host", "character"),
        ({"server": {"allowed_ips": ["10.0.0.1/8"]}}, "server.allowed_ips.0", "IP address or network"),
        ({"server": {"public_url": "me.example"}}, "server.public_url", "http:// or https://"),
        ({"server": {"max_body_bytes": 10}}, "server.max_body_bytes", "at least 1024"),
        ({"kite": {"api_url": "http://[half"}}, "kite.api_url", "http:// or https://"),
        ({"kite": {"ticker_url": "https://x"}}, "kite.ticker_url", "ws:// or wss://"),
        ({"kite": {"market_data": "perhaps"}}, "kite.market_data", "true or false"),
        ({"kite": {"api_secret": 5}}, "kite.api_secret", "text in double quotes"),
        ({"telegram": {"owner_ids": 5}}, "telegram.owner_ids", "list"),
        ({"telegram": {"owner_ids": [0]}}, "telegram.owner_ids.0", "at least 1"),
        ({"telegram": {"bot_token": "9:x"}}, "telegram.owner_ids", "at least one numeric user id"),
        ({"market": {"hours": "never"}}, "market.hours", "'exchange' or 'always'"),
        ({"defaults": {"approval": "yes"}}, "defaults.approval", "'confirm' or 'auto'"),
        ({"defaults": {"market_protection": 0}}, "defaults.market_protection", "above 0"),
        ({"defaults": {"market_protection": 101}}, "defaults.market_protection", "at most 100"),
        ({"defaults": {"approval_timeout_seconds": 0}}, "defaults.approval_timeout_seconds", "at least 1"),
        ({"strategies": {"": {}}}, "strategies.", "not be empty"),
        ({"strategies": {"S": {"strike": "ATM++"}}}, "strategies.S.strike", "ATM+2"),
        ({"strategies": {"S": {"expiry": "soon"}}}, "strategies.S.expiry", "weekly"),
        ({"strategies": {"S": {"stop_loss": "20 percent"}}}, "strategies.S.stop_loss", "-20%"),
        ({"strategies": {"S": {"option_type": "XX"}}}, "strategies.S.option_type", "'CE' or 'PE'"),
        ({"strategies": {"S": {"lots": 1, "quantity": 65}}}, "strategies.S.quantity", "one of the two"),
        ({"strategies": {"S": []}}, "strategies.S", "JSON object in braces"),
        ({"risk": {"max_daily_loss": -5}}, "risk.max_daily_loss", "more than 0"),
        ({"risk": {"max_daily_loss": None}}, "risk.max_daily_loss", "must be a number"),
        ({"risk": {"max_daily_loss": 1.005}}, "risk.max_daily_loss", "2 decimal places"),
        ({"risk": {"allowed_symbols": []}}, "risk.allowed_symbols", "at least 1"),
        ({"schedule": {"summary": "25:00"}}, "schedule.summary", "HH:MM"),
        ({"schedule": {"summary": 900}}, "schedule.summary", "HH:MM"),
        ({"phone": {"host": "0.0.0.0"}}, "phone.host", "no password"),
        ({"phone": {"port": 5001}}, "phone.port", "differ from server.port"),
        ({"database_url": "postgresql://u:hush@h/x"}, "database_url", "postgresql+psycopg://"),
        (
            {"database_url": "postgresql+psycopg://u:hush@h/x"},
            "database_url",
            "psycopg, which is not installed",
        ),
        ({"database_url": "mysql://u:hush@h/x"}, "database_url", "not mysql"),
        ({"database_url": "data/manjha.db"}, "database_url", "no database address"),
        ({"database_url": "sqlite+aiosqlite:///x.db"}, "database_url", "sqlite:///"),
        ({"backup": {"keep": 0}}, "backup.keep", "at least 1"),
        ({"webhook_secret": "abc"}, "webhook_secret", "at least 4 characters"),
        ({"webhook_secret": " padded secret "}, "webhook_secret", "no spaces at its ends"),
        ({"server": {"host": "0.0.0.0"}}, "webhook_secret", "loopback"),
    ],
)
def test_the_fault_names_its_key_and_what_would_be_right(
    write_config: WriteConfig, tree: dict[str, Any], key: str, words: str
) -> None:
    faults = faults_of(write_config(tree))
    assert words in faults[key]


def test_every_fault_is_named_at_once(write_config: WriteConfig) -> None:
    faults = faults_of(write_config({"venu": 1, "server": {"port": -1}, "risk": {"max_orders_per_day": 0}}))
    assert set(faults) == {"venu", "server.port", "risk.max_orders_per_day"}


def test_the_error_reads_as_one_line_a_fault(write_config: WriteConfig) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write_config({"venu": 1, "server": {"port": -1}}), {})
    assert sorted(str(caught.value).splitlines()) == [
        "server.port: must be at least 0",
        "venu: there is no such setting",
    ]


def test_no_fault_repeats_the_value(write_config: WriteConfig) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write_config({"kite": {"api_secret": ["hush"]}, "webhook_secret": {"hush": 1}}), {})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n  "venue": "paper",\n}', "line 3, column 1"),
        ('{"venue": "paper" "risk": {}}', "line 1, column 19"),
        ("", "line 1, column 1"),
        ("[]", "one JSON object"),
        ('{"venue": "paper", "venue": "live"}', '"venue" is given twice'),
        ('{"risk": {"max_daily_loss": NaN}}', "NaN is not a number"),
        ("[" * 100_000, ""),
    ],
)
def test_what_is_no_json_is_named_with_its_place(write_config: WriteConfig, text: str, words: str) -> None:
    path = write_config(text)
    sentence = faults_of(path)[""]
    assert str(path) in sentence
    assert words in sentence


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert "No such file" in faults_of(tmp_path / "absent.json")[""]


def test_a_file_that_is_not_utf8_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"venue": "\xff"}')
    assert "not UTF-8" in faults_of(path)[""]
