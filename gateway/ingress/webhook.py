"""`POST /webhook/tradingview`: limits, then proof, then understanding, then the disk, then the answer."""

import asyncio
import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web

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
from storage.alerts import Arrival, Stored

log = structlog.get_logger()

PATH: Final = "/webhook/tradingview"
#: TradingView sends again 5 s after a 503 (facts/tradingview.md 1).
_RETRY_AFTER: Final[dict[str, str]] = {hdrs.RETRY_AFTER: "5"}
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
        errand = self._arrivals.errand(
            body, document, query=request.query, source=f"webhook {client}", webhook_id=webhook_id
        )
        checkpoint("door.understood")
        with ExitStack() as stack:
            watches = (
                [stack.enter_context(self._watch(each)) for each in errand.arrivals] if errand.wait else []
            )
            stored = await self._store(errand, started)
            checkpoint("door.stored")
            return await self._answer(errand, stored, watches)

    async def stop_waiting(self, _app: web.Application) -> None:
        """The process ends: those who wait get the answer as it stands."""
        self._closing = True

    def _watch(self, arrival: Arrival) -> Watch:
        """Opened before the alert is stored, so that no news of it is missed."""
        return self._door.changes.watch(arrival.alert_id)

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

    async def _answer(self, errand: Errand, stored: list[Stored], watches: list[Watch]) -> web.Response:
        """From here on the alert is kept: no failure may tell its sender to send it again."""
        self._new_names.notice(arrival.strategy for arrival in errand.arrivals)
        each = [answers.at_the_door(*pair) for pair in zip(errand.arrivals, stored, strict=True)]
        for fields in each:
            self._door.metrics.came_to(fields["status"]).inc()
        if watches:
            try:
                each = await self._settled(errand, each, watches)
            except Exception:  # the border: behind it the alert is acknowledged, whatever happens
                log.exception("settled_answer_failed")
        return answers.of_body(each, several=errand.several)

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
