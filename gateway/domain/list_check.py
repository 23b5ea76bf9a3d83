"""Whether a fetched instrument list can be believed, and what it changes against the old one. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.domain.chain import OptionChain
from gateway.domain.errors import Refusal

#: Holidays move an expiry by days; the nearest is at most a month and its holidays off (facts/kite.md 7.5).
MOVED, FARTHEST = timedelta(days=4), timedelta(days=40)
#: A list that shrinks below this share of the one in use is broken.
SMALLEST_SHARE = 0.5

Chains = Mapping[str, OptionChain]


@dataclass(frozen=True, kw_only=True)
class LotChange:
    """The lot of an underlying is another one from an expiry on."""

    name: str
    first_expiry: date
    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.name} {self.before} → {self.after}, from the expiry of {self.first_expiry:%d %b %Y} on"


def check(new: Chains, old: Chains, required: Collection[str], today: date) -> None:
    """Raises Refusal for a list that is not credible. What is `required` must stay once it was listed."""
    if not any(_living(chain, today) for chain in new.values()):
        raise Refusal("instruments", "the fetched instrument list holds no living option of any underlying")
    count, before = size(new), size(old)
    if count < before * SMALLEST_SHARE:
        raise Refusal("instruments", f"the fetched list has {count} options, the one in use {before}")
    for name in sorted(required):
        if name in old and _living(old[name], today) and not (name in new and _living(new[name], today)):
            raise Refusal("instruments", f"the fetched list has no living option of {name}")
    for name, chain in new.items():
        _check_expiries(chain, old.get(name), today)


def _check_expiries(chain: OptionChain, before: OptionChain | None, today: date) -> None:
    """A nearest expiry that was listed must still be there, moved by a holiday at most."""
    living = _living(chain, today)
    known = _living(before, today) if before else []
    if living and known and living[0] - known[0] > MOVED:
        raise Refusal("instruments", f"the fetched list has lost {chain.name}'s expiry of {known[0]}")
    if living and not known and living[0] - today > FARTHEST:
        raise Refusal("instruments", f"the fetched list has no {chain.name} expiry before {living[0]}")


def lot_changes(new: Chains, old: Chains, today: date) -> list[LotChange]:
    """Underlyings whose lot differs: in an expiry both lists have, or in a new one against the last known."""
    found = []
    for name in sorted(new.keys() & old.keys()):
        before = _lots(old[name])
        latest = next(reversed(before.values()), None)
        for expiry, lot in _lots(new[name]).items():
            known = before.get(expiry, latest)
            if expiry >= today and known is not None and lot != known:
                found.append(LotChange(name=name, first_expiry=expiry, before=known, after=lot))
                break
    return found


def size(chains: Chains) -> int:
    """How many contracts."""
    return sum(len(strikes) for chain in chains.values() for strikes in chain.contracts.values())


def _living(chain: OptionChain, today: date) -> list[date]:
    """Expiries that have not passed; one of today counts."""
    return [expiry for expiry in chain.expiries if expiry >= today]


def _lots(chain: OptionChain) -> dict[date, int]:
    """The lot of each expiry, nearest first."""
    found = {}
    for (expiry, _), strikes in sorted(chain.contracts.items()):
        for contract in strikes.values():
            found[expiry] = contract.lot_size
            break
    return found
