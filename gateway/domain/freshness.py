"""How old an alert is, and whether that can be known: an entry trades fresh, or not at all. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.market import ist
from gateway.domain.order import AlertState

#: So far a sender's clock may be ahead of ours.
CLOCKS_DIFFER = timedelta(seconds=60)
#: The longest bar whose opening time somebody may have sent for the time of the alert.
LONGEST_BAR = timedelta(days=1)
_BAR_HINT = "if it sends {{time}}: that is when its bar opened; {{timenow}} is when it fired"


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Why an alert may not be fresh: what becomes of an entry, and the sentences."""

    state: AlertState
    sentences: tuple[str, ...]

    @property
    def is_old(self) -> bool:
        """Whether it is known to be too old; an exit is then asked about.

        An exit whose time is still to come has only just arrived, and goes out: asked about, it would stay
        undone for the sender's wrong clock.
        """
        return self.state is AlertState.STALE


def doubt_about(said: datetime | None, received_at: datetime, now: datetime, allowed: int) -> Doubt | None:
    """None for an alert that is at most `allowed` seconds old.

    It is as old as it `said` when it came, or as long as it has waited here (a restart in between) where that
    is longer. A time after its arrival says nothing of its age: the sender's clock, or its zone, is wrong.
    """
    age = now - min(said or received_at, received_at)
    if age > timedelta(seconds=allowed):
        old = f"the alert is {age.total_seconds():.0f} s old; {allowed} s are allowed"
        hints = (_BAR_HINT,) if said and _may_be_a_bars(said, received_at, allowed) else ()
        return Doubt(state=AlertState.STALE, sentences=(old, *hints))
    if said is not None and is_ahead(said, received_at):
        return Doubt(state=AlertState.REFUSED, sentences=(_ahead(said, received_at),))
    return None


def is_ahead(said: datetime, received_at: datetime) -> bool:
    """Whether a time lies further after the alert's arrival than clocks differ."""
    return said - received_at > CLOCKS_DIFFER


def _may_be_a_bars(said: datetime, received_at: datetime, allowed: int) -> bool:
    """Bars open on a whole minute; an alert that only waited here was fresh by its own time."""
    on_the_minute = said.second == 0 and said.microsecond == 0
    return on_the_minute and timedelta(seconds=allowed) < received_at - said <= LONGEST_BAR


def _ahead(said: datetime, received_at: datetime) -> str:
    return (
        f"its time is read as {ist(said):%d %b %Y %H:%M:%S} IST, which was still to come when it arrived at "
        f"{ist(received_at):%H:%M:%S}, so how old it is cannot be known. Write {{{{timenow}}}} there (it is "
        "UTC, as is every time without a zone)"
    )
