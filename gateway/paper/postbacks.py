"""Postbacks: an order's end or change, posted to the app's URL (facts/kite.md 4.1)."""

import asyncio
from hashlib import sha256
from typing import Any, Final

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from gateway.paper.words import Status

SENT_ON: Final = frozenset({Status.COMPLETE, Status.REJECTED, Status.CANCELLED, Status.UPDATE})
_TIMEOUT: Final = ClientTimeout(total=5)
_LEFT_OUT: Final = frozenset({"account_id", "modified", "validity_ttl", "tags"})
_log = structlog.get_logger(__name__)


def postback_body(row: dict[str, Any], api_secret: str, user_id: str) -> dict[str, Any]:
    """The body for an order row, as in the sample postback.json; the checksum covers id and time alone."""
    proof = sha256(f"{row['order_id']}{row['order_timestamp']}{api_secret}".encode()).hexdigest()
    kept = {name: value for name, value in row.items() if name not in _LEFT_OUT}
    return kept | {
        "user_id": user_id,
        "unfilled_quantity": row["pending_quantity"],
        "app_id": 0,
        "checksum": proof,
    }


class Postbacks:
    """Posts each body once; nobody waits for the answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, body: dict[str, Any]) -> None:
        task = asyncio.create_task(self._post(body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _post(self, body: dict[str, Any]) -> None:
        if self._session is None:
            self._session = ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.post(self._url, json=body) as answer:
                await answer.read()
        except (ClientError, TimeoutError) as error:
            _log.warning("postback_failed", order_id=body["order_id"], error=repr(error))
