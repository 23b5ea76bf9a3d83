"""What stands beside an order on its card while the owner decides: the market now, the limits used. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.domain.guarding import levels_for
from gateway.domain.money import Paise, to_paise


@dataclass(frozen=True, kw_only=True)
class Figures:
    """As it was at `at`; rupees a unit. What could not be had is None."""

    at: datetime
    premium: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    #: How much of each limit is used if the order goes out, in words.
    limits: tuple[str, ...] = ()


def drift_percent(asked: Decimal | None, now: Decimal | None) -> Decimal | None:
    """How far the premium has moved since it was asked about, in percent, signed; None when not known."""
    if not asked or now is None:
        return None
    return (now / asked - 1) * 100


def spread_percent(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """The spread in percent of its middle; None where a side is empty."""
    if not bid or not ask or ask < bid:
        return None
    return (ask - bid) * 200 / (ask + bid)


def loss_of_short(
    premium: Decimal, quantity: int, stop_loss: str | None, *, tick: Decimal, strike: Decimal
) -> Paise | None:
    """What is lost, in paise before charges, if a written option is bought back at its stop; None without a
    stop that can work: there is no limit then.
    """
    stop = levels_for(premium, stop_loss, None, tick=tick, strike=strike, short=True).stop
    return None if stop is None else to_paise((stop - premium) * quantity)


def worst_loss(
    premium: Decimal, quantity: int, stop_loss: str | None, *, tick: Decimal, strike: Decimal
) -> tuple[Paise, bool]:
    """What is lost, in paise before charges, if a bought option is sold at its stop; without a stop that can
    work, the whole premium. The second says whether a stop limits it.
    """
    stop = levels_for(premium, stop_loss, None, tick=tick, strike=strike).stop
    return to_paise((premium - (stop or Decimal(0))) * quantity), stop is not None
