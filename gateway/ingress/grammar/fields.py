"""Pairs to a Signal: each field by its reader; contradictions and near misses refused, the rest named."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from gateway.domain.contract import OptionType
from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Action, Objection, Signal, objection_to
from gateway.ingress.grammar import amounts, moments, topics
from gateway.ingress.grammar.actions import Parts, option_type_word, read_action, read_option_type
from gateway.ingress.grammar.names import SECRET, look_up, near_miss
from gateway.ingress.grammar.scalars import text_of
from gateway.ingress.grammar.strikes import read_strike
from gateway.ingress.grammar.symbols import read_symbol, symbol_word
from gateway.ingress.grammar.text import plain_name, quoted, tidy
from gateway.ingress.grammar.tree import MAX_KEYS, Node, Pairs

MAX_IGNORED = 20
MAX_STRATEGY = 64
MAX_ID = 128
_ALWAYS_NEW = frozenset({"id", "time", "price", "position_size"})
_MAX_REMEMBERED = 64


def signal_of(pairs: Pairs) -> Signal:
    """The signal that an alert's pairs say. Raises InvalidAlert naming the field."""
    if len(pairs) > MAX_KEYS:
        raise InvalidAlert("body", f"the alert has {len(pairs)} fields; at most {MAX_KEYS} are read.")
    reading = _Reading()
    for name, node in pairs:
        reading.take(name, node)
    return reading.signal()


def _read_strategy(field: str, text: str) -> Parts:
    return ((field, _short(field, text, MAX_STRATEGY)),)


def _read_id(field: str, text: str) -> Parts:
    return ((field, _short(field, text, MAX_ID)),)


def _short(field: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise InvalidAlert(
            field, f"{field} {quoted(text)} has {len(text)} characters; at most {limit} are allowed."
        )
    return str(text)


_READERS: dict[str, Callable[[str, str], Parts]] = {
    "action": read_action,
    "symbol": read_symbol,
    "option_type": read_option_type,
    "strike": read_strike,
    "quantity": amounts.read_quantity,
    "lots": amounts.read_lots,
    "expiry": moments.read_expiry,
    "stop_loss": amounts.read_stop_loss,
    "target": amounts.read_target,
    "trailing_stop": amounts.read_trailing_stop,
    "strategy": _read_strategy,
    "id": _read_id,
    "time": moments.read_time,
    "price": amounts.read_price,
    "market_position": amounts.read_market_position,
    "prev_market_position": amounts.read_market_position,
    "position_size": amounts.read_position_size,
}


def _parts(field: str, text: str) -> Parts:
    """What a field's text says. Most alerts of a strategy say the same but for their id, time and price."""
    if field in _ALWAYS_NEW or len(text) > _MAX_REMEMBERED:
        return _READERS[field](field, text)
    return _remembered(field, text)


@lru_cache(maxsize=1024)
def _remembered(field: str, text: str) -> Parts:
    return tuple(_READERS[field](field, text))


class _Reading:
    """What the fields read so far say, and which field said it."""

    def __init__(self) -> None:
        self._said: dict[str, Any] = {}
        self._sources: dict[str, tuple[str, str]] = {}
        self._seen: set[str] = set()
        self._ignored: list[str] = []
        self._size: str | None = None
        #: What unknown fields say of the side: name, text, action.
        self._sides: tuple[tuple[str, str, Action], ...] = ()
        #: The first for every option type, and the first for calls alone.
        self._objections: dict[OptionType | None, Objection] = {}

    def take(self, name: str, node: Node) -> None:
        """Reads one pair."""
        field, word = look_up(name)
        if word in self._seen:
            raise InvalidAlert(field or plain_name(name), f"{plain_name(name)} is given twice; keep one.")
        self._seen.add(word)
        if field is None:
            self._take_unknown(name, word, node)
        elif field != SECRET:
            self._read(name, field, node)

    def signal(self) -> Signal:
        """The signal, when all pairs are taken."""
        if "action" not in self._said:
            raise InvalidAlert("action", _MISSING_ACTION)
        if self._size is not None and not {"quantity", "lots"} & self._said.keys():
            raise InvalidAlert(
                "quantity", f"{self._size} could mean units or lots; name it quantity (units) or lots."
            )
        for name, text, side in self._sides:
            if topics.is_against(side, text, self._said["action"]):
                self._object(self._contradiction("action", (name, text)), topics.against_which(side))
        signal = Signal(**self._said, ignored=tuple(self._ignored[:MAX_IGNORED]))
        return self._objected(signal) if self._objections else signal

    def _objected(self, signal: Signal) -> Signal:
        """With what refuses it where it opens: a BUY here and now, a SELL if it comes to that."""
        if signal.action is Action.EXIT:
            return signal
        signal = replace(signal, objections=tuple(self._objections.values()))
        objection = objection_to(signal) if signal.action is Action.BUY else None
        if objection is not None:
            raise InvalidAlert(objection.field, objection.sentence)
        return signal

    def _object(self, fault: InvalidAlert, option_type: OptionType | None = None) -> None:
        objection = Objection(field=fault.field, sentence=fault.sentence, option_type=option_type)
        self._objections.setdefault(option_type, objection)

    def _refuse(self, fault: InvalidAlert, *, of_exits: bool) -> None:
        """Whatever the action is, or an entry alone: an exit takes nothing from such a field."""
        if of_exits:
            raise fault
        self._object(fault)

    def _read(self, name: str, field: str, node: Node) -> None:
        text = text_of(field, node)
        if text is None:
            return
        for part, value in _parts(field, text):
            differs = part in self._said and self._said[part] != value
            self._said[part] = self._reconciled(part, value, (name, text)) if differs else value
            self._sources[part] = (name, text)

    def _reconciled(self, part: str, value: object, source: tuple[str, str]) -> object:
        """Two times are the bar's and the alert's own: the later is when it fired. Else nothing differs."""
        if isinstance(value, datetime):
            return max(self._said[part], value)
        raise self._contradiction(part, source)

    def _contradiction(self, part: str, source: tuple[str, str]) -> InvalidAlert:
        first, second = (f"{plain_name(name)} {quoted(text)}" for name, text in (self._sources[part], source))
        return InvalidAlert(part, f"{first} and {second} contradict each other on the {part}; leave one out.")

    def _take_unknown(self, name: str, word: str, node: Node) -> None:
        if isinstance(node, str) and (field := _soft_field(word, node)) is not None:
            self._read(name, field, node)
            return
        if any(char < " " for char in name):
            raise InvalidAlert(
                "body", f"the field {quoted(name)} holds a control character; write its name plainly."
            )
        if (meant := near_miss(word)) is not None:
            fault = InvalidAlert(meant, f"{plain_name(name)} is not a field; did you mean {meant}?")
            self._refuse(fault, of_exits=meant not in topics.OF_ENTRIES)
        elif not topics.says_nothing(node):
            self._weigh(name, word, node)
        self._ignored.append(plain_name(name))

    def _weigh(self, name: str, word: str, node: Node) -> None:
        """What speaks of the order and is not understood must not be dropped in silence."""
        if word in topics.SIZES:
            self._size = plain_name(name)
        elif (side := topics.side_of(word, node)) is not None:
            self._sides += ((name, str(node), side),)
        elif (topic := topics.topic_of(word, node)) is not None:
            shown = plain_name(name)
            what = f"{shown} is not understood, and is not dropped in silence; {topic.right}."
            self._refuse(InvalidAlert(topic.field or shown, what), of_exits=topic.of_exits)
        elif inner := list(topics.order_inside(node)):
            shown = plain_name(name)
            what = f"{shown} holds {plain_name(inner[0][0])}, which is not read there; {_SIDE_BY_SIDE}"
            self._refuse(InvalidAlert(shown, what), of_exits=any(of_exits for _, of_exits in inner))


def _soft_field(word: str, text: str) -> str | None:
    """The field that a name means only where its value says so."""
    if word in topics.SOFT_TYPES and option_type_word(text):
        return "option_type"
    return "symbol" if word in topics.SOFT_SYMBOLS and symbol_word(tidy(text)) else None


_SIDE_BY_SIDE = "write an alert's fields side by side, and several alerts as an array, [{...}, {...}]."
_MISSING_ACTION = (
    "action is missing or empty; write BUY, SELL or exit. "
    "(TradingView leaves {{strategy.order.action}} empty where the alert is not on a strategy.)"
)
