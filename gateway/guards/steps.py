"""What is to be done at the broker, decided in one transaction and done after it."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum, unique
from typing import Any

from sqlalchemy import Row

from gateway.domain.guarding import Edge, Levels

#: The pause before the first new attempt after a refusal; doubled each time, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=5)


@unique
class Act(StrEnum):
    """The acts there are."""

    #: Place a wanted guard; or sell at once, if its level has been reached meanwhile.
    PLACE = "place"
    #: Look whether a watched level has been reached, and sell if so.
    WATCH = "watch"
    #: Give a GTT other units or levels.
    RESIZE = "resize"
    #: Give a resting stop a higher trigger.
    RAISE = "raise"
    #: Take a GTT away.
    TAKE_AWAY = "take away"
    #: Withdraw or cancel a resting stop, by its intent.
    STAND_DOWN = "stand down"
    #: Cancel an order that would sell what is not held.
    CANCEL = "cancel"
    #: Sell what a triggered guard has not sold yet.
    SELL = "sell"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One act and what it is about: a guard's row, or (STAND_DOWN, CANCEL) a live sell's."""

    act: Act
    row: Row[Any]
    quantity: int = 0
    levels: Levels = field(default_factory=Levels)
    edge: Edge | None = None
    why: str = ""


def pause_after(attempts: int) -> timedelta:
    """How long the next attempt waits after so many in a row that came to nothing."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 10)
    return min(doubled, LONGEST_PAUSE)
