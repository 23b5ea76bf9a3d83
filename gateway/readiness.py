"""Whether each part can do its work now: for `/readyz` and the operator. No secret is in it."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.domain.errors import StorageFailed
from gateway.reconciliation import Reconciler
from gateway.venues import VenueAccess
from storage import flags
from storage.engine import Database

Part = dict[str, Any]


class Readiness:
    """Looks at every part but the database, which the door tries itself."""

    def __init__(
        self,
        database: Database,
        venues: Mapping[str, VenueAccess],
        reconcilers: Mapping[str, Reconciler],
        telegram_trouble: Callable[[], str | None],
    ) -> None:
        self._reconcilers = reconcilers
        self._database = database
        self._venues = venues
        self._telegram_trouble = telegram_trouble

    async def parts(self) -> dict[str, Part]:
        """One entry a part: `ok` and a sentence."""
        trouble = self._telegram_trouble()
        return {
            "kill_switch": await self._kill_switch(),
            "kite_session": self._sessions(),
            "instruments": self._instruments(),
            "telegram": {"ok": trouble is None, "detail": trouble or "connected"},
        }

    async def _kill_switch(self) -> Part:
        try:
            stopped = await self._database.read(
                lambda connection: flags.value(connection, flags.KILL_SWITCH) is not None
            )
        except StorageFailed as error:
            return {"ok": False, "detail": str(error)}
        return {"ok": not stopped, "detail": "on: nothing is sent" if stopped else "off"}

    def _sessions(self) -> Part:
        views = {name: access.session.view() for name, access in self._venues.items()}
        troubles = {name: reconciler.trouble for name, reconciler in self._reconcilers.items()}
        detail = "; ".join(
            f"{name}: {view.detail}" + (f" (order book: {troubles[name]})" if troubles[name] else "")
            for name, view in views.items()
        )
        alive = all(view.alive for view in views.values())
        return {"ok": alive and not any(troubles.values()), "detail": detail}

    def _instruments(self) -> Part:
        counts = {name: access.instruments.count for name, access in self._venues.items()}
        detail = "; ".join(f"{name}: {count} contracts" for name, count in counts.items())
        return {"ok": all(counts.values()), "detail": detail}
