"""Action and option type: the words for buying, selling and leaving; for calls and puts."""

from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Action
from gateway.ingress.grammar.text import quoted

#: What one field says about the signal: pairs of field and value.
Parts = tuple[tuple[str, object], ...]

_ACTIONS: dict[str, Action] = {
    **dict.fromkeys(("BUY", "LONG", "GOLONG", "ENTERLONG", "OPENLONG", "LONGENTRY"), Action.BUY),
    **dict.fromkeys(("SELL", "SHORT", "GOSHORT", "ENTERSHORT", "OPENSHORT", "SHORTENTRY"), Action.SELL),
    **dict.fromkeys(("EXIT", "CLOSE", "FLAT", "FLATTEN", "SQUAREOFF"), Action.EXIT),
    **dict.fromkeys(
        (f"{verb}{what}" for verb in ("EXIT", "CLOSE") for what in ("LONG", "SHORT", "ALL")), Action.EXIT
    ),
    **dict.fromkeys(("LONGEXIT", "SHORTEXIT", "EXITPOSITION", "CLOSEPOSITION"), Action.EXIT),
}
_OPTION_TYPES = {
    **dict.fromkeys(("CE", "C", "CALL", "CALLS"), OptionType.CE),
    **dict.fromkeys(("PE", "P", "PUT", "PUTS"), OptionType.PE),
}
_SUFFIXES = ("CE", "PE", "CALL", "PUT")
_GAPS = str.maketrans("", "", "_- ")


def option_type_word(text: str) -> OptionType | None:
    """CE or PE, if the text is a word for it."""
    return _OPTION_TYPES.get(text.strip().upper())


def action_word(text: str) -> Parts | None:
    """What a word for an action says, `buy_ce` with its option type; None if it is none."""
    word = text.upper().translate(_GAPS)
    if (action := _ACTIONS.get(word)) is not None:
        return (("action", action),)
    suffix = next((suffix for suffix in _SUFFIXES if word.endswith(suffix)), "")
    action = _ACTIONS.get(word.removesuffix(suffix)) if suffix else None
    return None if action is None else (("action", action), ("option_type", _OPTION_TYPES[suffix]))


def read_action(field: str, text: str) -> Parts:
    """The action, and the option type where the word carries one. Raises InvalidAlert."""
    parts = action_word(text)
    if parts is None:
        raise InvalidAlert(
            field, f"action {quoted(text)} is not known; write BUY, SELL, long, short, exit, close or flat."
        )
    return parts


def read_option_type(field: str, text: str) -> Parts:
    """CE or PE. Raises InvalidAlert."""
    kind = option_type_word(text)
    if kind is None:
        raise InvalidAlert(field, f"option_type {quoted(text)} is not known; write CE (call) or PE (put).")
    return ((field, kind),)
