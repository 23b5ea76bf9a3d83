"""Live starts only when everything that protects the owner is written down by the owner."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigurationError, load_settings, practice_settings
from tests.config.conftest import RISK, WriteConfig, live


def faults_of(path: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environ or {})
    return {fault.key: fault.sentence for fault in caught.value.faults}


def test_a_complete_live_configuration_is_accepted(write_config: WriteConfig) -> None:
    assert load_settings(write_config(live()), {}).venues() == {"live"}


def test_everything_that_is_missing_is_named(write_config: WriteConfig) -> None:
    assert set(faults_of(write_config({"venue": "live"}))) == {
        "webhook_secret",
        "kite.api_key",
        "kite.api_secret",
        "kite.user_id",
        *(f"risk.{limit}" for limit in RISK),
    }


@pytest.mark.parametrize("limit", RISK)
def test_a_limit_that_is_only_a_default_does_not_count(write_config: WriteConfig, limit: str) -> None:
    risk = {key: value for key, value in RISK.items() if key != limit}
    assert set(faults_of(write_config(live(risk=risk)))) == {f"risk.{limit}"}


def test_a_limit_written_in_the_environment_counts(write_config: WriteConfig) -> None:
    risk = {key: value for key, value in RISK.items() if key != "max_daily_loss"}
    settings = load_settings(write_config(live(risk=risk)), {"MANJHA_RISK__MAX_DAILY_LOSS": "10000"})
    assert settings.risk.max_daily_loss == 10_000


def test_one_live_strategy_needs_all_that_live_needs(write_config: WriteConfig) -> None:
    faults = faults_of(write_config({"strategies": {"RSI": {"venue": "live"}}}))
    assert {"webhook_secret", "kite.api_key", "risk.max_daily_loss"} <= set(faults)


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"webhook_secret": "only15character"}, "webhook_secret", "has 15 characters"),
        ({"webhook_secret": "long random text"}, "webhook_secret", "the example's text"),
        ({"market": {"hours": "always"}}, "market.hours", "exchange"),
    ],
)
def test_what_practice_allows_live_refuses(
    write_config: WriteConfig, changes: dict[str, Any], key: str, words: str
) -> None:
    assert words in faults_of(write_config(live(**changes)))[key]


def test_another_kite_server_may_trade_at_any_hour(write_config: WriteConfig) -> None:
    kite = {**live()["kite"], "api_url": "http://127.0.0.1:9000"}
    settings = load_settings(write_config(live(kite=kite, market={"hours": "always"})), {})
    assert settings.market.hours == "always"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_others_can_read_is_refused(write_config: WriteConfig, mode: int) -> None:
    path = write_config(live(), mode=mode)
    assert f"chmod 600 {path}" in faults_of(path)[""]


def test_a_real_bots_token_others_can_read_is_refused_on_paper_too(write_config: WriteConfig) -> None:
    telegram = {"bot_token": "99:hush", "owner_ids": [1]}
    path = write_config({"telegram": telegram}, mode=0o644)
    assert "chmod 600" in faults_of(path)[""]
    load_settings(write_config({"telegram": {**telegram, "api_url": "http://127.0.0.1:9"}}, mode=0o644), {})


def test_practice_cannot_be_made_live_by_one_variable() -> None:
    with pytest.raises(ConfigurationError):
        practice_settings({"MANJHA_VENUE": "live"})
