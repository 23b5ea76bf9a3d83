"""Drift: TradingView's view of a strategy against ours. Told, never acted on. Pure."""

from gateway.domain.signal import Action, Signal


def drift_of(signal: Signal, held: int) -> str | None:
    """What does not fit, as a sentence; `held` are the units that the strategy holds before this alert.

    `prev_market_position` is TradingView's position before the fill that made the alert,
    `market_position` the one after it (facts/tradingview.md 3).
    """
    before, after = signal.prev_market_position, signal.market_position
    if before == "long" and held == 0:
        return "TradingView was long before this alert, and nothing is held here: an entry was missed"
    if before == "flat" and held > 0:
        return f"TradingView was flat before this alert, and {held} units are held here: an exit was missed"
    if after == "flat" and signal.action is Action.BUY:
        return "this BUY leaves TradingView flat: it closes a short that is not held here"
    if after == "long" and signal.action is Action.EXIT:
        return "this exit leaves TradingView long: it is closing a part, or another strategy's alert"
    return None
