"""What the alert leaves out comes from the strategy's settings; what is then still missing is named."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import (
    Action,
    ExpiryKind,
    ExpiryRule,
    Level,
    LevelKind,
    Signal,
    StrikeKind,
    StrikeRule,
)
from gateway.ingress.completion import complete
from tests.ingress.conftest import settings

FULL = {
    "symbol": "NIFTY",
    "option_type": "CALL",
    "lots": 2,
    "strike": "ATM+1",
    "expiry": "monthly",
    "stop_loss": "-20%",
    "target": "180",
}


def strategy(**own: Any):
    return settings(strategies={"RSI": own}).strategy("RSI")


def buy(**fields: Any) -> Signal:
    return Signal(**{"action": Action.BUY, "strategy": "RSI", **fields})


def test_an_entry_takes_all_that_is_missing() -> None:
    assert complete(buy(), strategy(**FULL)) == buy(
        symbol="NIFTY",
        option_type=OptionType.CE,
        lots=2,
        strike=StrikeRule(kind=StrikeKind.ATM, value=Decimal(1)),
        expiry=ExpiryRule(kind=ExpiryKind.MONTHLY),
        stop_loss=Level(kind=LevelKind.PERCENT, value=Decimal(-20)),
        target=Level(kind=LevelKind.PRICE, value=Decimal(180)),
    )


def test_what_the_alert_says_wins() -> None:
    said = buy(
        symbol="BANKNIFTY",
        option_type=OptionType.PE,
        lots=1,
        strike=StrikeRule(kind=StrikeKind.PRICE, value=Decimal(52000)),
        expiry=ExpiryRule(kind=ExpiryKind.NEXT),
        stop_loss=Level(kind=LevelKind.PRICE, value=Decimal(90)),
        target=Level(kind=LevelKind.PERCENT, value=Decimal(50)),
    )
    assert complete(said, strategy(**FULL)) == said


def test_a_quantity_in_the_alert_wins_over_lots_in_the_settings() -> None:
    whole = complete(buy(quantity=65), strategy(**FULL))
    assert (whole.quantity, whole.lots) == (65, None)


def test_lots_in_the_alert_win_over_a_quantity_in_the_settings() -> None:
    own = {name: value for name, value in FULL.items() if name != "lots"} | {"quantity": 130}
    whole = complete(buy(lots=1), strategy(**own))
    assert (whole.quantity, whole.lots) == (None, 1)
    assert complete(buy(), strategy(**own)).quantity == 130


@pytest.mark.parametrize("action", [Action.SELL, Action.EXIT])
@pytest.mark.parametrize("own", [FULL, {}])
def test_the_settings_do_not_narrow_an_exit(action: Action, own: dict[str, Any]) -> None:
    """It closes what is held, whatever index and strike was bought."""
    exit_ = Signal(action=action, strategy="RSI")
    assert complete(exit_, strategy(**own)) == exit_


@pytest.mark.parametrize("missing", ["symbol", "option_type", "strike", "lots"])
def test_what_an_entry_still_lacks_is_named(missing: str) -> None:
    own = {name: value for name, value in FULL.items() if name != missing}
    with pytest.raises(InvalidAlert) as fault:
        complete(buy(), strategy(**own))
    assert fault.value.field == ("quantity" if missing == "lots" else missing)
    assert "RSI" in fault.value.sentence


@pytest.mark.parametrize(
    ("field", "text"), [("strike", "24000 +"), ("stop_loss", "+20%"), ("target", "(180")]
)
def test_a_setting_that_cannot_be_read_is_named_as_such(field: str, text: str) -> None:
    with pytest.raises(InvalidAlert, match=f"the setting {field} of strategy RSI") as fault:
        complete(buy(), strategy(**{**FULL, field: text}))
    assert fault.value.field == field


def test_an_unknown_strategy_has_the_defaults_and_must_say_everything_itself() -> None:
    with pytest.raises(InvalidAlert):
        complete(buy(strategy="nobody"), settings().strategy("nobody"))
