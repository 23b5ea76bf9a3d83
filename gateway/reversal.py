"""Reversal: the exit filled, then the entry. TradingView sends one alert for both, or two in one moment."""

import hashlib

from msgspec.structs import replace
from sqlalchemy import Connection

from gateway.domain.contract import OptionType
from gateway.domain.order import AlertState, new_alert_id
from gateway.domain.signal import Action, Signal
from gateway.lanes import Accepted
from storage import alerts, intents
from storage.alerts import Arrival

_OTHER = {OptionType.CE: OptionType.PE, OptionType.PE: OptionType.CE}
_SIDES = frozenset({"long", "short"})


def exit_before(signal: Signal) -> Signal | None:
    """The exit that a flip of TradingView's position (long to short, or back) asks for before its BUY: of the
    other option type, all that is held of it, and as old as the flip. None where the alert is no flip."""
    flips = {signal.prev_market_position, signal.market_position} == _SIDES
    if not flips or signal.action is not Action.BUY or signal.option_type is None:
        return None
    return Signal(
        action=Action.EXIT,
        strategy=signal.strategy,
        symbol=signal.symbol,
        option_type=_OTHER[signal.option_type],
        time=signal.time,
    )


def store(connection: Connection, alert: Accepted, signal: Signal) -> Accepted | None:
    """The exit as an alert of its own, so that it goes the way of every exit, a restart in between or not:
    then it is the one that was stored before. None when that one was planned, and only the flip was not."""
    before = alerts.latest_after(connection, alert.alert_id, _source(alert))
    if before is not None:
        known = replace(alert, alert_id=before.id, signal=alerts.signal_of(before))
        return known if before.state == AlertState.RECEIVED else None
    alert_id = new_alert_id()
    arrival = Arrival(
        alert_id=alert_id,
        received_at=alert.received_at,
        source=_source(alert),
        body=f"exit before the entry of alert {alert.alert_id}".encode(),
        body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
        strategy=alert.strategy,
        dedupe_key=None,
        signal=signal,
    )
    alerts.store(connection, [arrival])
    return replace(alert, alert_id=alert_id, signal=signal)


def what_closes(connection: Connection, alert: Accepted) -> str | None:
    """Of a flip whose BUY comes to nothing: what becomes of the other side all the same, as a sentence. None
    where there was nothing to close, or the alert is no flip."""
    row = None
    if exit_before(alert.signal) is not None:
        row = alerts.latest_after(connection, alert.alert_id, _source(alert))
    if row is None:
        return None
    if row.state == AlertState.REFUSED:
        return f"the other side was not closed either: see alert {row.id}"
    if intents.approval_of(connection, row.id) is not None:
        return f"whether the other side is closed is your decision: alert {row.id} asks"
    return f"the other side is being closed all the same, by alert {row.id}"


def _source(alert: Accepted) -> str:
    return f"reversal: {alert.alert_id}"
