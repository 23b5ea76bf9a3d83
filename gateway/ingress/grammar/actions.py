"""Action and option type: the words for buying, selling and leaving; for calls and puts."""

from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Action, MarketPosition
from gateway.ingress.grammar.text import quoted

#: What one field says about the signal: pairs of field and value.
Parts = tuple[tuple[str, object], ...]

_ACTIONS: dict[str, Action] = {
    **dict.fromkeys(("BUY", "LONG", "GOLONG", "ENTERLONG", "OPENLONG", "LONGENTRY"), Action.BUY),
    **dict.fromkeys(("SELL", "SHORT", "GOSHORT", "ENTERSHORT", "OPENSHORT", "SHORTENTRY"), Action.SELL),
    **dict.fromkeys(("EXIT", "CLOSE", "FLAT", "FLATTEN", "SQUAREOFF"), Action.EXIT),
    **dict.fromkeys(("EXITALL", "CLOSEALL", "EXITPOSITION", "CLOSEPOSITION"), Action.EXIT),
}
#: Exits that say which position they leave.
_LEAVING: dict[str, MarketPosition] = {
    **dict.fromkeys(("EXITLONG", "CLOSELONG", "LONGEXIT"), MarketPosition.LONG),
    **dict.fromkeys(("EXITSHORT", "CLOSESHORT", "SHORTEXIT"), MarketPosition.SHORT),
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
    """What a word for an action says, `buy_ce` with its option type, `close_short` with the position that it
    leaves; None if it is none."""
    word = text.upper().translate(_GAPS)
    if parts := _action(word):
        return parts
    suffix = next((suffix for suffix in _SUFFIXES if word.endswith(suffix)), "")
    parts = _action(word.removesuffix(suffix)) if suffix else ()
    return (*parts, ("option_type", _OPTION_TYPES[suffix])) if parts else None


def _action(word: str) -> Parts:
    if (action := _ACTIONS.get(word)) is not None:
        return (("action", action),)
    position = _LEAVING.get(word)
    return () if position is None else (("action", Action.EXIT), ("position", position))


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
