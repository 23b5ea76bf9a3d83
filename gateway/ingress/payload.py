"""Bytes to signals: the alert as it came in, read once, for its secret first and then for what it says."""

import re
from dataclasses import dataclass

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Signal
from gateway.ingress.grammar import repairs, text
from gateway.ingress.grammar.fields import signal_of
from gateway.ingress.grammar.names import SECRET, look_up
from gateway.ingress.grammar.relaxed import is_structured, relaxed
from gateway.ingress.grammar.tree import Bare, Node, Pairs, strict
from gateway.ingress.grammar.words import pairs_of

MAX_ALERTS = 20
_MIN_MASKED = 4
_SECRET = re.compile(
    r"""["'“”]?\bsecret["'“”]?\s{0,20}[:=]\s{0,20}(?:"((?:[^"\\]|\\.)*+)"|'([^']*+)'|“([^”]*+)”|([^\s,;&}\]"'“”]++))""",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One body, decoded: its text, its tree of pairs or its words, or the fault that stopped the reading."""

    text: str
    tree: Node = None
    fault: InvalidAlert | None = None


def read(body: bytes) -> Document:
    """The document in any bytes whatever; never raises; linear work, bounded by text.MAX_BODY."""
    try:
        received = text.decode(body)
    except InvalidAlert as fault:
        return Document(text=text.lossy(body), fault=fault)
    try:
        return Document(text=received, tree=_tree(received))
    except InvalidAlert as fault:
        return Document(text=received, fault=fault)


def signals_of(document: Document) -> tuple[Signal, ...]:
    """What a document says: one signal, or an array's in order (its faults' fields begin with `[index]`).

    Raises InvalidAlert.
    """
    try:
        return _signals(document)
    except InvalidAlert as fault:
        raise InvalidAlert(fault.field, _masked(fault.sentence, secret_of(document))) from fault


def secret_of(document: Document) -> str | None:
    """The JSON field `secret` (in an array: the one its alerts agree on), or `secret=...` in text; or None.

    A body that cannot be read is searched for it, so that its owner can be told what is wrong with it.
    """
    if isinstance(document.tree, list):
        alerts = [document.tree] if isinstance(document.tree, Pairs) else document.tree
        found = {value for alert in alerts if isinstance(alert, Pairs) for value in _secrets(alert)}
    else:
        match = _SECRET.search(document.text)
        found = {next(group for group in match.groups() if group is not None)} if match else set()
    secret = found.pop() if len(found) == 1 else None
    return secret if secret and _is_encodable(secret) else None


def parse_body(body: bytes) -> tuple[Signal, ...]:
    """The signals in a body: one for an object or words, an array's in its order. Raises InvalidAlert."""
    return signals_of(read(body))


def parse_words(words: str) -> Signal:
    """The signal in plain words, `BUY NIFTY ATM CE 1 lot`. Raises InvalidAlert."""
    return signal_of(pairs_of(words.strip().removeprefix("/")))


def secret_in(body: bytes) -> str | None:
    """The secret that a body carries (see secret_of); never raises."""
    return secret_of(read(body))


def escaped(body: bytes, limit: int = 300) -> str:
    """The received text for a message: one line, control and bidi characters escaped, credentials masked."""
    document = read(body)
    return text.shown(_masked(text.masked(document.text), secret_of(document)), limit)


def _masked(sentence: str, secret: str | None) -> str:
    return sentence.replace(secret, "***") if secret and len(secret) >= _MIN_MASKED else sentence


def _signals(document: Document) -> tuple[Signal, ...]:
    if document.fault is not None:
        raise document.fault
    if isinstance(document.tree, list) and not isinstance(document.tree, Pairs):
        return _several(document.tree)
    return (_signal(document.tree),)


def _tree(received: str, *, inner: bool = False) -> Node:
    """The tree of a text: JSON to the letter, else what the grammar can make of it. Raises InvalidAlert."""
    try:
        tree = strict(received)
    except ValueError:
        return _mended(received)
    if isinstance(tree, str) and not isinstance(tree, Bare) and not inner:
        return _tree(tree, inner=True)
    return tree


def _mended(received: str) -> Node:
    form = repairs.form(received)
    if isinstance(form, Pairs):
        return form
    mended = repairs.undoubled(repairs.unnamed(form if form is not None else received))
    if not is_structured(mended):
        return mended
    straight = repairs.straightened(mended)
    try:
        return relaxed(mended)
    except InvalidAlert:
        if straight == mended:
            raise
        return relaxed(straight)


def _several(items: list[Node]) -> tuple[Signal, ...]:
    if not 0 < len(items) <= MAX_ALERTS:
        raise InvalidAlert("body", f"the array holds {len(items)} alerts; send 1 to {MAX_ALERTS}.")
    return tuple(_item(at, item) for at, item in enumerate(items))


def _item(at: int, item: Node) -> Signal:
    try:
        return _signal(item)
    except InvalidAlert as fault:
        place = f"[{at}]" if fault.field == "body" else f"[{at}].{fault.field}"
        raise InvalidAlert(place, f"alert {at + 1} of the array: {fault.sentence}") from fault


def _signal(node: Node) -> Signal:
    if isinstance(node, Pairs):
        return signal_of(node)
    if isinstance(node, str):
        return signal_of(pairs_of(node))
    raise InvalidAlert("body", 'the alert is no object; send {"action": "BUY", ...} or words such as BUY CE.')


def _secrets(pairs: Pairs) -> list[str]:
    return [str(value) for name, value in pairs if isinstance(value, str) and look_up(name)[0] == SECRET]


def _is_encodable(secret: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in secret)
