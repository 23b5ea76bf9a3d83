"""The option chain: which listed contract is meant. Looked up, never built (facts/kite.md 7.3)."""

import csv
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from sys import intern

from gateway.domain.contract import Contract, OptionType
from gateway.domain.errors import Refusal
from gateway.domain.signal import ExpiryKind, ExpiryRule, StrikeKind, StrikeRule

_OPTION_TYPES = {str(kind): kind for kind in OptionType}


@dataclass(frozen=True, kw_only=True)
class OptionChain:
    """All listed options of one underlying."""

    name: str
    contracts: dict[tuple[date, OptionType], dict[Decimal, Contract]]

    @cached_property
    def expiries(self) -> list[date]:
        """Every listed expiry, nearest first."""
        return sorted({expiry for expiry, _ in self.contracts})

    def strikes(self, expiry: date, option_type: OptionType) -> list[Decimal]:
        """The listed strikes of one expiry, ascending."""
        return sorted(self.contracts.get((expiry, option_type), {}))

    def expiry(self, rule: ExpiryRule | None, living: Iterable[date]) -> date:
        """The expiry the rule means among those that have not passed. Raises Refusal."""
        alive = sorted(living)
        if not alive:
            raise Refusal(
                "expiry", f"no expiry of {self.name} is listed any more: the instrument list is old"
            )
        kind = rule.kind if rule else ExpiryKind.WEEKLY
        if kind is ExpiryKind.DATE:
            return self._named_expiry(rule.day if rule else None, alive)
        if kind is ExpiryKind.NEXT:
            if len(alive) < 2:
                raise Refusal("expiry", f"{self.name} has only one listed expiry, {alive[0]}")
            return alive[1]
        return next(day for day in alive if self._is_monthly(day)) if kind is ExpiryKind.MONTHLY else alive[0]

    def _named_expiry(self, day: date | None, alive: list[date]) -> date:
        if day in alive:
            return day
        nearest = ", ".join(str(each) for each in alive[:4])
        raise Refusal("expiry", f"{self.name} has no living expiry on {day}; listed are {nearest}")

    def _is_monthly(self, day: date) -> bool:
        return day == max(each for each in self.expiries if (each.year, each.month) == (day.year, day.month))

    def contract(
        self, expiry: date, option_type: OptionType, rule: StrikeRule, spot: Decimal | None
    ) -> Contract:
        """The contract whose strike the rule means; `spot` (index points) is needed for all but a price.

        Raises Refusal when nothing is listed there.
        """
        strikes = self.strikes(expiry, option_type)
        if not strikes:
            raise Refusal("strike", f"no {self.name} {option_type} of {expiry} is listed")
        level = rule.value if rule.kind is StrikeKind.PRICE else spot
        if level is None:
            raise Refusal(
                "strike", f"{self.name}'s index level is not known, so {rule.kind.upper()} has no strike"
            )
        index = _nearest(strikes, level) + _steps(rule, option_type)
        if not 0 <= index < len(strikes):
            raise Refusal("strike", f"{self.name} lists strikes from {strikes[0]} to {strikes[-1]} only")
        chosen = strikes[index]
        self._check_distance(rule, chosen, strikes, index)
        return self.contracts[expiry, option_type][chosen]

    def _check_distance(self, rule: StrikeRule, chosen: Decimal, strikes: list[Decimal], index: int) -> None:
        """A level far outside the chain is a mistake (another index's level), not its last strike."""
        if rule.kind is not StrikeKind.PRICE or 0 < index < len(strikes) - 1:
            return
        step = abs(strikes[1] - strikes[0]) if len(strikes) > 1 else chosen / 100
        if abs(rule.value - chosen) > step:
            raise Refusal(
                "strike",
                f"strike {rule.value} is outside {self.name}'s listed strikes, {strikes[0]} to {strikes[-1]}",
            )


def _nearest(strikes: list[Decimal], level: Decimal) -> int:
    """The index of the nearest strike; exactly between two, the lower."""
    right = bisect_left(strikes, level)
    if right == 0:
        return 0
    if right == len(strikes) or level - strikes[right - 1] <= strikes[right] - level:
        return right - 1
    return right


def _steps(rule: StrikeRule, option_type: OptionType) -> int:
    """Listed strikes upwards: out of the money is up for calls and down for puts."""
    if rule.kind is StrikeKind.PRICE:
        return 0
    count = int(rule.value)
    if rule.kind is StrikeKind.ATM:
        return count
    outward = 1 if option_type is OptionType.CE else -1
    return count * outward if rule.kind is StrikeKind.OTM else -count * outward


def read_contracts(rows: Iterable[str], names: Iterable[str]) -> list[Contract]:
    """The options of these underlyings in an instrument list's CSV lines, header first (facts/kite.md 7.1).

    Rows of other kinds, and rows that cannot be read, are passed over: one odd row must not cost
    the day's list.
    """
    wanted = {name: name for name in names}  # one text for all, not one a row
    prefixes = sorted(wanted, key=len, reverse=True)
    reader = csv.reader(rows)
    column = {name: index for index, name in enumerate(next(reader, []))}
    if not column.keys() >= {"tradingsymbol", "name", "expiry", "strike", "instrument_type"}:
        return []
    kind, named, width = column["instrument_type"], column["name"], len(column)
    found: list[Contract] = []
    for row in reader:
        if len(row) < width or row[kind] not in _OPTION_TYPES:
            continue
        name = wanted.get(row[named].strip() or _prefix_of(row[column["tradingsymbol"]], prefixes))
        if name is not None:
            contract = _read_contract(row, column, name)
            if contract is not None:
                found.append(contract)
    return found


def _prefix_of(tradingsymbol: str, prefixes: list[str]) -> str:
    """BSE's rows may have no name; the longest prefix comes first (NIFTYNXT50 before NIFTY)."""
    return next((name for name in prefixes if tradingsymbol.startswith(name)), "")


def _read_contract(row: list[str], column: dict[str, int], name: str) -> Contract | None:
    """None for a row that cannot be read, or whose lot, tick or strike is no positive number.

    Texts and numbers that thousands of rows share are kept once.
    """
    try:
        return Contract(
            exchange=intern(row[column["exchange"]]),
            tradingsymbol=row[column["tradingsymbol"]],
            instrument_token=int(row[column["instrument_token"]]),
            name=name,
            expiry=_day(row[column["expiry"]]),
            strike=_positive(row[column["strike"]]),
            option_type=_OPTION_TYPES[row[column["instrument_type"]]],
            lot_size=_units(row[column["lot_size"]]),
            tick_size=_positive(row[column["tick_size"]]),
        )
    except (ValueError, InvalidOperation, KeyError):
        return None


@lru_cache(maxsize=4096)
def _positive(text: str) -> Decimal:
    """The number in a text; a list has few, each a thousand times. Raises ValueError, InvalidOperation."""
    number = Decimal(text)
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{text} is no positive number")
    return number


def _units(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(f"{text} is no number of units")
    return number


@lru_cache(maxsize=512)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def chains_of(contracts: Iterable[Contract]) -> dict[str, OptionChain]:
    """The contracts by underlying."""
    by_name: dict[str, dict[tuple[date, OptionType], dict[Decimal, Contract]]] = {}
    for contract in contracts:
        chain = by_name.setdefault(contract.name, {})
        chain.setdefault((contract.expiry, contract.option_type), {})[contract.strike] = contract
    return {name: OptionChain(name=name, contracts=chain) for name, chain in by_name.items()}
