"""`POST /webhook/tradingview`: limits, then proof, then understanding, then the disk, then the answer."""

import asyncio
import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web
from multidict import MultiDict

from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.domain.status import SETTLED
from gateway.ingress import answers, payload
from gateway.ingress.answers import Fields, Turned
from gateway.ingress.arrivals import Arrivals, Errand
from gateway.ingress.door import Door
from gateway.ingress.gatekeeper import Gatekeeper
from gateway.ingress.middleware import read_body
from gateway.ingress.new_names import NewNames
from gateway.views import alert_view, settled_answer
from gateway.wakeups import Watch
from storage.alerts import Stored

log = structlog.get_logger()

PATH: Final = "/webhook/tradingview"
#: TradingView sends again 5 s after a 503 (facts/tradingview.md 1).
_RETRY_AFTER: Final[dict[str, str]] = {hdrs.RETRY_AFTER: "5"}
_NO_QUERY: Final[MultiDict[str]] = MultiDict()
#: A waiting answer looks again this often even when nothing is announced, in seconds.
_LOOK_AGAIN_SECONDS: Final = 1.0


class Webhook:
    """Takes alerts in."""

    def __init__(self, door: Door, gatekeeper: Gatekeeper, new_names: NewNames) -> None:
        self._door = door
        self._new_names = new_names
        self._gatekeeper = gatekeeper
        self._arrivals = Arrivals(door.settings, door.clock)
        self._closing = False

    async def receive(self, request: web.Request) -> web.Response:
        """One body, of one alert or several."""
        started = time.perf_counter()
        checkpoint("door.request_begun")
        client = self._gatekeeper.admit_sender(request)
        body = await read_body(request)
        checkpoint("door.body_read")
        document = payload.read(body)
        found = (request.match_info.get("secret"), payload.secret_of(document))
        offered = [secret for secret in found if secret is not None]
        webhook_id = self._gatekeeper.authenticate_alert(request, client, offered, body)
        checkpoint("door.authenticated")
        query = request.query if request.rel_url.raw_query_string else _NO_QUERY
        errand = self._arrivals.errand(
            body, document, query=query, source=f"webhook {client}", webhook_id=webhook_id
        )
        checkpoint("door.understood")
        if errand.wait:
            return await self._settle(errand, started)
        return answers.of_body(await self._acknowledged(errand, started), several=errand.several)

    async def stop_waiting(self, _app: web.Application) -> None:
        """The process ends: those who wait get the answer as it stands."""
        self._closing = True

    async def _settle(self, errand: Errand, started: float) -> web.Response:
        """The answer that waits. Watches are opened before the alert is stored: no news of it is missed."""
        with ExitStack() as stack:
            changes = self._door.changes
            watches = [stack.enter_context(changes.watch(each.alert_id)) for each in errand.arrivals]
            each = await self._acknowledged(errand, started)
            try:
                each = await self._settled(errand, each, watches)
            except Exception:  # the border: behind it the alert is acknowledged, whatever happens
                log.exception("settled_answer_failed")
            return answers.of_body(each, several=errand.several)

    async def _acknowledged(self, errand: Errand, started: float) -> list[Fields]:
        """Each alert's answer; from here on it is kept: no failure may tell its sender to send it again."""
        stored = await self._store(errand, started)
        checkpoint("door.stored")
        self._new_names.notice(errand.arrivals)
        each = [answers.at_the_door(*pair) for pair in zip(errand.arrivals, stored, strict=True)]
        for fields in each:
            self._door.metrics.came_to(fields["status"]).inc()
        return each

    async def _store(self, errand: Errand, started: float) -> list[Stored]:
        metrics = self._door.metrics
        try:
            stored = await self._door.intake.accept(errand.arrivals)
        except Exception as error:  # the border: whatever stood in the way, nothing is stored
            metrics.came_to("not_stored").inc(len(errand.arrivals))
            self._door.intake.answered_503(errand.arrivals, str(error))
            fault_of_ours = None if isinstance(error, StorageFailed) else error
            log.error("alert_not_stored", error=str(error), exc_info=fault_of_ours)
            sentence = "the alert could not be stored; send it again"
            raise Turned(HTTPStatus.SERVICE_UNAVAILABLE, sentence, _RETRY_AFTER) from error
        metrics.acknowledgement.observe(time.perf_counter() - started)
        return stored

    async def _settled(self, errand: Errand, each: list[Fields], watches: list[Watch]) -> list[Fields]:
        deadline = asyncio.get_running_loop().time() + errand.wait
        return [
            await self._outcome(fields, watch, deadline) if fields["status"] == "queued" else fields
            for fields, watch in zip(each, watches, strict=True)
        ]

    async def _outcome(self, queued: Fields, watch: Watch, deadline: float) -> Fields:
        """The answer once the alert is settled, or how it stands at the deadline (in the loop's time)."""
        while True:
            view = await self._door.database.read(
                lambda connection: alert_view(connection, queued["alert_id"])
            )
            left = deadline - asyncio.get_running_loop().time()
            if view is None:
                return queued
            if view.status in SETTLED or left <= 0 or self._closing:
                return settled_answer(view)
            await watch.next(min(left, _LOOK_AGAIN_SECONDS))
