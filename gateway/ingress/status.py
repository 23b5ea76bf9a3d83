"""Looking in: one alert's life, whether we live, whether we are ready, the figures."""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web
from sqlalchemy import Connection, delete, insert

from gateway import metrics
from gateway.domain.errors import StorageFailed
from gateway.ingress.answers import Turned, answer
from gateway.ingress.door import Door
from gateway.ingress.gatekeeper import Gatekeeper
from gateway.views import life_of
from storage.engine import TURN_SECONDS
from storage.tables import login_states

Parts = dict[str, Mapping[str, object]]

#: How long an answer of `/readyz` is good for, in seconds: however often it is asked, the disk is tried once
#: (a try on a locked database holds up alerts for as long as one of theirs would).
READY_SECONDS: Final = 2.0
_PROBE = "readyz"


class StatusPages:
    """The pages that change nothing."""

    def __init__(self, door: Door, gatekeeper: Gatekeeper) -> None:
        self._door = door
        self._gatekeeper = gatekeeper
        self._parts: Parts = {}
        self._parts_until = 0.0
        self._looking = asyncio.Lock()
        secret = door.settings.webhook_secret
        self._secret = secret.get_secret_value() if secret is not None else None

    async def alert(self, request: web.Request) -> web.Response:
        """`GET /alerts/{alert_id}`: the whole life of an alert, for its owner."""
        self._gatekeeper.authenticate_owner(request)
        alert_id = request.match_info["alert_id"]
        try:
            life = await self._door.database.read(lambda connection: life_of(connection, alert_id))
        except StorageFailed as error:
            raise Turned(HTTPStatus.SERVICE_UNAVAILABLE, "the database cannot be read") from error
        if life is None:
            raise Turned(HTTPStatus.NOT_FOUND, "there is no such alert")
        return answer(self._without_secret(life))

    async def alive(self, request: web.Request) -> web.Response:
        """`GET /healthz`."""
        return answer({"ok": True})

    async def ready(self, request: web.Request) -> web.Response:
        """`GET /readyz`: 200 if an alert would be stored now."""
        async with self._looking:
            if time.monotonic() >= self._parts_until:
                self._parts = await self._look()
                self._parts_until = time.monotonic() + READY_SECONDS
        stored = self._parts["database"]["ok"]
        return answer(self._parts, HTTPStatus.OK if stored else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(self, request: web.Request) -> web.Response:
        """`GET /metrics`: this machine's own programs, or the owner."""
        self._gatekeeper.authenticate_owner(request, local_is_owner=True)
        return web.Response(
            body=self._door.metrics.text(),
            headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE, hdrs.SERVER: "Manjha"},
        )

    async def _look(self) -> Parts:
        return {**await self._door.readiness(), "database": await self._try_database()}

    async def _try_database(self) -> Mapping[str, object]:
        """A real write, on disk: a full, a locked and a read-only disk all show."""
        now = self._door.clock()

        def probe(connection: Connection) -> None:
            connection.execute(
                insert(login_states).values(state=_PROBE, venue="", created_at=now, used_at=now)
            )
            connection.execute(delete(login_states).where(login_states.c.state == _PROBE))

        try:
            await self._door.database.write(probe, within=TURN_SECONDS)
        except StorageFailed as error:
            return {"ok": False, "detail": str(error)}
        return {"ok": True, "detail": "an alert would be stored"}

    def _without_secret(self, life: dict[str, Any]) -> dict[str, Any]:
        """What the owner looks up here may be pasted elsewhere."""
        if self._secret is None:
            return life
        return {**life, "body": life["body"].replace(self._secret, "***")}
