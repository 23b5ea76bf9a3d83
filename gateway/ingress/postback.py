"""Kite's postbacks: a hint that an order changed, never the news itself (facts/kite.md 4.1)."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from aiohttp import web

from gateway.ingress.answers import Turned, answer
from gateway.ingress.door import Door
from gateway.ingress.middleware import read_body
from gateway.ingress.quiet import Quiet

log = structlog.get_logger()

#: Orders whose reading may be under way at once; what comes on top is left to the next look into the book.
MAX_PENDING: Final = 64


class _Postback(msgspec.Struct, frozen=True):
    """The part of a postback that the checksum covers, and the checksum."""

    order_id: str
    order_timestamp: str
    checksum: str


class Postbacks:
    """`POST /kite/postback`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        live = door.settings.kite.api_secret.get_secret_value()
        self._secrets = {"live": live, **door.api_secrets}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._again: set[tuple[str, str]] = set()
        self._quiet = Quiet()

    async def receive(self, request: web.Request) -> web.Response:
        """200 at once for whatever is well formed; only a right checksum leads to anything."""
        body = await read_body(request)
        try:
            postback = msgspec.json.decode(body, type=_Postback)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Turned(HTTPStatus.BAD_REQUEST, "this is no postback") from None
        venue = venue_of(postback, self._secrets)
        if venue is not None:
            self._look_soon(venue, postback.order_id)
        elif (muted := self._quiet.speak("forged")) is not None:
            log.warning("postback_with_wrong_checksum", muted=muted)
        return answer({"success": True})

    async def close(self, _app: web.Application) -> None:
        """Ends what is under way: after a restart the book is read anyway."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look_soon(self, venue: str, order_id: str) -> None:
        """One look an order at a time; a postback that comes during one means another look after it."""
        key = (venue, order_id)
        if key in self._tasks:
            self._again.add(key)
        elif len(self._tasks) < MAX_PENDING:
            self._tasks[key] = asyncio.create_task(self._look(key), name=f"postback {order_id}")
        elif (muted := self._quiet.speak("full")) is not None:
            log.warning("postback_left_to_the_book", order_id=order_id, muted=muted)

    async def _look(self, key: tuple[str, str]) -> None:
        try:
            while True:
                self._again.discard(key)
                await self._door.on_postback(*key)
                if key not in self._again:
                    return
        except Exception:  # the border of a background task; the book is read later anyway
            log.exception("postback_failed", venue=key[0], order_id=key[1])
        finally:
            self._again.discard(key)
            del self._tasks[key]


def venue_of(postback: _Postback, api_secrets: Mapping[str, str]) -> str | None:
    """The venue whose secret made the checksum, in constant time; an empty secret proves nothing."""
    offered = postback.checksum.encode("utf-8", "surrogatepass")
    found = None
    for venue, secret in api_secrets.items():
        text = f"{postback.order_id}{postback.order_timestamp}{secret}"
        expected = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest().encode()
        if hmac.compare_digest(expected, offered) and secret:
            found = venue
    return found
