"""Bytes to signals: the alert as it came in, read once, for its secret first and then for what it says."""

import re
from collections.abc import Iterable

import msgspec

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Signal
from gateway.ingress.grammar import repairs, search, text
from gateway.ingress.grammar.fields import MAX_STRATEGY, signal_of
from gateway.ingress.grammar.names import SECRET, look_up
from gateway.ingress.grammar.relaxed import is_structured, relaxed
from gateway.ingress.grammar.spellings import STARS, is_varied, spellings, starred
from gateway.ingress.grammar.tree import Bare, Node, Pairs, strict, written
from gateway.ingress.grammar.words import pairs_of

MAX_ALERTS = 20
_MIN_MASKED = 4
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_STARS = re.compile(r"\*{4,}(?:\.\.\.)?")
_STANDS_IN_THE_WAY = (
    "the alert cannot be read for a character of the secret in it; send the secret in the address."
)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One body, decoded: its text, its tree of pairs or its words, or the fault that stopped the reading."""

    text: str
    tree: Node = None
    fault: InvalidAlert | None = None


class Part(Document, frozen=True, kw_only=True):
    """One element of an array; `text` is still the whole body's."""


def read(body: bytes) -> Document:
    """The document in any bytes whatever; never raises; linear work, bounded by text.MAX_BODY."""
    try:
        received = text.decode(body)
    except InvalidAlert as fault:
        return Document(text=text.lossy(body), fault=fault)
    return _document(received)


def part_of(document: Document, element: Node, fault: InvalidAlert | None = None) -> Part:
    """One element of a document that is an array; or, with a fault, one that cannot be an alert."""
    return Part(text=document.text, tree=element, fault=fault)


def signals_of(document: Document, secrets: Iterable[str] = ()) -> tuple[Signal, ...]:
    """What a document says: one signal, or an array's in order (its faults' fields begin with `[index]`).

    Raises InvalidAlert, whose sentence shows nothing of the secrets, nor of the document's own.
    """
    try:
        return _signals(document)
    except InvalidAlert as fault:
        raise _discreet(fault, document, _masked(document, secrets)) from fault


def secret_of(document: Document) -> str | None:
    """The JSON field `secret` (in an array: the one its alerts agree on), or `secret=...` in text; or None.

    A body that cannot be read is searched for it, so that its owner can be told what is wrong with it. Inside
    the quotes of another field it is none.
    """
    tree = document.tree
    if isinstance(tree, list):
        alerts = [tree] if isinstance(tree, Pairs) else tree
        found = {value for alert in alerts if isinstance(alert, Pairs) for value in _secrets(alert)}
    else:
        found = _secrets_in_words(tree if isinstance(tree, str) else document.text)
    secret = found.pop() if len(found) == 1 else None
    return secret if secret and _is_encodable(secret) else None


def strategy_of(document: Document) -> str | None:
    """The strategy's name as far as it can be read, even though the rest cannot; None where none is certain.

    A whole array has one if its alerts agree on it.
    """
    tree = document.tree
    if isinstance(tree, list):
        alerts = [tree] if isinstance(tree, Pairs) else tree
        found = {name for alert in alerts for name in _strategies(alert)}
    else:
        found = _strategies(tree if isinstance(tree, str) else document.text)
    name = found.pop() if len(found) == 1 else ""
    return name if 0 < len(name) <= MAX_STRATEGY and "{{" not in name and _is_encodable(name) else None


def blotted(body: bytes, document: Document, secret: str) -> bytes:
    """The body as it is to be kept, without the secret; the same object where it is not in it. Never fails.

    Where it stands as it is, it becomes as many stars. Where it is escaped or encoded, the text that the
    document read is kept, in UTF-8, with three stars in its place.
    """
    if not secret:
        return body
    raw = secret.encode("utf-8", "surrogatepass")
    kept = body.replace(raw, b"*" * len(raw)) if raw in body else body
    is_wide = b"\0" in kept or kept.startswith(text.UTF16_BOMS)
    if not is_wide and b"\\" not in kept and not is_varied(secret) and not _is_percent_encoded(kept):
        return kept
    seen = [document.text if kept is body else text.lossy(kept)]
    if is_wide:
        seen += [kept.decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be")]
    found = [spellings(secret).subn(STARS, each) for each in seen]
    return next((each.encode("utf-8", "surrogatepass") for each, count in found if count), kept)


def parse_body(body: bytes) -> tuple[Signal, ...]:
    """The signals in a body: one for an object or words, an array's in its order. Raises InvalidAlert."""
    return signals_of(read(body))


def parse_words(words: str) -> Signal:
    """The signal in plain words, `BUY NIFTY ATM CE 1 lot`. Raises InvalidAlert."""
    return signal_of(pairs_of(words.strip().removeprefix("/")))


def secret_in(body: bytes) -> str | None:
    """The secret that a body carries (see secret_of); never raises."""
    return secret_of(read(body))


def escaped(document: Document, secrets: Iterable[str] = (), limit: int = 120) -> str:
    """The received text, for a part its own, for a message: on one line, at most `limit` characters.

    Control and bidi characters are escaped; the secrets, the document's own and whatever looks like a
    credential are masked.
    """
    received = _received(document).replace("\0", "")
    for secret in _masked(document, secrets):
        received = spellings(secret).sub(STARS, received)
    return text.shown(text.masked(received), limit)


def _masked(document: Document, secrets: Iterable[str]) -> set[str]:
    """What is not to be shown. Of a very short secret nothing would be recognised, and much else lost."""
    known = {*secrets, secret_of(document)}
    return {secret for secret in known if secret is not None and len(secret) >= _MIN_MASKED}


def _received(document: Document) -> str:
    return written(document.tree) if isinstance(document, Part) else document.text


def _discreet(fault: InvalidAlert, document: Document, secrets: set[str]) -> InvalidAlert:
    """The fault as it would be with stars for the secrets: a sentence may quote a piece of one."""
    shown = {secret for secret in secrets if _may_show(fault, secret)}
    received = safe = _received(document)
    for secret in shown:
        safe = starred(safe, secret)
    if safe == received or str(_fault_of(received)) != str(fault):
        return fault
    told = _fault_of(safe)
    if told is None:
        return InvalidAlert("body", _STANDS_IN_THE_WAY)
    return InvalidAlert(_STARS.sub(STARS, told.field), _STARS.sub(STARS, told.sentence))


def _may_show(fault: InvalidAlert, secret: str) -> bool:
    said = f"{fault.field} {fault.sentence}".lower()
    hidden = text.plain_name(secret, len(secret) * len(r"\U00012345")).lower()
    return any(hidden[at : at + _MIN_MASKED] in said for at in range(len(hidden) - _MIN_MASKED + 1))


def _fault_of(received: str) -> InvalidAlert | None:
    try:
        _signals(_document(received))
    except InvalidAlert as fault:
        return fault
    return None


def _document(received: str) -> Document:
    try:
        return Document(text=received, tree=_tree(received))
    except InvalidAlert as fault:
        return Document(text=received, fault=fault)


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


def _secrets_in_words(words: str) -> set[str]:
    """What words say it is; where they cannot be understood, the first that stands there."""
    if SECRET not in words.lower():
        return set()
    try:
        return set(_secrets(pairs_of(words)))
    except InvalidAlert:
        found = search.secret_in(words)
        return set() if found is None else {found}


def _strategies(node: Node) -> set[str]:
    """The names in one alert, understood or not."""
    if isinstance(node, Pairs):
        said = (value for name, value in node if isinstance(value, str) and look_up(name)[0] == "strategy")
        return {text.tidy(value) for value in said}
    if not isinstance(node, str):
        return set()
    try:
        return _strategies(pairs_of(node))
    except InvalidAlert:
        return search.strategies_in(node)


def _is_percent_encoded(body: bytes) -> bool:
    return b"%" in body and _PERCENT.search(body) is not None


def _is_encodable(secret: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in secret)
