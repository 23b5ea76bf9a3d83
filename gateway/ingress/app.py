"""The HTTP door as one application, and its listening port."""

from typing import Final

from aiohttp import web

from gateway.ingress.door import Door
from gateway.ingress.gatekeeper import Gatekeeper
from gateway.ingress.login import LoginPages
from gateway.ingress.middleware import expect, surround
from gateway.ingress.new_names import NewNames
from gateway.ingress.postback import Postbacks
from gateway.ingress.protocol import Connections, DoorSite
from gateway.ingress.status import StatusPages
from gateway.ingress.telegram import PATH as TELEGRAM_PATH
from gateway.ingress.telegram import TelegramUpdates
from gateway.ingress.webhook import PATH, Webhook

__all__ = ["Door", "build_app", "serve"]

_CONNECTIONS: Final = web.AppKey("connections", Connections)
#: How long the answers under way have to get out when the process ends, in seconds.
_SHUTDOWN_SECONDS: Final = 4.0


def build_app(door: Door) -> web.Application:
    """Every route of the contract."""
    app = web.Application(
        middlewares=[surround(door.metrics)], client_max_size=door.settings.server.max_body_bytes
    )
    app[_CONNECTIONS] = Connections(door.settings.server.trusted_proxies, door.metrics)
    gatekeeper = Gatekeeper(door.settings, door.metrics, door.clock)
    new_names = NewNames(door.settings, door.database, door.tell, door.clock)
    webhook, postbacks = Webhook(door, gatekeeper, new_names), Postbacks(door)
    status, login = StatusPages(door, gatekeeper), LoginPages(door, gatekeeper)
    app.add_routes(
        [
            web.post(PATH, webhook.receive, expect_handler=expect),
            web.post(PATH + "/{secret}", webhook.receive, expect_handler=expect),
            web.get("/alerts/{alert_id}", status.alert, allow_head=False),
            web.get("/healthz", status.alive),
            web.get("/readyz", status.ready),
            web.get("/metrics", status.metrics, allow_head=False),
            web.get("/kite/login", login.begin, allow_head=False),
            web.get("/kite/callback", login.finish, allow_head=False),
            web.post("/kite/postback", postbacks.receive, expect_handler=expect),
        ]
    )
    if door.telegram is not None:
        updates = TelegramUpdates(door.telegram)
        app.add_routes([web.post(TELEGRAM_PATH, updates.receive, expect_handler=expect)])
    app.on_shutdown.append(webhook.stop_waiting)
    app.on_cleanup.extend((postbacks.close, new_names.close))
    return app


async def serve(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listens; returns the runner (its `cleanup()` ends everything) and the bound port; 0 takes a free one.

    Raises OSError when the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    site = DoorSite(runner, host.strip("[]"), port, app[_CONNECTIONS])
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, site.port
