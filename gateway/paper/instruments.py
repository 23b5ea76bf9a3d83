"""The listed contracts: option chains and futures of every underlying, and the instrument list as CSV."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from config.market import Underlying, underlyings
from gateway.paper.trading_days import Expiry, close_of, expiries
from gateway.paper.wire import rupees
from gateway.paper.words import Kind

STRIKES_EACH_SIDE: Final = 60
COLUMNS: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
_SEGMENT_BYTE: Final = {"NFO": 2, "BFO": 5}
_MONTH_LETTER: Final = "123456789OND"
_KIND_NUMBER: Final = {Kind.CALL: 0, Kind.PUT: 1, Kind.FUTURE: 2}
_EPOCH: Final = date(2026, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One row of the instrument list. `tick` in paise, `strike` in index points, quantities in units."""

    token: int
    tradingsymbol: str
    name: str
    expiry: date | None
    strike: int
    tick: int
    lot_size: int
    freeze_quantity: int
    kind: Kind
    segment: str
    exchange: str

    @property
    def key(self) -> str:
        """The quote key, `NFO:NIFTY26N...`."""
        return f"{self.exchange}:{self.tradingsymbol}"

    @property
    def largest_order(self) -> int:
        """The largest quantity one order may carry: whole lots within the freeze quantity."""
        return self.freeze_quantity // self.lot_size * self.lot_size

    @property
    def tradable(self) -> bool:
        return self.kind is not Kind.INDEX


class Listing:
    """What is listed at one moment. Grows when an index leaves the listed strikes; never shrinks."""

    def __init__(self, now: datetime) -> None:
        self._underlyings = underlyings()
        self._expiries = {u.name: tuple(expiries(u, now)) for u in self._underlyings.values()}
        self._range: dict[str, range] = {}
        self.by_key: dict[str, Contract] = {}
        self.by_token: dict[int, Contract] = {}
        for underlying in self._underlyings.values():
            self._add(index_row(underlying))
            self._add_all(
                _future(underlying, expiry) for expiry in self._expiries[underlying.name] if expiry.monthly
            )

    def cover(self, name: str, points: int) -> None:
        """Lists the strikes around `points`, keeping the nearest half of the range always filled."""
        underlying = self._underlyings[name]
        middle = round(points / underlying.strike_step)
        listed = self._range.get(name)
        margin = STRIKES_EACH_SIDE // 2
        if listed is not None and middle - margin >= listed.start and middle + margin < listed.stop:
            return
        wanted = range(max(1, middle - STRIKES_EACH_SIDE), middle + STRIKES_EACH_SIDE + 1)
        known = listed or range(0)
        hull = self._range[name] = _hull(known, wanted)
        for added in (range(hull.start, known.start), range(known.stop, hull.stop)) if known else (hull,):
            self._add_all(_chain(underlying, self._expiries[name], added))

    def keep(self, contract: Contract, now: datetime) -> None:
        """Lists a contract that is held or ordered, wherever the index is; an expired one stays priced."""
        if contract.expiry is not None and now < close_of(contract.expiry):
            self._add(contract)
        else:
            self.by_token.setdefault(contract.token, contract)

    def csv(self, exchange: str | None = None) -> str:
        """The instrument list as Kite serves it, of one exchange or of all (facts/kite.md 7.1)."""
        rows = (c for c in self.by_key.values() if exchange is None or c.exchange == exchange)
        return "\n".join((COLUMNS, *map(_csv_row, rows), ""))

    def _add_all(self, contracts: Iterable[Contract]) -> None:
        for contract in contracts:
            self._add(contract)

    def _add(self, contract: Contract) -> None:
        self.by_key[contract.key] = contract
        self.by_token[contract.token] = contract


def index_row(underlying: Underlying) -> Contract:
    """The index itself: quoted, never traded."""
    exchange, symbol = underlying.index_key.split(":")
    return Contract(
        token=underlying.index_token,
        tradingsymbol=symbol,
        name=underlying.name,
        expiry=None,
        strike=0,
        tick=5,
        lot_size=1,
        freeze_quantity=0,
        kind=Kind.INDEX,
        segment="INDICES",
        exchange=exchange,
    )


def symbol_of(name: str, expiry: Expiry, strike: int, kind: Kind) -> str:
    """The tradingsymbol: monthly `NIFTY26OCT25000CE`, weekly `NIFTY26O0624900PE` (facts/kite.md 7.3)."""
    year = f"{expiry.day:%y}"
    month = (
        f"{expiry.day:%b}".upper()
        if expiry.monthly
        else f"{_MONTH_LETTER[expiry.day.month - 1]}{expiry.day:%d}"
    )
    tail = "FUT" if kind is Kind.FUTURE else f"{strike}{kind}"
    return f"{name}{year}{month}{tail}"


@lru_cache(maxsize=64)
def _chain(underlying: Underlying, days: tuple[Expiry, ...], steps: range) -> tuple[Contract, ...]:
    """The options of every expiry at the strikes `steps` (in strike steps)."""
    return tuple(
        _derivative(underlying, expiry, step * underlying.strike_step, kind, "OPT")
        for step in steps
        for expiry in days
        for kind in (Kind.CALL, Kind.PUT)
    )


def _future(underlying: Underlying, expiry: Expiry) -> Contract:
    return _derivative(underlying, expiry, 0, Kind.FUTURE, "FUT")


def _derivative(underlying: Underlying, expiry: Expiry, strike: int, kind: Kind, what: str) -> Contract:
    return Contract(
        token=_token(underlying, expiry.day, strike, kind),
        tradingsymbol=symbol_of(underlying.name, expiry, strike, kind),
        name=underlying.name,
        expiry=expiry.day,
        strike=strike,
        tick=int(underlying.tick_size * 100),
        lot_size=underlying.lot_size,
        freeze_quantity=underlying.freeze_quantity,
        kind=kind,
        segment=f"{underlying.exchange}-{what}",
        exchange=underlying.exchange,
    )


def _token(underlying: Underlying, expiry: date, strike: int, kind: Kind) -> int:
    """Stable over restarts; the low byte is the segment, as KiteTicker reads it (facts/kite.md 4.3)."""
    day = (expiry - _EPOCH).days % 512
    step = strike // underlying.strike_step % 1024
    place = list(underlyings()).index(underlying.name) % 8
    number = ((place * 512 + day) * 1024 + step) * 4 + _KIND_NUMBER[kind]
    return number * 256 + _SEGMENT_BYTE[underlying.exchange]


def _hull(known: range, wanted: range) -> range:
    if not known:
        return wanted
    return range(min(known.start, wanted.start), max(known.stop, wanted.stop))


def _csv_row(contract: Contract) -> str:
    index = contract.kind is Kind.INDEX
    name = contract.tradingsymbol if index else f'"{contract.name}"'
    expiry = contract.expiry or ""
    tick, lot = (0, 0) if index else (rupees(contract.tick), contract.lot_size)
    return (
        f"{contract.token},{contract.token // 256},{contract.tradingsymbol},{name},0,{expiry},"
        f"{contract.strike},{tick},{lot},{contract.kind},{contract.segment},{contract.exchange}"
    )
