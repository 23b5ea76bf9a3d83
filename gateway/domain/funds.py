"""The account's money at the broker."""

from dataclasses import dataclass

from gateway.domain.money import Paise


@dataclass(frozen=True, kw_only=True)
class Funds:
    """All in paise. `available` is what new orders may take; `cash` what there is, used or not, in money."""

    available: Paise
    cash: Paise
    collateral: Paise
    used: Paise
    option_premium: Paise
    realised: Paise
    unrealised: Paise
