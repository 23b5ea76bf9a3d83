"""Scripted misfortune: what a test makes the exchange, its wires and its order book do wrong."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from gateway.paper.orders import Script


class FaultKind(StrEnum):
    """What goes wrong. The first group spoils an answer, the second an order, the third the stream."""

    DROP = "drop"  # the connection is closed without an answer
    REFUSE = "refuse"  # an error answer: code, error_type, message
    HTML = "html"  # an HTML page with `code`
    TRUNCATED = "truncated"  # half of the JSON answer, code 200
    BODY = "body"  # `body` as it stands, with `code` and `content_type`
    NO_ORDER_ID = "no_order_id"  # success without data
    AUTOSLICE_LIST = "autoslice_list"  # data is a list of order ids (facts/kite.md 2.4)
    EMPTY = "empty"  # success with nothing in it
    UNTAGGED = "untagged"  # rows lose `tag` and `tags`
    DELAY = "delay"  # the answer takes `seconds`
    KILL_TOKEN = "kill_token"  # the session ends before the request is looked at  # noqa: S105

    BOOK_LATE = "book_late"  # the order shows itself after `seconds` only
    FILL = "fill"  # fill at most `quantity` units (0: none), after `seconds`
    REJECT_LATE = "reject_late"  # OPEN, then REJECTED with `message`
    CANCEL_LATE = "cancel_late"  # OPEN, then CANCELLED by the exchange with `message`
    SLOW_CANCEL = "slow_cancel"  # a cancellation takes `seconds`

    STREAM_SILENT = "stream_silent"  # an order update is not sent
    STREAM_TWICE = "stream_twice"  # it is sent twice
    STREAM_LATE = "stream_late"  # it is sent after the next one
    STREAM_DROP = "stream_drop"  # every connection is closed instead


ORDER_KINDS: Final = frozenset(
    {
        FaultKind.BOOK_LATE,
        FaultKind.FILL,
        FaultKind.REJECT_LATE,
        FaultKind.CANCEL_LATE,
        FaultKind.SLOW_CANCEL,
    }
)
STREAM_ROUTE: Final = "STREAM"
PLACE_ROUTE: Final = "POST /orders/*"
_DEFAULT_ROUTE: Final = dict.fromkeys(
    ORDER_KINDS | {FaultKind.NO_ORDER_ID, FaultKind.AUTOSLICE_LIST}, PLACE_ROUTE
) | {
    FaultKind.UNTAGGED: "GET /orders",
    **dict.fromkeys(
        (FaultKind.STREAM_SILENT, FaultKind.STREAM_TWICE, FaultKind.STREAM_LATE, FaultKind.STREAM_DROP),
        STREAM_ROUTE,
    ),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault. `route` is a shell pattern over `METHOD /path`, for stream faults over `STREAM STATUS`;
    it strikes `times` times (None: always) after letting `after` matching requests pass.
    `accepted`: whether the request was carried out before the answer went wrong. `seconds` is a delay:
    of the answer (before acceptance if not `accepted`), the fill, the end, the order's appearance."""

    kind: FaultKind
    route: str = ""
    times: int | None = 1
    after: int = 0
    accepted: bool = False
    seconds: float = 0.0
    quantity: int | None = None
    code: int = 400
    error_type: str = "InputException"
    message: str = "Something went wrong."
    body: str = ""
    content_type: str = "application/json"

    @property
    def pattern(self) -> str:
        return self.route or _DEFAULT_ROUTE.get(self.kind, "*")


TIMED_OUT: Final = "Order request timed out. Please check the order book and confirm before placing again."


@dataclass(kw_only=True)
class _Armed:
    fault: Fault
    seen: int = 0
    struck: int = 0

    def strikes(self, what: str) -> bool:
        if self.spent or not _matches(what, self.fault.pattern):
            return False
        self.seen += 1
        if self.seen <= self.fault.after:
            return False
        self.struck += 1
        return True

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times


@dataclass
class Faults:
    """The faults that are armed."""

    _armed: list[_Armed] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        self._armed.extend(_Armed(fault=fault) for fault in faults)

    def clear(self) -> None:
        self._armed.clear()

    def strike(self, what: str) -> list[Fault]:
        """The faults that hit this request (`POST /orders/regular`) or update (`STREAM COMPLETE`)."""
        if not self._armed:
            return []
        return [armed.fault for armed in self._armed if armed.strikes(what)]

    def report(self) -> list[dict[str, Any]]:
        """Each armed fault and how often it has struck."""
        return [{"fault": msgspec.to_builtins(armed.fault), "struck": armed.struck} for armed in self._armed]


def read_faults(body: bytes) -> list[Fault]:
    """A JSON list of faults. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(body, type=list[Fault])


def script_of(faults: list[Fault]) -> Script:
    """What the struck faults make of the order that is placed."""
    script: dict[str, Any] = {}
    for fault in faults:
        script |= _SCRIPTS[fault.kind](fault) if fault.kind in ORDER_KINDS else {}
    return Script(**script)


_SCRIPTS: Final = {
    FaultKind.BOOK_LATE: lambda fault: {"hidden_for": fault.seconds},
    FaultKind.FILL: lambda fault: {"fill_at_most": fault.quantity, "fill_after": fault.seconds},
    FaultKind.REJECT_LATE: lambda fault: {"reject": fault.message, "end_after": fault.seconds},
    FaultKind.CANCEL_LATE: lambda fault: {"cancel": fault.message, "end_after": fault.seconds},
    FaultKind.SLOW_CANCEL: lambda fault: {"cancel_takes": fault.seconds},
}


def _matches(what: str, pattern: str) -> bool:
    return fnmatchcase(what, pattern) or (pattern == STREAM_ROUTE and what.startswith(f"{STREAM_ROUTE} "))
