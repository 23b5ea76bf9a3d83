"""Telegram's webhook: an update is stored before it is answered, and worked on afterwards."""

import hmac
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web

from gateway.domain.errors import StorageFailed
from gateway.ingress.answers import Turned, answer
from gateway.ingress.door import TelegramDoor
from gateway.ingress.middleware import read_body
from gateway.ingress.quiet import Quiet

log = structlog.get_logger()

PATH: Final = "/telegram/webhook"
#: A press brings the whole message it hangs on; server.max_body_bytes is for alerts.
MAX_BODY_BYTES: Final = 262_144
_PROOF_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
#: Telegram sends again whatever is not answered with 2xx (facts/telegram.md 1.2).
_RETRY_AFTER: Final[dict[str, str]] = {hdrs.RETRY_AFTER: "5"}


class TelegramUpdates:
    """`POST /telegram/webhook`."""

    def __init__(self, door: TelegramDoor) -> None:
        self._door = door
        self._quiet = Quiet()

    async def receive(self, request: web.Request) -> web.Response:
        """200 once the update is on disk. 401 without Telegram's secret, 503 when it cannot be stored."""
        offered = request.headers.get(_PROOF_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(offered, self._door.secret.encode()):
            if (muted := self._quiet.speak("forged")) is not None:
                log.warning("update_without_secret", muted=muted)
            raise Turned(HTTPStatus.UNAUTHORIZED, "this is not Telegram")
        body = await read_body(request.clone(client_max_size=MAX_BODY_BYTES))
        try:
            await self._door.take(body)
        except ValueError:
            raise Turned(HTTPStatus.BAD_REQUEST, "this is no update") from None
        except StorageFailed:
            raise Turned(HTTPStatus.SERVICE_UNAVAILABLE, "it could not be stored", _RETRY_AFTER) from None
        return answer({"success": True})
