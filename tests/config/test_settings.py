"""What the configuration holds when it is right."""

import json
from datetime import time
from decimal import Decimal
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.sections import Defaults
from config.settings import Settings, is_loopback, load_settings, practice_settings, settings_warnings
from tests.config.conftest import WriteConfig, live

EXAMPLE = Path(__file__).parents[2] / "config" / "config.example.json"


def test_the_example_is_accepted_and_says_every_default() -> None:
    example = load_settings(EXAMPLE, {})
    own = {"webhook_secret": None, "strategies": {}}
    assert example.model_copy(update=own) == Settings()


def test_the_example_names_every_key() -> None:
    example = json.loads(EXAMPLE.read_text())
    assert set(example) == set(Settings.model_fields)
    for section, keys in example.items():
        if isinstance(keys, dict) and section != "strategies":
            assert set(keys) == set(type(getattr(Settings(), section)).model_fields), section


def test_an_empty_file_is_paper_with_every_default(write_config: WriteConfig) -> None:
    settings = load_settings(write_config({}), {})
    assert settings == Settings()
    assert (settings.venue, settings.market.hours) == ("paper", "exchange")


def test_practice_has_a_market_that_never_closes_and_needs_nothing() -> None:
    settings = practice_settings({})
    assert (settings.venue, settings.market.hours, settings.webhook_secret) == ("paper", "always", None)


def test_without_a_file_at_the_usual_place_it_is_practice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == practice_settings({})


def test_the_file_at_the_usual_place_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.json").write_text('{"server": {"port": 6001}}')
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {})
    assert (settings.server.port, settings.market.hours) == (6001, "exchange")


def test_rupees_are_exact_and_times_are_times(write_config: WriteConfig) -> None:
    settings = load_settings(
        write_config('{"risk": {"max_daily_loss": 7500.10}, "schedule": {"square_off": "14:55"}}'), {}
    )
    assert settings.risk.max_daily_loss == Decimal("7500.10")
    assert settings.schedule.square_off == time(14, 55)


def test_networks_are_understood(write_config: WriteConfig) -> None:
    settings = load_settings(
        write_config(
            {"server": {"allowed_ips": ["52.89.214.238", "10.0.0.0/8"], "trusted_proxies": ["::1"]}}
        ),
        {},
    )
    assert settings.server.allowed_ips == (IPv4Network("52.89.214.238/32"), IPv4Network("10.0.0.0/8"))


def test_addresses_lose_their_last_slash(write_config: WriteConfig) -> None:
    settings = load_settings(write_config({"kite": {"api_url": "http://127.0.0.1:9000/"}}), {})
    assert settings.kite.api_url == "http://127.0.0.1:9000"


def test_an_editors_schema_pointer_and_a_byte_order_mark_are_no_faults(write_config: WriteConfig) -> None:
    assert load_settings(write_config('\ufeff{"$schema": "./config.schema.json"}'), {}) == Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().risk.max_daily_loss = Decimal(1)


def test_no_secret_shows_when_settings_are_printed(write_config: WriteConfig) -> None:
    tree = live(
        telegram={"bot_token": "99:hush-token", "owner_ids": [1]}, database_url="sqlite://u:hush-db@h/x"
    )
    assert "hush" not in repr(load_settings(write_config(tree), {}))


def test_a_strategys_own_word_wins_over_the_defaults(write_config: WriteConfig) -> None:
    settings = load_settings(
        write_config(
            {
                "defaults": {"product": "MIS", "approval_timeout_seconds": 90},
                "strategies": {
                    "RSI": {
                        "approval": "auto",
                        "approval_timeout_seconds": 30,
                        "venue": "paper",
                        "strike": 24000.5,
                        "stop_loss": "-20%",
                        "target": 180,
                        "option_type": "call",
                        "symbol": "nifty",
                    }
                },
            }
        ),
        {},
    )
    strategy = settings.strategy("RSI")
    assert (strategy.approval, strategy.approval_timeout_seconds, strategy.product) == ("auto", 30, "MIS")
    assert (strategy.strike, strategy.stop_loss, strategy.target) == ("24000.5", "-20%", "180")
    assert (strategy.symbol, strategy.option_type, strategy.lots) == ("NIFTY", "CE", None)
    assert (strategy.name, strategy.enabled, strategy.allow_short) == ("RSI", True, False)


def test_null_in_a_strategy_means_the_default(write_config: WriteConfig) -> None:
    settings = load_settings(write_config({"strategies": {"RSI": {"product": None, "venue": None}}}), {})
    assert (settings.strategy("RSI").product, settings.strategy("RSI").venue) == ("NRML", "paper")


def test_an_unknown_strategy_takes_every_default() -> None:
    settings = Settings()
    strategy = settings.strategy("nobody named it")
    assert not settings.known_strategy("nobody named it")
    assert {key: getattr(strategy, key) for key in Defaults.model_fields} == dict(settings.defaults)
    assert strategy.venue == settings.venue


def test_every_default_can_be_set_by_a_strategy() -> None:
    values = {
        "approval": "auto",
        "approval_timeout_seconds": 5,
        "confirm_exits": True,
        "product": "MIS",
        "pricing": "limit",
        "market_protection": Decimal("2.5"),
        "max_alert_age_seconds": 7,
        "round_quantity": "down",
        "max_price_drift": Decimal("7.5"),
        "square_off": "none",
    }
    assert set(values) == set(Defaults.model_fields)
    strategy = Settings.model_validate({"strategies": {"S": values}}).strategy("S")
    assert {key: getattr(strategy, key) for key in values} == values


def test_a_strategy_can_trade_on_paper_beside_live(write_config: WriteConfig) -> None:
    settings = load_settings(write_config(live(strategies={"Try": {"venue": "paper"}})), {})
    assert settings.strategy("Try").venue == "paper"
    assert settings.strategy("default").venue == "live"
    assert settings.venues() == {"paper", "live"}


def test_a_disabled_live_strategy_still_counts_as_live() -> None:
    settings = Settings.model_validate({"strategies": {"Old": {"venue": "live", "enabled": False}}})
    assert settings.venues() == {"paper", "live"}


def test_a_file_others_can_read_is_warned_about_on_paper(write_config: WriteConfig) -> None:
    path = write_config({}, mode=0o644)
    (warning,) = settings_warnings(load_settings(path, {}), path)
    assert f"chmod 600 {path}" in str(warning)


def test_a_private_file_with_a_good_secret_gives_no_warning(write_config: WriteConfig) -> None:
    path = write_config(live())
    assert settings_warnings(load_settings(path, {}), path) == []


def test_a_secret_that_does_not_fit_an_address_is_warned_about() -> None:
    settings = Settings.model_validate({"webhook_secret": "long random text"})
    assert [warning.key for warning in settings_warnings(settings, None)] == ["webhook_secret"]


def senders(host: str = "127.0.0.1", **server: Any) -> list[str]:
    settings = Settings.model_validate({"webhook_secret": "s" * 20, "server": {"host": host, **server}})
    return [str(warning) for warning in settings_warnings(settings, None)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_list_of_senders_that_lets_nobody_through_a_tunnel_is_warned_about(host: str) -> None:
    (warning,) = senders(host, allowed_ips=["tradingview"])
    assert "server.allowed_ips" in warning
    assert "server.trusted_proxies" in warning


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"allowed_ips": ["tradingview"], "trusted_proxies": ["127.0.0.1"]},
        {"allowed_ips": ["tradingview", "127.0.0.0/8"]},
        {"allowed_ips": ["tradingview"], "host": "0.0.0.0"},
    ],
)
def test_a_list_of_senders_that_lets_somebody_in_is_not(server: dict[str, Any]) -> None:
    assert senders(**server) == []


def test_a_public_address_without_a_secret_is_warned_about() -> None:
    settings = Settings.model_validate({"server": {"public_url": "https://me.example"}})
    assert [warning.key for warning in settings_warnings(settings, None)] == ["webhook_secret"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("me.example", False),
    ],
)
def test_a_loopback_host_is_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_what_is_dumped_as_json_can_be_read_again(write_config: WriteConfig) -> None:
    settings = Settings(webhook_secret=None)
    assert load_settings(write_config(settings.model_dump_json()), {}) == settings
