"""What a failed call means: one table from what was seen to refused, not sent or unknown. Pure."""

import re
from dataclasses import dataclass

from config.logs import redact
from gateway.domain.errors import BrokerError, BrokerFault, Outcome

#: Answers with these codes, in Kite's own envelope, are definite (facts/kite.md 5 and 10.1).
_DEFINITE = frozenset({400, 401, 403, 404, 405, 410, 429})
#: Kite could not ask its own order management: the order may exist whatever the code.
_BACKEND = frozenset({"NetworkException", "DataException"})
_LONGEST = 300
_LOOKED_AT = 20_000
_DEEPEST = 10
#: What happened, for the owner, by the name of what requests raises.
_PLAIN = {
    "ConnectTimeout": "no connection in time",
    "ReadTimeout": "no answer in time",
    "ConnectionError": "the connection failed",
    "ChunkedEncodingError": "the connection broke off",
    "SSLError": "the secure connection failed",
}

#: Even a 400 may speak of an order that went out (facts/kite.md 10.1: placed 8 s after such an answer).
#: A lack of margin, which is definite, ends with "Check the orderbook for open orders".
_ASK_THE_BOOK = re.compile(
    r"timed?[ -]?out|check the order ?book(?! for open orders)|confirm before placing|kitetrade-oms",
    re.IGNORECASE,
)
#: The error type of this one has moved about: the words decide (facts/kite.md 6.4).
_STATIC_IP = re.compile(r"not allowed to place orders|no ips configured", re.IGNORECASE)
_FAULT_WORDS: tuple[tuple[BrokerFault, re.Pattern[str]], ...] = (
    (BrokerFault.STATIC_IP, _STATIC_IP),
    (BrokerFault.TOKEN, re.compile(r"incorrect .?api_key.? or .?access_token", re.IGNORECASE)),
    (BrokerFault.RATE_LIMIT, re.compile(r"too many requests", re.IGNORECASE)),
    (BrokerFault.PERMISSION, re.compile(r"insufficient permission", re.IGNORECASE)),
    (BrokerFault.MARGIN, re.compile(r"insufficient funds|margin exceeds|required margin", re.IGNORECASE)),
    (
        BrokerFault.PRICE_BAND,
        re.compile(r"circuit (limit|price)|current execution range|mark-?up price|price band", re.IGNORECASE),
    ),
)
_FAULT_TYPES = {
    "TokenException": BrokerFault.TOKEN,
    "PermissionException": BrokerFault.PERMISSION,
    "MarginException": BrokerFault.MARGIN,
}


@dataclass(kw_only=True)
class Evidence:
    """What was seen of one attempt; filled in on its way by the transport."""

    #: A byte of the request was handed to the network.
    sent: bool = False
    #: The HTTP status, once an answer's head was there.
    status: int | None = None
    #: `error_type`, when the answer was Kite's own error envelope and not HTTP 200.
    error_type: str | None = None
    #: Its `message`.
    message: str = ""
    #: The answer may carry a secret (a login): its text is never shown.
    private: bool = False


class OddAnswer(Exception):
    """An answer that is not Kite's: a redirect, a page, an envelope without a type."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def classify(error: BaseException, evidence: Evidence) -> BrokerError:
    """The one reading of a failure. The text never holds an address (a login's carries the token), nor a
    secret of ours that Kite's words repeat: it goes into the database and onto the phone."""
    kites_words = _kites_words(error, evidence)
    outcome = _outcome(kites_words, evidence)
    return BrokerError(
        redact(_sentence(error, kites_words, outcome)),
        outcome=outcome,
        fault=_fault(error, kites_words, evidence),
        code=evidence.status,
    )


def _outcome(words: str, evidence: Evidence) -> Outcome:
    """The table of facts/kite.md 10.1, top to bottom; what no line knows is unknown."""
    if not evidence.sent:
        return Outcome.NOT_SENT
    if evidence.status == 403 and evidence.error_type == "TokenException":
        return Outcome.REFUSED
    if _ASK_THE_BOOK.search(words):
        return Outcome.UNKNOWN
    if evidence.status == 429:
        return Outcome.REFUSED
    if evidence.error_type is None or evidence.status not in _DEFINITE:
        return Outcome.UNKNOWN
    if _STATIC_IP.search(words):
        return Outcome.REFUSED
    return Outcome.UNKNOWN if evidence.error_type in _BACKEND else Outcome.REFUSED


def _fault(error: BaseException, words: str, evidence: Evidence) -> BrokerFault:
    by_words = fault_of_words(words)
    if by_words is not BrokerFault.OTHER:
        return by_words
    if evidence.status == 429:
        return BrokerFault.RATE_LIMIT
    return _FAULT_TYPES.get(evidence.error_type or type(error).__name__, BrokerFault.OTHER)


def fault_of_words(words: str) -> BrokerFault:
    """The fault that Kite's words speak of; also for the `status_message` of a late rejection."""
    for fault, pattern in _FAULT_WORDS:
        if pattern.search(words):
            return fault
    return BrokerFault.OTHER


def _kites_words(error: BaseException, evidence: Evidence) -> str:
    """What the answer said; empty when there was none, or when it must not be shown."""
    if isinstance(error, OddAnswer):
        return "" if evidence.private else error.words
    if evidence.error_type is not None:
        return evidence.message
    return plain_words(str(error)) if hasattr(error, "code") and not evidence.private else ""


def _sentence(error: BaseException, words: str, outcome: Outcome) -> str:
    if outcome is Outcome.REFUSED and words:
        return words
    if outcome is Outcome.NOT_SENT:
        return f"Kite was not reached: {words or _cause(error, 'the request could not be made')}"
    return f"Kite gave no clear answer: {words or _cause(error, 'it cannot be read')}"


def _cause(error: BaseException, otherwise: str) -> str:
    """What happened and its innermost cause, without any text that carries the address."""
    causes = [error]
    while len(causes) < _DEEPEST and (inner := _inner(causes[-1])) is not None:
        causes.append(inner)
    spoken = [each.strerror for each in causes if isinstance(each, OSError) and each.strerror]
    name = type(error).__name__
    names = dict.fromkeys([name, spoken[-1] if spoken else type(causes[-1]).__name__])
    return f"{_PLAIN.get(name, otherwise)} ({', '.join(names)})"


def _inner(error: BaseException) -> BaseException | None:
    """The failure that this one wraps, however the libraries wrapped it."""
    inside = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
    return next((each for each in inside if isinstance(each, BaseException)), None)


def plain_words(text: str) -> str:
    """A page or a message as one short line: no markup, no line breaks, at most 300 characters."""
    body = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text[:_LOOKED_AT])
    line = " ".join(body.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
