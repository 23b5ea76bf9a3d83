"""The environment can say everything the file can, and has the last word."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.environment import merged
from config.settings import ConfigurationError, load_settings, practice_settings
from tests.config.conftest import WriteConfig


def test_the_environment_wins_over_the_file(write_config: WriteConfig) -> None:
    path = write_config({"server": {"port": 6001, "host": "127.0.0.2"}})
    settings = load_settings(path, {"MANJHA_SERVER__PORT": "6002"})
    assert (settings.server.port, settings.server.host) == (6002, "127.0.0.2")


def test_every_kind_of_value_can_be_given() -> None:
    settings = practice_settings(
        {
            "MANJHA_TELEGRAM__BOT_TOKEN": "12345:abc",
            "MANJHA_TELEGRAM__OWNER_IDS": "[12345, 67890]",
            "MANJHA_TELEGRAM__CHAT_ID": "-100200300",
            "MANJHA_KITE__MARKET_DATA": "false",
            "MANJHA_DATABASE_URL": "null",
            "MANJHA_RISK__MAX_DAILY_LOSS": "2500.50",
            "MANJHA_STRATEGIES": '{"RSI Divergence": {"lots": 2, "strike": 24000.5}}',
            "MANJHA_WEBHOOK_SECRET": "1234567890123456",
            "HOME": "/home/somebody",
        }
    )
    assert settings.telegram.bot_token.get_secret_value() == "12345:abc"
    assert settings.telegram.owner_ids == (12345, 67890)
    assert settings.telegram.chat_id == -100200300
    assert settings.kite.market_data is False
    assert settings.database_url is None
    assert settings.risk.max_daily_loss == Decimal("2500.50")
    assert settings.strategy("RSI Divergence").strike == "24000.5"
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.get_secret_value() == "1234567890123456"


def test_a_whole_section_is_refined_by_one_of_its_keys() -> None:
    settings = practice_settings(
        {
            "MANJHA_RISK__MAX_ORDERS_PER_DAY": "7",
            "MANJHA_RISK": '{"max_orders_per_day": 9, "max_open_positions": 2}',
        }
    )
    assert (settings.risk.max_orders_per_day, settings.risk.max_open_positions) == (7, 2)


@pytest.mark.parametrize(
    ("name", "key"),
    [("MANJHA_VENEU", "veneu"), ("MANJHA_KITE__API_KYE", "kite.api_kye"), ("MANJHA_", "")],
)
def test_a_misspelt_name_is_a_fault(name: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        practice_settings({name: "live"})
    assert [fault.key for fault in caught.value.faults] == [key]


def test_text_that_only_begins_like_json_stays_text() -> None:
    settings = practice_settings({"MANJHA_WEBHOOK_SECRET": "{not json, a secret"})
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.get_secret_value() == "{not json, a secret"


TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
).filter(lambda tree: isinstance(tree, dict))


@given(under=TREES, over=TREES)
def test_merging_keeps_what_is_below_and_takes_what_is_above(under: dict, over: dict) -> None:
    result = merged(under, over)
    assert merged(result, over) == result
    assert set(result) == set(under) | set(over)
    assert {key: result[key] for key in set(under) - set(over)} == {
        k: under[k] for k in set(under) - set(over)
    }
    assert all(result[key] == value for key, value in over.items() if not isinstance(value, dict))
