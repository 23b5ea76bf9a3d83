"""Symbols: TradingView's spellings of the underlyings, futures and options (facts/tradingview.md 5)."""

import re
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import cache

from config.market import underlyings
from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import ExpiryKind, ExpiryRule, StrikeKind, StrikeRule
from gateway.ingress.grammar.actions import Parts, option_type_word
from gateway.ingress.grammar.text import quoted

#: Other spellings, gaps removed: TradingView's index and futures roots, the exchanges' names of the indices.
_ALIASES = {
    "NIFTY50": "NIFTY",
    "CNXNIFTY": "NIFTY",
    "NIFTYBANK": "BANKNIFTY",
    "CNXBANK": "BANKNIFTY",
    "CNXFINANCE": "FINNIFTY",
    "NIFTYFINSERVICE": "FINNIFTY",
    "NIFTYFINANCIALSERVICES": "FINNIFTY",
    "NIFTYMIDSELECT": "MIDCPNIFTY",
    "NIFTYMIDCAPSELECT": "MIDCPNIFTY",
    "MIDCAPNIFTY": "MIDCPNIFTY",
    "NIFTYNEXT50": "NIFTYNXT50",
    "NIFTYJR": "NIFTYNXT50",
    "BSX": "SENSEX",
    "BKX": "BANKEX",
}
_MAX_LENGTH = 48
_GAPS = str.maketrans("", "", "_- ")
_EXCHANGE = re.compile(r"(?:NSE|BSE|NFO|BFO)(?:_DLY?|_EOD|_INDEX)?:\s*")
_FUTURE = re.compile(r"([A-Z0-9]+?)(?:[1-9]!|[FGHJKMNQUVXZ]20[0-9]{2})")
_OPTION = re.compile(r"([A-Z][A-Z0-9]*?)([0-9]{6})([CP])([0-9]{1,7}(?:\.[0-9]{1,2})?)")
_SHORT_OPTION = re.compile(r"([A-Z][A-Z0-9]*?)([0-9]{4,6})(CE|PE)")
_KITE_OPTION = re.compile(r"[A-Z]+[0-9]{2}(?:[A-Z]{3}|[1-9OND][0-9]{2})[0-9]{3,6}(?:CE|PE)")


@cache
def _names() -> dict[str, str]:
    traded = underlyings()
    return {name: name for name in traded} | {
        alias: name for alias, name in _ALIASES.items() if name in traded
    }


def symbol_word(text: str) -> Parts | None:
    """What a symbol says: the underlying; for an option also type, strike and expiry. None if it is none."""
    if (name := _names().get(text)) is not None:
        return (("symbol", name),)
    if len(text) > _MAX_LENGTH:
        return None
    word = _EXCHANGE.sub("", text.upper(), count=1).translate(_GAPS)
    future = _FUTURE.fullmatch(word)
    if (name := _names().get(future[1] if future else word)) is not None:
        return (("symbol", name),)
    return _option(word) or _short_option(word)


def read_symbol(field: str, text: str) -> Parts:
    """What a symbol says (see symbol_word). Raises InvalidAlert."""
    parts = symbol_word(text)
    if parts is None:
        hint = symbol_hint(text) or f"is not an index traded here; write one of {', '.join(underlyings())}"
        raise InvalidAlert(field, f"symbol {quoted(text)} {hint}.")
    return parts


def symbol_hint(text: str) -> str | None:
    """What is wrong with a word that is no symbol but looks like one, to continue a sentence; else None."""
    word = text[:_MAX_LENGTH].upper().rpartition(":")[2].translate(_GAPS)
    if _KITE_OPTION.fullmatch(word):
        return "is Kite's spelling; write TradingView's, NIFTY261201C24000, or the fields one by one"
    near = get_close_matches(word, list(_names()), n=1, cutoff=0.8)
    return f"is not an index traded here, but {_names()[near[0]]} is" if near else None


def _option(word: str) -> Parts | None:
    match = _OPTION.fullmatch(word)
    name = _names().get(match[1]) if match else None
    if match is None or name is None:
        return None
    day = yymmdd(match[2])
    if day is None or not (strike := Decimal(match[4])):
        raise InvalidAlert(
            "symbol", f"symbol {quoted(word)} holds no date or strike; it must be like NIFTY261201C24000."
        )
    return (*_strike_parts(name, match[3], strike), ("expiry", ExpiryRule(kind=ExpiryKind.DATE, day=day)))


def _short_option(word: str) -> Parts | None:
    match = _SHORT_OPTION.fullmatch(word)
    name = _names().get(match[1]) if match else None
    return None if match is None or name is None else _strike_parts(name, match[3], Decimal(match[2]))


def _strike_parts(name: str, kind: str, strike: Decimal) -> Parts:
    option_type: OptionType | None = option_type_word(kind)
    return (
        ("symbol", name),
        ("option_type", option_type),
        ("strike", StrikeRule(kind=StrikeKind.PRICE, value=strike)),
    )


def yymmdd(digits: str) -> date | None:
    """The day that six digits say, 261201 for the first of December 2026; None if there is no such day."""
    try:
        return date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return None
