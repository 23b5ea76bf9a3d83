"""The audit trail, verified: at each start what is new since the last time, every night the whole chain."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from gateway.domain.errors import StorageFailed
from storage import audit, flags
from storage.audit import BEGINNING, ChainBroken, Sealed
from storage.engine import Database

log = structlog.get_logger()

#: So many rows are read and hashed at a stretch (5 ms), and so long is the breath after them, in seconds.
ROWS, BREATH = 250, 0.01
#: Up to which row the chain was found whole, and that row's hash; itself a row of the trail.
VERIFIED = "audit verified"

_BROKEN = (
    "🚨 <b>The audit trail is broken</b> at row {row}: something or somebody changed the database past "
    "Manjha. Trust no figure before you have looked into it: compare with a backup, and your positions with "
    "Kite's own app."
)

Tell = Callable[[str], Awaitable[None]]


class AuditTrail:
    """Reads beside the writer, a little at a time. `broken_at` is the row that did not fit, once found."""

    def __init__(self, database: Database, clock: Callable[[], datetime], tell: Tell) -> None:
        self._database = database
        self._clock = clock
        self._tell = tell
        self.broken_at: int | None = None

    async def verify_new(self) -> None:
        """What was appended since the last verification that found all well; told when it does not fit.

        A database that cannot be read is others' news, and ends this quietly.
        """
        try:
            await self._verify(await self._database.read(verified))
        except StorageFailed as error:
            log.warning("audit_trail_not_read", error=str(error))

    async def verify_all(self) -> None:
        """The whole chain, from its first row; told when it does not fit. Raises StorageFailed."""
        await self._verify(BEGINNING)

    async def _verify(self, after: Sealed) -> None:
        known = await self._database.read(verified)
        try:
            await self._database.read(partial(audit.check_stands, sealed=known))
            last = await self._through(after)
        except ChainBroken as broken:
            self.broken_at = broken.seq
            log.error("audit_trail_broken", row=broken.seq)
            await self._tell(_BROKEN.format(row=broken.seq))
            return
        self.broken_at = None
        log.info("audit_trail_verified", rows=last.seq, hash=last.hash)
        if last != known:
            await self._database.write(lambda connection: self._note(connection, last))

    async def _through(self, after: Sealed) -> Sealed:
        while True:
            last = await self._database.read(partial(audit.verify_next, after=after, count=ROWS))
            if last == after:
                return last
            after = last
            await asyncio.sleep(BREATH)

    def _note(self, connection: Connection, last: Sealed) -> None:
        flags.put(connection, VERIFIED, f"{last.seq}:{last.hash}", by="the audit trail", at=self._clock())


def verified(connection: Connection) -> Sealed:
    """Up to which row the chain was found whole the last time."""
    noted = flags.value(connection, VERIFIED)
    if noted is None:
        return BEGINNING
    seq, _, found = noted.partition(":")
    return Sealed(seq=int(seq), hash=found)
