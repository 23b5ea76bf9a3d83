"""What an alert leaves out comes from its strategy's settings; what is then still missing is named."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from msgspec.structs import replace

from config.settings import StrategySettings
from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Action, Signal, objection_to
from gateway.ingress.grammar.actions import Parts
from gateway.ingress.grammar.amounts import read_stop_loss, read_target, read_trailing_stop
from gateway.ingress.grammar.moments import read_expiry
from gateway.ingress.grammar.strikes import read_strike

_READERS: Final[dict[str, Callable[[str, str], Parts]]] = {
    "strike": read_strike,
    "expiry": read_expiry,
    "stop_loss": read_stop_loss,
    "target": read_target,
    "trailing_stop": read_trailing_stop,
}
#: What the settings may say in an alert's place.
_SETTINGS: Final = ("symbol", "option_type", "quantity", "lots", *_READERS)
#: What an entry cannot do without, and how it is said.
_NEEDED: Final = {
    "symbol": "symbol is missing: which index? write NIFTY, BANKNIFTY or SENSEX",
    "option_type": "option_type is missing: write CE (call) or PE (put)",
    "strike": "strike is missing: write a number such as 24000, or ATM, ATM+2, ITM1, OTM3",
}
_NO_SIZE: Final = "quantity is missing: write quantity (units) or lots"


def complete(signal: Signal, strategy: StrategySettings) -> Signal:
    """The signal with its gaps filled.

    An entry takes symbol, option type, strike, size, expiry, stop-loss and target; an exit takes nothing,
    because it closes what is held, whatever was bought, and meets no objection. Where shorts are allowed, a
    BUY may close one, and a SELL open one: which of the two it is, planning sees, and completes what opens.
    A size in the alert, in units or in lots, wins over one in the settings. Raises InvalidAlert naming what
    an entry still lacks, what refuses it, or a setting that cannot be read.
    """
    opens_for_certain = signal.action is Action.BUY and not strategy.allow_short
    return complete_entry(signal, strategy) if opens_for_certain else signal


def complete_entry(signal: Signal, strategy: StrategySettings) -> Signal:
    """An entry with its gaps filled: a BUY or a SELL that opens something. Raises InvalidAlert."""
    settings = _settings_of(strategy.name, *[getattr(strategy, field) for field in _SETTINGS])
    given = {name: value for name, value in settings.items() if getattr(signal, name) is None}
    if signal.quantity is not None or signal.lots is not None:
        given.pop("quantity", None)
        given.pop("lots", None)
    whole = replace(signal, **given) if given else signal
    if (objection := objection_to(whole)) is not None:
        raise InvalidAlert(objection.field, objection.sentence)
    _check(whole)
    return whole


def _check(signal: Signal) -> None:
    for field, sentence in _NEEDED.items():
        if getattr(signal, field) is None:
            raise InvalidAlert(field, f"{sentence}, in the alert or in the settings of {signal.strategy}.")
    if signal.quantity is None and signal.lots is None:
        raise InvalidAlert("quantity", f"{_NO_SIZE}, in the alert or in the settings of {signal.strategy}.")


@lru_cache(maxsize=256)
def _settings_of(name: str, *said: Any) -> dict[str, Any]:
    """Signal's fields as the settings say them; `said` are the settings in _SETTINGS' order."""
    settings = dict(zip(_SETTINGS, said, strict=True))
    option_type = settings["option_type"]
    values: dict[str, Any] = {
        "symbol": settings["symbol"],
        "option_type": OptionType(option_type) if option_type else None,
        "quantity": settings["quantity"],
        "lots": settings["lots"],
    }
    for field in _READERS:
        values[field] = _read(name, field, settings[field])
    return {field: value for field, value in values.items() if value is not None}


def _read(name: str, field: str, text: str | None) -> object:
    if text is None:
        return None
    try:
        return dict(_READERS[field](field, text)).get(field)
    except InvalidAlert as fault:
        where = f"the setting {field} of strategy {name} cannot be read"
        raise InvalidAlert(field, f"{where}: {fault.sentence}") from fault
