"""The market's figures as data: underlyings, days and hours, guards; from the TOML files beside this one."""

import tomllib
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Underlying:
    """One index whose options are traded; quantities in units, prices in index points."""

    name: str
    exchange: str
    lot_size: int
    freeze_quantity: int
    tick_size: Decimal
    strike_step: int
    weekly: bool
    expiry_weekday: int
    index_key: str
    index_token: int
    spot: Decimal
    volatility: float


@dataclass(frozen=True, kw_only=True)
class Hours:
    """One session, from `open` to `close`, IST."""

    open: time
    close: time


@dataclass(frozen=True, kw_only=True)
class CalendarData:
    """What the calendar file says; `gateway.domain.market` draws the conclusions."""

    hours_from: tuple[tuple[date, Hours], ...]
    holidays: frozenset[date]
    special: tuple[tuple[date, Hours], ...]
    years: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Band:
    """A share of the price, in percent, for prices `below` (rupees); None: for all that are dearer."""

    below: Decimal | None
    percent: Decimal


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """How far a limit reaches through its trigger."""

    least_ticks: int
    bands: tuple[Band, ...]


@dataclass(frozen=True, kw_only=True)
class GuardFigures:
    """The limits of stops and targets, and how near to the last price the broker takes a trigger."""

    stop: Buffer
    target: Buffer
    cheap_up_to: Decimal
    cheap_distance: Decimal
    percent_distance: Decimal
    #: A trailing stop follows in steps of this share of its distance, percent, and not more often than this.
    trailing_step: Decimal
    trailing_seconds: int
    #: A resting stop is modified so often; then it is cancelled and placed anew.
    modifications: int


@dataclass(frozen=True, kw_only=True)
class ChargeRates:
    """What trading costs: fractions of the premium (0.18 is 18 %), brokerage in rupees an order."""

    brokerage: Decimal
    stt_on_sell: Decimal
    sebi: Decimal
    stamp_on_buy: Decimal
    gst: Decimal
    #: By exchange.
    turnover: dict[str, Decimal] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class ShortMargin:
    """What a short position blocks, as fractions of the index value."""

    span: Decimal
    exposure: Decimal


@cache
def underlyings() -> dict[str, Underlying]:
    """Every underlying by its name, in the file's order."""
    raw = _read("underlyings.toml")
    return {name: _underlying(name, fields) for name, fields in raw.items()}


@cache
def calendar() -> CalendarData:
    """The trading calendar."""
    raw = _read("calendar.toml")
    years: dict[str, Any] = raw["years"]
    special = [entry for year in years.values() for entry in year.get("special", [])]
    return CalendarData(
        hours_from=tuple(sorted(((h["from"], _hours(h)) for h in raw["hours"]), key=lambda pair: pair[0])),
        holidays=frozenset(day for year in years.values() for day in year["holidays"]),
        special=tuple((entry["day"], _hours(entry)) for entry in special),
        years=frozenset(int(year) for year in years),
    )


@cache
def senders() -> dict[str, tuple[str, ...]]:
    """Published addresses of those who send alerts, by the word that stands for them."""
    return {word: tuple(addresses) for word, addresses in _read("senders.toml").items()}


@cache
def guards() -> GuardFigures:
    """The figures of stops and targets."""
    raw = _read("guards.toml")
    distance = raw["distance"]
    return GuardFigures(
        stop=_buffer(raw["stop"]),
        target=_buffer(raw["target"]),
        cheap_up_to=Decimal(distance["cheap_up_to"]),
        cheap_distance=Decimal(distance["cheap"]),
        percent_distance=Decimal(distance["percent"]),
        trailing_step=Decimal(raw["trailing"]["step_percent"]),
        trailing_seconds=raw["trailing"]["seconds"],
        modifications=raw["trailing"]["modifications"],
    )


@cache
def charges() -> ChargeRates:
    """The rates in force."""
    raw = _read("charges.toml")["charges"]
    return ChargeRates(
        brokerage=Decimal(raw["brokerage_per_order"]),
        stt_on_sell=_fraction(raw["stt_on_sell"]),
        sebi=_fraction(raw["sebi_turnover"]),
        stamp_on_buy=_fraction(raw["stamp_duty_on_buy"]),
        gst=_fraction(raw["gst"]),
        turnover={exchange: _fraction(percent) for exchange, percent in raw["exchange_turnover"].items()},
    )


@cache
def short_margin() -> ShortMargin:
    """The paper exchange's margin of a short position."""
    raw = _read("charges.toml")["short_margin"]
    return ShortMargin(span=_fraction(raw["span"]), exposure=_fraction(raw["exposure"]))


def _fraction(percent: str) -> Decimal:
    return Decimal(percent) / 100


def _buffer(entry: dict[str, Any]) -> Buffer:
    bands = tuple(
        Band(below=Decimal(band["below"]) if "below" in band else None, percent=Decimal(band["percent"]))
        for band in entry["bands"]
    )
    return Buffer(least_ticks=entry["least_ticks"], bands=bands)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))


def _hours(entry: dict[str, Any]) -> Hours:
    return Hours(open=time.fromisoformat(entry["open"]), close=time.fromisoformat(entry["close"]))


def _underlying(name: str, fields: dict[str, Any]) -> Underlying:
    decimals = {key: Decimal(fields[key]) for key in ("tick_size", "spot")}
    return Underlying(name=name, **{**fields, **decimals})
