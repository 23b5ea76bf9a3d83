"""Where a stop and a target lie, and at which prices their orders wait. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, unique

from config.market import Buffer, GuardFigures
from gateway.domain.guard import GuardLeg
from gateway.domain.money import format_rupees, round_to_tick, to_paise

_HUNDRED = Decimal(100)
#: A level of at least this share of the strike is one of the index: no option is worth half its strike.
_INDEX_SHARE = Decimal("0.5")


@unique
class GuardKind(StrEnum):
    """What a guard is made of."""

    #: A trigger kept by the broker: single, or two legs of which the first ends the other. NRML only.
    GTT = "gtt"
    #: A stop-limit order that rests at the exchange until it triggers or the day ends. For MIS.
    STOP = "stop"
    #: A price the gateway itself watches, and sells at. For the target of MIS, where no GTT can be.
    WATCH = "watch"


@unique
class Edge(StrEnum):
    """The two sides of a guard."""

    STOP = "stop"
    TARGET = "target"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A stop and a target as option prices on the tick; `problems` says which could not be, and why."""

    stop: Decimal | None = None
    target: Decimal | None = None
    problems: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to guard with."""
        return self.stop is not None or self.target is not None


@dataclass(frozen=True, kw_only=True)
class Legs:
    """The legs as they can be placed now; `moved` says which level had to give way, and to where."""

    stop: GuardLeg | None = None
    target: GuardLeg | None = None
    moved: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[GuardLeg, ...]:
        """Those there are."""
        return tuple(leg for leg in (self.stop, self.target) if leg is not None)


@dataclass(frozen=True, kw_only=True)
class Trail:
    """A stop that follows the price: how far from `peak`, the best price since the fill (rupees)."""

    said: str
    peak: Decimal
    #: Of a short the price's lowest is followed, downwards, from above.
    short: bool = False

    @property
    def distance(self) -> Decimal:
        """How far from the peak its stop lies, in rupees."""
        if self.said.endswith("%"):
            return self.peak * Decimal(self.said[:-1]) / _HUNDRED
        return Decimal(self.said)

    def stop(self, tick: Decimal) -> Decimal:
        """Where its stop lies now; at or below zero where the distance is larger than the price."""
        if self.short:
            return round_to_tick(self.peak + self.distance, tick, up=False)
        return round_to_tick(self.peak - self.distance, tick, up=True)

    def step(self, tick: Decimal, figures: GuardFigures) -> Decimal:
        """How much better a price must be to be worth a change at the broker."""
        return max(self.distance * figures.trailing_step / _HUNDRED, tick)


def levels_for(
    average: Decimal,
    stop: str | None,
    target: str | None,
    *,
    tick: Decimal,
    strike: Decimal,
    trail: Trail | None = None,
    short: bool = False,
) -> Levels:
    """The levels that a holding opened at `average` rupees can be guarded with.

    Of a short all is mirrored: -20% of a stop is a loss of 20 %, so it lies 20 % above the fill.

    Of a stop and a trailing stop the higher one counts.

    `stop` and `target` are what an intent keeps of its alert: an option price (`140`) or a percentage of the
    fill (`-20%`). A stop at or above the fill, a target at or below it, and a level of the index (the seed
    guide's `{{close}} * 0.95`) guard nothing: each is left out, with a sentence that says why and what works.
    """
    if short:
        return _levels_of_short(average, stop, target, tick=tick, strike=strike, trail=trail)
    problems = []
    low = _exact(stop, average)
    if low is not None and not 0 < round_to_tick(low, tick, up=True) < average:
        problems.append(_no_stop(low, average, strike))
        low = None
    if trail is not None and trail.stop(tick) > 0:
        low = max(low or Decimal(0), trail.stop(tick))
    elif trail is not None:
        problems.append(_no_trail(trail))
    high = _exact(target, average)
    if high is not None and (high <= average or _of_the_index(high, strike)):
        problems.append(_no_target(high, average, strike))
        high = None
    return Levels(stop=_on_tick(low, tick), target=_on_tick(high, tick), problems=tuple(problems))


def _levels_of_short(
    average: Decimal,
    stop: str | None,
    target: str | None,
    *,
    tick: Decimal,
    strike: Decimal,
    trail: Trail | None,
) -> Levels:
    problems = []
    high = _exact(stop, average, short=True)
    if high is not None and (high <= average or _of_the_index(high, strike)):
        problems.append(_mirrored("stop", high, average, "above", "-20%"))
        high = None
    if trail is not None:
        high = min(high, trail.stop(tick)) if high is not None else trail.stop(tick)
    low = _exact(target, average, short=True)
    if low is not None and not 0 < round_to_tick(low, tick, up=False) < average:
        problems.append(_mirrored("target", low, average, "below", "+30%"))
        low = None
    return Levels(
        stop=None if high is None else round_to_tick(high, tick, up=False),
        target=None if low is None else round_to_tick(low, tick, up=False),
        problems=tuple(problems),
    )


def _mirrored(what: str, level: Decimal, average: Decimal, side: str, example: str) -> str:
    return (
        f"The {what} of {_rupees(level)} is not {side} the fill (sold short at {_rupees(average)}), or is no "
        f"price of this option. Send an option price {side} the fill, or a percentage such as {example}."
    )


def _exact(text: str | None, average: Decimal, *, short: bool = False) -> Decimal | None:
    if text is None:
        return None
    if not text.endswith("%"):
        return Decimal(text)
    share = Decimal(text[:-1]) / _HUNDRED
    return average * (1 - share if short else 1 + share)


def _on_tick(level: Decimal | None, tick: Decimal) -> Decimal | None:
    """Upwards, so that a stop never gives away more than was said."""
    return None if level is None else round_to_tick(level, tick, up=True)


def _of_the_index(level: Decimal, strike: Decimal) -> bool:
    return level >= strike * _INDEX_SHARE


def _no_stop(level: Decimal, average: Decimal, strike: Decimal) -> str:
    example = round(average * Decimal("0.8"))
    remedy = f"Send an option price below the fill, such as {example}, or a percentage such as -20%."
    if _of_the_index(level, strike):
        why = "is a level of the index, not a price of this option"
    elif level <= 0:
        why = "is not above zero"
    else:
        why = "is not below the fill"
    return f"The stop of {_rupees(level)} {why} (bought at {_rupees(average)}). {remedy}"


def _no_trail(trail: Trail) -> str:
    return (
        f"The trailing stop of {_rupees(trail.distance)} is not below the price ({_rupees(trail.peak)}). "
        "Send rupees of the option price, such as 15, or a percentage such as 10%."
    )


def _no_target(level: Decimal, average: Decimal, strike: Decimal) -> str:
    example = round(average * Decimal("1.3"))
    remedy = f"Send an option price above the fill, such as {example}, or a percentage such as +30%."
    why = (
        "is a level of the index, not a price of this option"
        if _of_the_index(level, strike)
        else "is not above the fill"
    )
    return f"The target of {_rupees(level)} {why} (bought at {_rupees(average)}). {remedy}"


def crossed(
    stop: Decimal | None, target: Decimal | None, last: Decimal, *, short: bool = False
) -> Edge | None:
    """The level that the last price has reached already; the stop first."""
    if short:
        return crossed(_negative(stop), _negative(target), -last)
    if stop is not None and last <= stop:
        return Edge.STOP
    return Edge.TARGET if target is not None and last >= target else None


def _negative(level: Decimal | None) -> Decimal | None:
    return None if level is None else -level


def least_distance(last: Decimal, figures: GuardFigures) -> Decimal:
    """How far a trigger must be from the last price, in rupees (facts/kite.md 2.6)."""
    if last <= figures.cheap_up_to:
        return figures.cheap_distance
    return last * figures.percent_distance / _HUNDRED


def legs_for(
    stop: Decimal | None,
    target: Decimal | None,
    *,
    last: Decimal,
    tick: Decimal,
    figures: GuardFigures,
    short: bool = False,
) -> Legs:
    """Triggers and the limits behind them, for levels that `last` has not reached.

    A level too near to the last price is placed at the nearest one that is allowed: a stop a little lower,
    a target a little higher; `moved` says so.
    """
    distance = least_distance(last, figures)
    if short:
        return _legs_of_short(stop, target, last=last, tick=tick, figures=figures)
    low, high, moved = stop, target, []
    if stop is not None and stop > last - distance:
        low = round_to_tick(last - distance, tick, up=False)
        moved.append(_moved("stop", stop, low, last))
        low = low if low > 0 else None
    if target is not None and target < last + distance:
        high = round_to_tick(last + distance, tick, up=True)
        moved.append(_moved("target", target, high, last))
    return Legs(
        stop=_leg(low, tick, figures.stop) if low is not None else None,
        target=_leg(high, tick, figures.target) if high is not None else None,
        moved=tuple(moved),
    )


def _legs_of_short(
    stop: Decimal | None, target: Decimal | None, *, last: Decimal, tick: Decimal, figures: GuardFigures
) -> Legs:
    distance = least_distance(last, figures)
    high, low, moved = stop, target, []
    if stop is not None and stop < last + distance:
        high = round_to_tick(last + distance, tick, up=True)
        moved.append(_moved("stop", stop, high, last))
    if target is not None and target > last - distance:
        low = round_to_tick(last - distance, tick, up=False)
        moved.append(_moved("target", target, low, last))
        low = low if low > 0 else None
    return Legs(
        stop=_leg(high, tick, figures.stop, short=True) if high is not None else None,
        target=_leg(low, tick, figures.target, short=True) if low is not None else None,
        moved=tuple(moved),
    )


def _moved(what: str, wanted: Decimal, got: Decimal, last: Decimal) -> str:
    where = (
        f"it is placed at {_rupees(got)}, the nearest that is allowed" if got > 0 else "it cannot be placed"
    )
    return f"The {what} of {_rupees(wanted)} is too near to the price of {_rupees(last)} for Kite: {where}."


def _leg(trigger: Decimal, tick: Decimal, buffer: Buffer, *, short: bool = False) -> GuardLeg:
    return GuardLeg(trigger_price=trigger, price=limit_behind(trigger, tick, buffer, short=short))


def limit_behind(trigger: Decimal, tick: Decimal, buffer: Buffer, *, short: bool = False) -> Decimal:
    """The limit of the order that a trigger releases: it crosses the market; on the tick, at least one."""
    percent = next(band.percent for band in buffer.bands if band.below is None or trigger < band.below)
    reach = max(trigger * percent / _HUNDRED, tick * buffer.least_ticks)
    if short:
        return round_to_tick(trigger + reach, tick, up=True)
    return max(round_to_tick(trigger - reach, tick, up=False), tick)


def _rupees(price: Decimal) -> str:
    return format_rupees(to_paise(price))
