"""What the door needs from the rest of the house."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.session import Session
from gateway.wakeups import Changes
from storage.engine import Database


@dataclass(frozen=True, kw_only=True)
class Door:
    """Handed over by the composition root.

    `sessions` and `api_secrets` (they verify postbacks) are keyed by venue. `readiness` tells of the parts that
    the door cannot judge itself, `instruments` and `telegram`, each `{"ok": bool, "detail": str}`; a key it gives
    for another part but `database` takes the place of the door's own. `on_postback(venue, order_id)` has that
    order read again.
    """

    settings: Settings
    database: Database
    intake: Intake
    changes: Changes
    sessions: Mapping[str, Session]
    api_secrets: Mapping[str, str]
    readiness: Callable[[], Awaitable[Mapping[str, Mapping[str, object]]]]
    on_postback: Callable[[str, str], Awaitable[None]]
    clock: Callable[[], datetime]
    metrics: Metrics
