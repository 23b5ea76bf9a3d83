"""Reversal: the exit filled, then the entry. TradingView sends one alert for both, or two in one moment."""

import hashlib

from msgspec.structs import replace
from sqlalchemy import Connection

from gateway.domain.contract import OptionType
from gateway.domain.order import new_alert_id
from gateway.domain.signal import Action, Signal
from gateway.lanes import Accepted
from storage import alerts
from storage.alerts import Arrival

_OTHER = {OptionType.CE: OptionType.PE, OptionType.PE: OptionType.CE}
_SIDES = frozenset({"long", "short"})


def exit_before(signal: Signal) -> Signal | None:
    """The exit that a flip of TradingView's position (long to short, or back) asks for before its BUY: of the
    other option type, all that is held of it. None where the alert is no flip."""
    flips = {signal.prev_market_position, signal.market_position} == _SIDES
    if not flips or signal.action is not Action.BUY or signal.option_type is None:
        return None
    return Signal(
        action=Action.EXIT,
        strategy=signal.strategy,
        symbol=signal.symbol,
        option_type=_OTHER[signal.option_type],
    )


def store(connection: Connection, alert: Accepted, signal: Signal) -> Accepted:
    """The exit as an alert of its own, so that it goes the way of every exit, a restart in between or not."""
    alert_id = new_alert_id()
    arrival = Arrival(
        alert_id=alert_id,
        received_at=alert.received_at,
        source=f"reversal: {alert.alert_id}",
        body=f"exit before the entry of alert {alert.alert_id}".encode(),
        body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
        strategy=alert.strategy,
        dedupe_key=None,
        signal=signal,
    )
    alerts.store(connection, [arrival])
    return replace(alert, alert_id=alert_id, signal=signal)
