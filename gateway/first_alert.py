"""The test alert at the end of `manjha init`: through the real door, onto the phone, approved on paper."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import aiohttp

from config.settings import Settings
from gateway.assembly import Gateway
from gateway.domain.errors import ManjhaError
from gateway.views import alert_view
from storage import notices

#: So long a message may take to its phone, in seconds: the owner may have to press Start first.
PATIENCE_SECONDS = 180.0
READY_SECONDS = 30.0
_LOOK_SECONDS = 0.2
#: Until then nobody wonders why it takes so long.
_SILENT_SECONDS = 3.0
_ALERT = {"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": "ATM", "lots": 1}

Say = Callable[[str], None]


class NotSeen(ManjhaError):
    """The test alert did not reach the phone; the text says why."""


async def send_first_alert(settings: Settings, say: Say, seen: Callable[[], Awaitable[None]]) -> None:
    """Runs a gateway on paper with the owner's phone, sends it one alert, and waits until it is delivered.

    `seen` is awaited while the gateway still runs, so that Approve can be tapped. Nothing is left behind:
    its database is temporary. Raises NotSeen.
    """
    with tempfile.TemporaryDirectory(prefix="manjha-init-") as folder:
        gateway = Gateway(_on_paper(settings, Path(folder)))
        await gateway.start()
        try:
            if gateway.telephone.page_url:
                say(f"The phone: open {gateway.telephone.page_url}")
            await gateway.until_ready(READY_SECONDS)
            alert_id = await _send(gateway, settings)
            await _delivered(gateway, alert_id, say)
            say("The test alert is on your phone: one lot of NIFTY on paper. Tap Approve to see it filled.")
            await seen()
            say(await _outcome(gateway, alert_id))
        except TimeoutError as error:
            raise NotSeen("the gateway did not become ready; the log says why") from error
        finally:
            await gateway.stop()


async def _send(gateway: Gateway, settings: Settings) -> str:
    secret = settings.webhook_secret
    path = f"/{secret.get_secret_value()}" if secret else ""
    url = f"{gateway.address}/webhook/tradingview{path}"
    async with aiohttp.ClientSession() as http, http.post(url, data=json.dumps(_ALERT)) as answer:
        said = await answer.json()
    if answer.status != 200:
        raise NotSeen(f"the webhook answered {answer.status}: {said.get('error')}")
    return str(said["alert_id"])


async def _delivered(gateway: Gateway, alert_id: str, say: Say) -> None:
    """Until Telegram (or the page) has taken the question."""
    subject = f"alert:{alert_id}"
    chats = gateway.ground.outbox.chat_ids
    loop = asyncio.get_running_loop()
    began, said = loop.time(), ""
    while loop.time() - began < PATIENCE_SECONDS:
        taken = [
            await gateway.database.read(partial(notices.places_of, chat_id=chat, subjects=[subject]))
            for chat in chats
        ]
        if all(taken):
            return
        trouble = gateway.telephone.trouble()
        if trouble and trouble != said and loop.time() - began > _SILENT_SECONDS:
            said = trouble
            say(f"Not there yet: {trouble}. Open the bot in Telegram and press Start; it is tried again.")
        await asyncio.sleep(_LOOK_SECONDS)
    raise NotSeen(f"the test alert did not reach the phone: {gateway.telephone.trouble() or 'no answer'}")


async def _outcome(gateway: Gateway, alert_id: str) -> str:
    view = await gateway.database.read(lambda connection: alert_view(connection, alert_id))
    return f"Its status now: {view.status}." if view else "It is gone."


def _on_paper(settings: Settings, folder: Path) -> Settings:
    """The owner's phone and secret; everything else temporary, on paper, on a free port."""
    tree = settings.model_dump(mode="python")
    tree |= {"venue": "paper", "data_dir": folder / "data", "database_url": None, "strategies": {}}
    tree["market"]["hours"] = "always"
    tree["server"] |= {"host": "127.0.0.1", "port": 0, "allowed_ips": (), "trusted_proxies": ()}
    tree["defaults"]["approval"] = "confirm"
    tree["kite"] = {}
    return Settings.model_validate(tree)
