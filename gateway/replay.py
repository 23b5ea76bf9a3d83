"""`manjha replay`: a stored alert run again, from the door to the fill, on a paper exchange of its own."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.settings import Settings
from gateway.assembly import Gateway
from gateway.domain.errors import ManjhaError
from gateway.domain.order import new_alert_id
from gateway.domain.status import SETTLED
from gateway.ingress.payload import parse_body
from gateway.views import alert_view, settled_answer
from storage import alerts, audit
from storage.alerts import Arrival
from storage.engine import Database

#: By then a paper order is filled, or it never will be.
PATIENCE_SECONDS = 20.0


class NotReplayable(ManjhaError):
    """There is no such alert, or it says nothing that could be run."""


async def replay(settings: Settings, database: Database, alert_id: str) -> dict[str, Any]:
    """What becomes of the stored alert now: the webhook's answer, and each step with its reason.

    Nothing of the real gateway is touched: the database, the exchange and the phone are temporary.
    Approval is taken as given. Raises NotReplayable.
    """
    row = await database.read(lambda connection: alerts.get(connection, alert_id))
    if row is None:
        raise NotReplayable(f"there is no alert {alert_id}")
    signal = alerts.signal_of(row) if row.signal else parse_body(row.body)[0]
    with tempfile.TemporaryDirectory(prefix="manjha-replay-") as folder:
        gateway = Gateway(_on_paper(settings, Path(folder)))
        await gateway.start()
        try:
            return await _run(gateway, row.body, row.strategy, replace(signal, id=None, time=None))
        finally:
            await gateway.stop()


async def _run(gateway: Gateway, body: bytes, strategy: str, signal: Any) -> dict[str, Any]:
    await gateway.until_ready(PATIENCE_SECONDS)
    arrival = Arrival(
        alert_id=new_alert_id(),
        received_at=gateway.clock(),
        source="replay",
        body=body,
        body_hash=hashlib.sha256(body).hexdigest(),
        strategy=strategy,
        dedupe_key=None,
        signal=signal,
    )
    with gateway.wakeups.changes.watch(arrival.alert_id) as watch:
        await gateway.accept(arrival)
        while await watch.next(PATIENCE_SECONDS):
            view = await gateway.database.read(lambda connection: alert_view(connection, arrival.alert_id))
            if view is not None and view.status in SETTLED:
                break
    view = await gateway.database.read(lambda connection: alert_view(connection, arrival.alert_id))
    steps = await gateway.database.read(lambda connection: audit.trail(connection, arrival.alert_id))
    return {"answer": settled_answer(view) if view else None, "steps": steps}


def _on_paper(settings: Settings, folder: Path) -> Settings:
    """The owner's strategies and limits, on paper, with nobody to ask and free ports."""
    tree = settings.model_dump(mode="python")
    tree |= {"venue": "paper", "data_dir": folder / "data", "database_url": None, "webhook_secret": None}
    tree["market"]["hours"] = "always"
    tree["telegram"] |= {"bot_token": "", "chat_id": None}
    tree["server"] |= {"host": "127.0.0.1", "port": 0}
    tree["phone"]["port"] = 0
    tree["defaults"]["approval"] = "auto"
    for own in tree["strategies"].values():
        own |= {"venue": None, "approval": None}
    return Settings.model_validate(tree)
