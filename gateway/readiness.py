"""Whether each part can do its work now: for `/readyz` and the operator. No secret is in it."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.domain.errors import StorageFailed
from gateway.venues import VenueAccess
from storage import flags
from storage.engine import Database

Part = dict[str, Any]


class Readiness:
    """Looks at every part; `database` says whether an alert would be stored now."""

    def __init__(
        self,
        database: Database,
        venues: Mapping[str, VenueAccess],
        telegram_trouble: Callable[[], str | None],
    ) -> None:
        self._database = database
        self._venues = venues
        self._telegram_trouble = telegram_trouble

    async def parts(self) -> dict[str, Part]:
        """One entry a part: `ok` and a sentence."""
        trouble = self._telegram_trouble()
        return {
            **await self._storage(),
            "kite_session": self._sessions(),
            "instruments": self._instruments(),
            "telegram": {"ok": trouble is None, "detail": trouble or "connected"},
        }

    async def _storage(self) -> dict[str, Part]:
        """The write lock can be had, so an alert could be stored; and the kill switch's flag."""
        try:
            stopped = await self._database.write(
                lambda connection: flags.value(connection, flags.KILL_SWITCH) is not None
            )
        except StorageFailed as error:
            return {
                "database": {"ok": False, "detail": str(error)},
                "kill_switch": {"ok": False, "detail": "cannot be read"},
            }
        return {
            "database": {"ok": True, "detail": "writable"},
            "kill_switch": {"ok": not stopped, "detail": "on: nothing is sent" if stopped else "off"},
        }

    def _sessions(self) -> Part:
        views = {name: access.session.view() for name, access in self._venues.items()}
        detail = "; ".join(f"{name}: {view.detail}" for name, view in views.items())
        return {"ok": all(view.alive for view in views.values()), "detail": detail}

    def _instruments(self) -> Part:
        counts = {name: access.instruments.count for name, access in self._venues.items()}
        detail = "; ".join(f"{name}: {count} contracts" for name, count in counts.items())
        return {"ok": all(counts.values()), "detail": detail}
