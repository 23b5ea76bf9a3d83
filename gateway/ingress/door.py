"""What the door needs from the rest of the house."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from config.settings import Settings
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.session import Session
from gateway.wakeups import Changes
from storage.engine import Database


@dataclass(frozen=True, kw_only=True)
class TelegramDoor:
    """Where Telegram brings updates. When `take(body)` returns it is stored; ValueError: this is no update,
    or StorageFailed."""

    secret: str
    take: Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Door:
    """Handed over by the composition root.

    `readiness` gives the parts of `/readyz`, each `{"ok": bool, "detail": str}`; the door itself tries the
    database. `on_postback(venue, order_id)` has that order read again. `api_secrets`, by venue, verify the
    postbacks; live's is in the settings. `tell(html)` owes the owner a message. `telegram` is None while
    updates are asked for.
    """

    settings: Settings
    database: Database
    intake: Intake
    changes: Changes
    sessions: Mapping[str, Session]
    readiness: Callable[[], Awaitable[Mapping[str, Mapping[str, object]]]]
    on_postback: Callable[[str, str], Awaitable[None]]
    clock: Callable[[], datetime]
    tell: Callable[[str], Awaitable[None]] | None = None
    api_secrets: Mapping[str, str] = field(default_factory=dict)
    telegram: TelegramDoor | None = None
    metrics: Metrics = field(default_factory=Metrics)
