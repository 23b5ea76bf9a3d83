"""Keeps a venue ready: logged in where that needs no person, its instrument list of the day."""

import asyncio
import html
from collections.abc import Awaitable, Callable
from datetime import datetime, time

import structlog

from gateway.domain.errors import BrokerError, Refusal
from gateway.venues import VenueAccess

log = structlog.get_logger()

#: How often it looks whether something is missing, and how soon it tries again what failed.
LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0


class VenueKeeper:
    """Looks after one venue's session and instruments."""

    def __init__(
        self,
        access: VenueAccess,
        clock: Callable[[], datetime],
        *,
        instruments_at: time,
        request_token: Callable[[], str] | None,
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        """`request_token`: a login's token without a person (the paper exchange); `tell`: takes a notice."""
        self._access = access
        self._clock = clock
        self._instruments_at = instruments_at
        self._request_token = request_token
        self._tell = tell
        self._retry_at = 0.0
        self._complained = False

    async def run(self) -> None:
        """Keeps it ready for as long as it is not cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Does what is missing now."""
        self._access.session.expire()
        if self._request_token is not None and not self._access.session.alive:
            await self._log_in(self._request_token)
        if asyncio.get_running_loop().time() < self._retry_at:
            return
        if self._access.instruments.is_stale(self._clock(), self._instruments_at):
            await self._refresh()

    def retry_now(self) -> None:
        """Something changed (a login): what failed is tried again at once."""
        self._retry_at = 0.0

    async def _log_in(self, request_token: Callable[[], str]) -> None:
        try:
            await self._access.session.login(request_token())
        except BrokerError as error:
            log.warning("paper_login_failed", error=error.sentence)

    async def _refresh(self) -> None:
        """The old list stays in use when a new one cannot be had; that is told once."""
        try:
            changes = await self._access.instruments.refresh(self._clock())
        except (BrokerError, Refusal) as error:
            self._retry_at = asyncio.get_running_loop().time() + RETRY_SECONDS
            log.warning("instruments_not_refreshed", venue=self._access.venue, error=error.sentence)
            # Before the day's login nobody is surprised; the reminder to log in says it.
            if self._access.session.alive and not self._complained:
                self._complained = True
                await self._tell(
                    f"⚠️ <b>No new instrument list</b> ({self._access.venue}): {html.escape(error.sentence)}\n"
                    + self._in_use()
                )
            return
        self._complained = False
        await self._access.prices.forget()
        if changes:
            lines = "\n".join(f"• {html.escape(str(change))}" for change in changes)
            await self._tell(
                f"📏 <b>Lots have changed</b> ({self._access.venue})\n{lines}\n"
                "Alerts with `quantity` must be multiples of the new lot."
            )

    def _in_use(self) -> str:
        count = self._access.instruments.count
        return (
            f"The old one ({count} contracts) stays in use."
            if count
            else "Nothing can be ordered without it."
        )
