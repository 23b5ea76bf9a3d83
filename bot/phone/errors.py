"""Failures of the Bot API in Telegram's own words (facts/telegram.md 1)."""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A call that Telegram answers with `ok: false`; carries the HTTP status and the description."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def body(self) -> Mapping[str, Any]:
        """The JSON body as Telegram sends it; `parameters.retry_after` is in seconds."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            answer["parameters"] = {"retry_after": self.retry_after}
        return answer


def bad_request(words: str) -> ApiError:
    """A 400 with Telegram's prefix."""
    return ApiError(400, f"Bad Request: {words}")


def unauthorized() -> ApiError:
    """What a wrong token is answered with."""
    return ApiError(401, "Unauthorized")


def not_found() -> ApiError:
    """What an unknown method is answered with."""
    return ApiError(404, "Not Found")


def too_many_requests(seconds: int) -> ApiError:
    """Flood control: come back after `seconds`."""
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def conflict_of_pollers() -> ApiError:
    """The older of two long polls ends with this (facts/telegram.md 1.2)."""
    return ApiError(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )


def conflict_with_webhook() -> ApiError:
    """getUpdates is refused while a webhook is set."""
    return ApiError(
        409,
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first",
    )


def stale_query() -> ApiError:
    """A button press answered too late, twice, or never made."""
    return bad_request("query is too old and response timeout expired or query ID is invalid")


def not_modified() -> ApiError:
    """An edit that changes nothing."""
    return bad_request(
        "message is not modified: specified new message content and reply markup are exactly "
        "the same as a current content and reply markup of the message"
    )
