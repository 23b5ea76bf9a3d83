"""Days and instants: the expiry meant, the time an alert fired."""

import re
from datetime import UTC, date, datetime

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import ExpiryKind, ExpiryRule
from gateway.ingress.grammar.actions import Parts
from gateway.ingress.grammar.symbols import yymmdd
from gateway.ingress.grammar.text import quoted

_NAMED = {
    **dict.fromkeys(("weekly", "week", "thisweek", "current", "nearest"), ExpiryKind.WEEKLY),
    **dict.fromkeys(("monthly", "month", "thismonth"), ExpiryKind.MONTHLY),
    **dict.fromkeys(("next", "nextweek", "nextweekly"), ExpiryKind.NEXT),
}
_GAPS = str.maketrans("", "", "_- ")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DAY = re.compile(r"(20[0-9]{2})([-/.]?)([0-9]{2})\2([0-9]{2})(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?")
_WORDED_DAY = re.compile(r"([0-9]{1,2})[- ]?([a-z]{3})[a-z]{0,6}[- ]?(?:20)?([0-9]{2})", re.IGNORECASE)
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_DAY_FIRST = re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}")
_EXPIRY_RIGHT = "write a day such as 2026-12-01, or weekly, monthly, next"

_INSTANT = re.compile(
    r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r"\s?(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"([0-9]{9,10})(?:\.[0-9]{1,9})?|([0-9]{12,13})(?:\.0*)?")
_TIME_RIGHT = "write {{timenow}} there, or UTC such as 2026-11-23T09:56:00Z"


def expiry_word(text: str) -> ExpiryRule | None:
    """The expiry that a text says for certain, a bare number apart; None if it says none."""
    kind = _NAMED.get(text.lower().translate(_GAPS))
    if kind is not None:
        return ExpiryRule(kind=kind)
    day = None if text.isdecimal() else _day(text)
    return None if day is None else ExpiryRule(kind=ExpiryKind.DATE, day=day)


def read_expiry(field: str, text: str) -> Parts:
    """An expiry. Raises InvalidAlert."""
    rule = expiry_word(text)
    if rule is not None:
        return ((field, rule),)
    day = _day(text)
    if day is not None:
        return ((field, ExpiryRule(kind=ExpiryKind.DATE, day=day)),)
    why = "is not written year first" if _DAY_FIRST.fullmatch(text) else "is not understood"
    raise InvalidAlert(field, f"expiry {quoted(text)} {why}; {_EXPIRY_RIGHT}.")


def _day(text: str) -> date | None:
    if match := _ISO_DAY.fullmatch(text):
        return yymmdd(match[1][2:] + match[3] + match[4])
    if _SIX_DIGITS.fullmatch(text):
        return yymmdd(text)
    match = _WORDED_DAY.fullmatch(text)
    if match is None or match[2].lower() not in MONTHS:
        return None
    return yymmdd(f"{match[3]}{MONTHS.index(match[2].lower()) + 1:02d}{int(match[1]):02d}")


def read_time(field: str, text: str) -> Parts:
    """An instant, UTC: ISO 8601 (without zone: UTC, as TradingView's are), or epoch seconds or milliseconds.

    Raises InvalidAlert.
    """
    moment = _instant(text)
    if moment is None:
        raise InvalidAlert(field, f"time {quoted(text)} is not understood; {_TIME_RIGHT}.")
    return ((field, moment),)


def _instant(text: str) -> datetime | None:
    if match := _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(match[1]) if match[1] else int(match[2]) / 1000, UTC)
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    zone = (match[3] or "Z").upper().replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
    except ValueError:
        return None
