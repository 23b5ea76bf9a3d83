"""From an authentic body to arrivals: each alert judged by itself, completed, given its id and its keys."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace
from multidict import MultiMapping

from config.settings import Settings, StrategySettings
from gateway.domain.errors import InvalidAlert
from gateway.domain.order import new_alert_id
from gateway.domain.signal import DEFAULT_STRATEGY, Signal
from gateway.ingress import payload
from gateway.ingress.completion import complete
from gateway.ingress.grammar.tree import Node, Pairs
from gateway.ingress.payload import Document
from storage.alerts import Arrival

log = structlog.get_logger()

#: The longest that `?wait=` waits, in seconds; more is taken for this.
MAX_WAIT: Final = 30.0
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_LONGEST_NAME = 64
_LONGEST_FIELD = 64
#: Characters of a body that was not understood, in its message.
_LONGEST_SHOWN = 300
_OUR_FAULT = "Manjha stumbled over this alert, which is a fault of its own; the log says where."


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One body's arrivals, in order; `wait` in seconds, 0 for an answer at once."""

    arrivals: list[Arrival]
    several: bool
    wait: float


class _Post(msgspec.Struct, frozen=True, kw_only=True):
    """What all alerts of one body share."""

    body: bytes
    #: The body as it is kept: the secret in it blotted out.
    kept: bytes
    source: str
    received_at: datetime
    webhook_id: str | None
    several: bool
    strategy: str | None


class Arrivals:
    """Makes them, by the settings."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        secret = settings.webhook_secret
        self._secret = secret.get_secret_value() if secret is not None else ""
        self._strategy: Callable[[str], StrategySettings] = lru_cache(maxsize=256)(settings.strategy)

    def errand(
        self,
        body: bytes,
        document: Document,
        *,
        query: MultiMapping[str],
        source: str,
        webhook_id: str | None,
    ) -> Errand:
        """What is to be stored for this body; what cannot be understood is kept, too, and told."""
        several = _elements(document) is not None
        post = _Post(
            body=body,
            kept=payload.blotted(body, document, self._secret),
            source=source,
            received_at=self._clock(),
            webhook_id=webhook_id,
            several=several,
            strategy=None,
        )
        wait = 0.0
        if query:
            try:
                post = replace(post, strategy=strategy_in(query))
                wait = wait_in(query)
            except InvalidAlert as fault:
                return Errand(arrivals=[self._invalid(post, 0, document, fault)], several=False, wait=0.0)
        parts = parts_of(document)
        arrivals = [self._arrival(post, index, part) for index, part in enumerate(parts)]
        return Errand(arrivals=arrivals, several=several, wait=wait)

    def _arrival(self, post: _Post, index: int, part: Document) -> Arrival:
        try:
            return self._judged(post, index, part)
        except Exception:  # the border: a fault of ours must not cost the owner the news of an alert
            log.exception("alert_stumbled_over")
            return self._invalid(post, index, part, InvalidAlert("body", _OUR_FAULT))

    def _judged(self, post: _Post, index: int, part: Document) -> Arrival:
        try:
            (signal,) = payload.signals_of(part, (self._secret,))
            signal = _named(signal, post.strategy)
            whole = complete(signal, self._strategy(signal.strategy))
            return _understood(post, index, whole, _contract_said(signal) if post.several else "")
        except InvalidAlert as fault:
            return self._invalid(post, index, part, fault)

    def _invalid(self, post: _Post, index: int, part: Document, fault: InvalidAlert) -> Arrival:
        return Arrival(
            alert_id=new_alert_id(),
            received_at=post.received_at,
            source=post.source,
            body=post.kept,
            body_hash=body_hash(post.body, index, post.strategy),
            strategy=post.strategy or payload.strategy_of(part) or DEFAULT_STRATEGY,
            dedupe_key=None,
            signal=None,
            part=index,
            field=fault.field[:_LONGEST_FIELD],
            reason=fault.sentence,
            received=payload.escaped(part, (self._secret,), _LONGEST_SHOWN),
        )


def parts_of(document: Document) -> list[Document]:
    """One document an alert: an array's elements stand alone, so that a bad one costs the others nothing."""
    items = _elements(document)
    if items is None or not 0 < len(items) <= payload.MAX_ALERTS:
        return [document]
    nested = InvalidAlert("body", "this element of the array is an array itself; send one flat array.")
    parts = [payload.part_of(document, item) for item in items]
    return [
        part if _elements(part) is None else payload.part_of(document, part.tree, nested) for part in parts
    ]


def wait_in(query: MultiMapping[str]) -> float:
    """`?wait=` in seconds, at most MAX_WAIT; 0 without it. Raises InvalidAlert on what is no number."""
    text = _single(query, "wait")
    if text is None:
        return 0.0
    if not _SECONDS.fullmatch(text):
        raise InvalidAlert("wait", "wait in the address must be a number of seconds, 0 to 30.")
    return min(float(text), MAX_WAIT)


def strategy_in(query: MultiMapping[str]) -> str | None:
    """`?strategy=`. Raises InvalidAlert on an empty, an overlong or an unprintable name."""
    name = _single(query, "strategy")
    if name is None:
        return None
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidAlert(
            "strategy", f"strategy in the address must be a name of 1 to {_LONGEST_NAME} characters."
        )
    return name


def dedupe_key(signal: Signal, index: int, webhook_id: str | None, contract: str = "") -> str | None:
    """What makes an alert with an id (its own, else its signature's) the same alert; None without any.

    Strategy, action, option type and the position left belong to its own id: two strategies, or the two legs
    of a reversal, often share `{{ticker}}-{{timenow}}`, which is the same for a whole second. Of several in
    one body, so does the `contract` that each says, whatever the settings add. A signature's id stands alone:
    the signature does not cover the address, which may name another strategy when it is sent again.
    """
    parts: tuple[str, ...]
    if signal.id is not None:
        said = (contract,) if contract else ()
        leaves = (signal.position,) if signal.position is not None else ()
        parts = (signal.strategy, signal.action, signal.option_type or "", *leaves, "id", signal.id, *said)
    elif webhook_id is not None:
        parts = ("webhook-id", f"{webhook_id}#{index}")
    else:
        return None
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def body_hash(body: bytes, index: int, strategy: str | None) -> str:
    """SHA-256 of the body; of what else tells two alerts apart, too: the place in an array, `?strategy=`."""
    digest = hashlib.sha256(body)
    if index:
        digest.update(f"\x00part {index}".encode())
    if strategy is not None:
        digest.update(f"\x00strategy {strategy}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _named(signal: Signal, strategy: str | None) -> Signal:
    if strategy is None or signal.strategy == strategy:
        return signal
    if signal.strategy != DEFAULT_STRATEGY:
        raise InvalidAlert(
            "strategy",
            f'the alert says strategy "{signal.strategy}", its address "{strategy}"; leave one out.',
        )
    return replace(signal, strategy=strategy)


def _contract_said(signal: Signal) -> str:
    """The contract and the size in a text that stays the same whatever else a signal comes to hold."""
    said = (signal.symbol, signal.option_type, signal.strike, signal.expiry, signal.quantity, signal.lots)
    return msgspec.json.encode(said).decode()


def _understood(post: _Post, index: int, signal: Signal, contract: str) -> Arrival:
    return Arrival(
        alert_id=new_alert_id(),
        received_at=post.received_at,
        source=post.source,
        body=post.kept,
        body_hash=body_hash(post.body, index, post.strategy),
        strategy=signal.strategy,
        dedupe_key=dedupe_key(signal, index, post.webhook_id, contract),
        signal=signal,
        part=index,
    )


def _elements(document: Document) -> list[Node] | None:
    """The elements of an array; None where the document is none."""
    tree = document.tree
    return tree if isinstance(tree, list) and not isinstance(tree, Pairs) else None


def _single(query: MultiMapping[str], name: str) -> str | None:
    values = query.getall(name, [])
    if len(values) > 1:
        raise InvalidAlert(name, f"{name} stands in the address {len(values)} times; keep one.")
    return values[0] if values else None
