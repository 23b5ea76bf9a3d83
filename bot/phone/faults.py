"""Scripted misfortune per Bot API method, for tests: what Telegram and the network between do to a bot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from bot.phone.errors import (
    ApiError,
    bad_request,
    conflict_of_pollers,
    not_found,
    stale_query,
    too_many_requests,
    unauthorized,
)

EVERY_METHOD = "*"


class FaultKind(StrEnum):
    """What goes wrong."""

    FLOOD = "flood"
    UNAUTHORIZED = "unauthorized"
    BLOCKED = "blocked"
    NO_CHAT = "no_chat"
    MALFORMED = "malformed"
    STALE_QUERY = "stale_query"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    SERVER_ERROR = "server_error"
    DROP_AFTER = "drop_after"
    DROP_BEFORE = "drop_before"
    DELAY = "delay"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Happens to the next `times` calls of `method` (`*` for any); with `chat_id` to those for that chat.

    `retry_after` (seconds) belongs to `flood`, `seconds` to `delay`, which answers late but truly.
    `drop_after` does what was asked and closes the connection without a word; `drop_before` only closes it.
    """

    method: str
    kind: FaultKind
    times: int = 1
    retry_after: int = 1
    seconds: float = 0.0
    chat_id: int | None = None

    def error(self) -> ApiError | None:
        """The refusal this fault stands for; None for drops and delays."""
        if self.kind is FaultKind.FLOOD:
            return too_many_requests(self.retry_after)
        make = _ERRORS.get(self.kind)
        return None if make is None else make()

    def record(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


_ERRORS: Mapping[FaultKind, Callable[[], ApiError]] = {
    FaultKind.UNAUTHORIZED: unauthorized,
    FaultKind.MALFORMED: lambda: bad_request("can't parse entities: unsupported start tag at byte offset 0"),
    FaultKind.STALE_QUERY: stale_query,
    FaultKind.NO_CHAT: lambda: bad_request("chat not found"),
    FaultKind.BLOCKED: lambda: ApiError(403, "Forbidden: bot was blocked by the user"),
    FaultKind.NOT_FOUND: not_found,
    FaultKind.CONFLICT: conflict_of_pollers,
    FaultKind.SERVER_ERROR: lambda: ApiError(500, "Internal Server Error"),
}


class Faults:
    """The script: faults happen in the order they were added, each method on its own."""

    def __init__(self) -> None:
        self._script: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Appends a fault to the script."""
        self._script.append(fault)

    def clear(self) -> None:
        """Forgets the rest of the script."""
        self._script.clear()

    def pending(self) -> Sequence[Fault]:
        """What has not happened yet."""
        return tuple(self._script)

    def take(self, method: str, chat_id: int | None = None) -> Fault | None:
        """The fault that befalls this call, if any; counts it down."""
        for index, fault in enumerate(self._script):
            its_method = fault.method.lower() in (EVERY_METHOD, method.lower())
            if its_method and fault.chat_id in (None, chat_id):
                self._script[index : index + 1] = (
                    [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                )
                return fault
        return None


def fault_from_json(record: dict[str, Any]) -> Fault:
    """Raises TypeError or ValueError for a record that is no fault."""
    return Fault(**{**record, "kind": FaultKind(record.get("kind", ""))})
