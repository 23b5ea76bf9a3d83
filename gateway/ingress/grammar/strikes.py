"""Strikes: an index level, arithmetic, or steps from the money."""

import re
from decimal import Decimal

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import StrikeKind, StrikeRule
from gateway.ingress.grammar.actions import Parts
from gateway.ingress.grammar.amounts import price
from gateway.ingress.grammar.arithmetic import ascii_signs
from gateway.ingress.grammar.text import quoted

_RIGHT = "write a number such as 24000, or ATM, ATM+2, ATM-1, ITM1, OTM3"
_MONEY = re.compile(r"ATM(?:\s*([+-])\s*([0-9]{1,2}))?|(ITM|OTM)\s*([0-9]{1,2})", re.IGNORECASE)
_ABOUT_MONEY = re.compile(r"\s*(?:ATM|ITM|OTM)", re.IGNORECASE)


def strike_word(text: str) -> StrikeRule | None:
    """A strike said from the money, `ATM+2`; None if the text is no such word."""
    match = _MONEY.fullmatch(text)
    if match is None:
        return None
    if match[3]:
        return StrikeRule(kind=StrikeKind(match[3].lower()), value=Decimal(match[4]))
    steps = Decimal((match[1] or "") + (match[2] or "0"))
    return StrikeRule(kind=StrikeKind.ATM, value=steps)


def is_about_money(text: str) -> bool:
    """Whether a text begins as a strike said from the money."""
    return _ABOUT_MONEY.match(text) is not None


def read_strike(field: str, text: str) -> Parts:
    """A strike in index points or from the money. Raises InvalidAlert."""
    text = ascii_signs(text)
    rule = strike_word(text)
    if rule is not None:
        return ((field, rule),)
    if is_about_money(text):
        raise InvalidAlert(
            field, f"strike {quoted(text)} is not understood (at most 99 strikes away); {_RIGHT}."
        )
    value = price(field, text, _RIGHT)
    if not value:
        raise InvalidAlert(field, f"strike {quoted(text)} is not above zero; {_RIGHT}.")
    return ((field, StrikeRule(kind=StrikeKind.PRICE, value=value)),)
