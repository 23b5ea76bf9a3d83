"""Drift: TradingView's view of a strategy against ours. Told, never acted on. Pure.

A strategy may run on the index (a bought call is long, a bought put short) or on the option itself (what is
bought is long, a put too); the alert does not say which. Only what fits neither is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from gateway.domain.contract import OptionType
from gateway.domain.signal import Action, Signal

LONG, SHORT, FLAT = "long", "short", "flat"


@dataclass(frozen=True, kw_only=True)
class Held:
    """Units of one option type that a strategy holds, or comes to hold; below zero: sold short."""

    option_type: OptionType
    units: int
    lot_size: int


Position = Sequence[Held]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What would be told at alert after alert: once until `value` changes for its `kind`; empty: it fits."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What does not fit, as a sentence without its full stop; None where it is only that something fits
    again, so that it is told anew when it next does not."""

    sentence: str | None
    standing: Standing | None = None


#: Who follows only the longs of a strategy that turns both ways would hear of each of its shorts.
_NO_MULTIPLE = "no multiple"
_UNFOLLOWED = Standing(kind="short", value="nothing held")


def before_it(signal: Signal, ours: Position, *, may_short: bool) -> Drift | None:
    """What TradingView had before the fill that made the alert (facts/tradingview.md 3) against `ours`, which
    we have; and where an alert that opens leaves TradingView. `may_short`: a SELL may open."""
    opened = _opened_against(signal) if _opens(signal, ours, may_short) else None
    had = _had_before(signal, ours)
    return opened if had is None or (had.sentence is None and opened is not None) else had


def after_it(signal: Signal, before: Position, after: Position, *, may_short: bool) -> Drift | None:
    """What TradingView has after the fill, against `after`: what we come to when all that is decided is done;
    `before`: what we had."""
    if not _opens(signal, before, may_short) and (left := _left_by_exit(signal, before, after)):
        return left
    return _size_differs(signal.position_size, after)


def in_words(ours: Position) -> str:
    """`65 CE`, `130 CE and 65 PE`, `65 CE sold`."""
    return " and ".join(
        f"{abs(held.units)} {held.option_type}{' sold' if held.units < 0 else ''}" for held in ours
    )


def _had_before(signal: Signal, ours: Position) -> Drift | None:
    before = signal.prev_market_position
    if before is None or (before == FLAT and not ours):
        return None
    had = f"TradingView was {before} before this alert"
    if before == FLAT:
        return Drift(sentence=f"{had}, and {in_words(ours)} are held here: an exit was missed")
    if not ours:
        missing = _UNFOLLOWED if before == SHORT else None
        return Drift(sentence=f"{had}, and nothing is held here: an entry was missed", standing=missing)
    if before not in _sides(ours, signal.option_type):
        return Drift(sentence=f"{had}, and what is held here is not {before}: {in_words(ours)}")
    return Drift(sentence=None, standing=Standing(kind="short", value="")) if before == SHORT else None


def _opens(signal: Signal, ours: Position, may_short: bool) -> bool:
    """As planning decides it: a BUY closes the short it means, a SELL what was bought."""
    meant = [held for held in ours if signal.option_type in (None, held.option_type)]
    if signal.action is Action.BUY:
        return not any(held.units < 0 for held in meant)
    return signal.action is Action.SELL and may_short and not any(held.units > 0 for held in meant)


def _opened_against(signal: Signal) -> Drift | None:
    where = _where(signal)
    if where is None or signal.option_type is None:
        return None
    units = 1 if signal.action is Action.BUY else -1
    what = f"this {signal.action} leaves TradingView {_named(where)}"
    if where == {FLAT}:
        closed = SHORT if signal.action is Action.BUY else LONG
        return Drift(sentence=f"{what}: it closes a {closed} that is not held here")
    opened = [Held(option_type=signal.option_type, units=units, lot_size=1)]
    if where & _sides(opened, signal.option_type):
        return None
    return Drift(sentence=f"{what}: a {signal.option_type} is the other way round")


def _left_by_exit(signal: Signal, before: Position, after: Position) -> Drift | None:
    where = _where(signal)
    if where is None or _turns(signal, where, before):
        return None
    if where == {FLAT}:
        stays = f"{in_words(after)} stay held here"
        return Drift(sentence=f"TradingView is flat after this alert, and {stays}") if after else None
    leaves = f"this exit leaves TradingView {_named(where)}"
    if not after:
        why = "there it closes a part, or it is another strategy's"
        missing = _UNFOLLOWED if where == {SHORT} else None
        return Drift(sentence=f"{leaves}, and nothing stays held here: {why}", standing=missing)
    if where & _sides(after, signal.option_type):
        return None
    return Drift(sentence=f"{leaves}, and what stays held here is not {_named(where)}: {in_words(after)}")


def _turns(signal: Signal, where: frozenset[str], before: Position) -> bool:
    """Whether the exit is one half of a turn from long to short, or back: its other half comes by itself."""
    was = signal.prev_market_position
    if was is not None:
        return (was == SHORT and LONG in where) or (was == LONG and where == {SHORT})
    if signal.action is Action.EXIT:
        return where == {SHORT} and not where & _sides(before, signal.option_type)
    return where == {SHORT if signal.action is Action.SELL else LONG}


def _size_differs(counted: Decimal | None, ours: Position) -> Drift | None:
    """A size that is neither our units nor our lots; told once, until ours is another multiple of it.

    A size that is no whole part of ours (a share of the equity, new with each trade) is told once until one
    fits. Calls beside puts are no size to compare.
    """
    if not counted or len(ours) != 1:
        return None
    units, size = abs(ours[0].units), Fraction(abs(counted))
    lots = Fraction(units, ours[0].lot_size)
    if size in (units, lots):
        return Drift(sentence=None, standing=Standing(kind="size", value=""))
    here = f"Manjha {units} units ({float(lots):g} {'lot' if lots == 1 else 'lots'})"
    sentence = f"TradingView counts {abs(counted):f} after this alert, {here}"
    multiple = units / size
    value = str(multiple) if multiple.denominator == 1 else _NO_MULTIPLE
    return Drift(sentence=sentence, standing=Standing(kind="size", value=value))


def _where(signal: Signal) -> frozenset[str] | None:
    """Where TradingView stands after the fill, by its word or else its size; None where it says neither.

    A size above zero may be a short's, without its sign.
    """
    if signal.market_position is not None:
        return frozenset({signal.market_position})
    size = signal.position_size
    if size is None:
        return None
    return frozenset({SHORT} if size < 0 else {LONG, SHORT} if size else {FLAT})


def _named(where: frozenset[str]) -> str:
    return next(iter(where)) if len(where) == 1 else "with a position"


def _sides(ours: Position, option_type: OptionType | None) -> frozenset[str]:
    """What TradingView may call it: by the index, or by the option that the alert names."""
    signs = [held.units * (1 if held.option_type is OptionType.CE else -1) for held in ours]
    signs += [held.units for held in ours if option_type in (None, held.option_type)]
    return frozenset(LONG if sign > 0 else SHORT for sign in signs)
