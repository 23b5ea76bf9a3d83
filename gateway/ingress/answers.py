"""Answers as JSON: the envelope of refusals, and what an alert is told at the door."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from gateway.domain.order import AlertState
from storage.alerts import Arrival, Stored

#: `Server` spares the world the names and versions that aiohttp would give away there.
_HEADERS = CIMultiDict(
    {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Server": "Manjha",
        "Content-Type": "application/json",
    }
)

#: An answer's fields.
Fields = dict[str, Any]


class Turned(Exception):
    """The request is turned away: a status, a sentence for its sender, headers. The middleware answers it."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers


def answer(
    fields: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Any JSON-able fields; not to be kept by caches."""
    return web.Response(
        body=msgspec.json.encode(fields),
        status=status,
        headers=_HEADERS if headers is None else {**_HEADERS, **headers},
    )


def refusal(status: int, error: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The envelope of everything that is not done."""
    return answer({"success": False, "error": error}, status, headers)


def at_the_door(arrival: Arrival, stored: Stored) -> Fields:
    """What one alert's sender is told once it is on disk. A duplicate hears its first one's id."""
    if stored.duplicate_of is not None:
        message = "the same alert came before; nothing is ordered for it again"
        return _accepted(stored.duplicate_of, "duplicate", message)
    if stored.state is AlertState.INVALID:
        return {
            "success": False,
            "alert_id": stored.alert_id,
            "status": "invalid",
            "error": arrival.reason,
            "field": arrival.field,
        }
    return _accepted(stored.alert_id, "queued", "stored; it is being worked on")


def of_body(each: Sequence[Fields], *, several: bool) -> web.Response:
    """The answer to one body: the alert's own, or an array's.

    An array's answer holds all in `alerts`, and has at its top the first that was not understood (400), else
    simply the first (200).
    """
    invalid = next((fields for fields in each if fields.get("status") == "invalid"), None)
    top = each[0] if invalid is None else invalid
    status = HTTPStatus.OK if invalid is None else HTTPStatus.BAD_REQUEST
    return answer({**top, "alerts": list(each)} if several else top, status)


def _accepted(alert_id: str, status: str, message: str) -> Fields:
    return {"success": True, "alert_id": alert_id, "status": status, "message": message}
