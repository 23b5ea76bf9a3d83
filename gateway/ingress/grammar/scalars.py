"""One value as text: what is absent, what is of the wrong kind, what TradingView did not fill in."""

import re

from gateway.domain.errors import InvalidAlert
from gateway.ingress.grammar.text import quoted, tidy
from gateway.ingress.grammar.tree import Bare, Node

_PLACEHOLDER = re.compile(r"\{\{[^{}]{0,60}\}\}")
_ABSENT = frozenset({"", "null", "none"})
_HINTS = {"strike": ", or write ATM", "symbol": ", or write NIFTY", "action": ", or write BUY, SELL or EXIT"}


def text_of(field: str, node: Node) -> str | None:
    """The text of a field's value, tidied; None for null, "", "null" and "none". Raises InvalidAlert."""
    if not isinstance(node, str):
        if node is None:
            return None
        raise _not_a_text(field, node)
    text = tidy(node)
    if "{{" in text or "}}" in text:
        raise InvalidAlert(field, unfilled(field, text))
    if text.lower() not in _ABSENT:
        return text
    if isinstance(node, Bare):
        raise InvalidAlert(field, f"{field} has no value after its colon: {_NOTHING_TO_FILL}.")
    return None


_NOTHING_TO_FILL = 'TradingView filled a placeholder with nothing; write a value, or "" for none'


def unfilled_in(text: str) -> str | None:
    """The first placeholder left in a text, or None."""
    match = _PLACEHOLDER.search(text)
    return match[0] if match else "{{" if "{{" in text else None


def unfilled(what: str, text: str) -> str:
    """The sentence about a placeholder that TradingView left in place."""
    name = unfilled_in(text) or "placeholders"
    where = "an alert on a strategy" if "{{strategy." in text else "an alert made on a chart"
    hint = _HINTS.get(what, "")
    return (
        f"{what} {quoted(text)} was not filled in by TradingView. "
        f"Use {quoted(name)[1:-1]} only in the message box of {where}, never in Pine's alert() text{hint}."
    )


def _not_a_text(field: str, node: Node) -> InvalidAlert:
    if isinstance(node, bool):
        return InvalidAlert(field, f"{field} is {str(node).lower()}; a text or a number belongs there.")
    return InvalidAlert(field, f"{field} is a list or an object; one text or number belongs there.")
