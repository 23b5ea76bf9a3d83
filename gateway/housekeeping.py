"""What is done once a day for the machine's own sake: the backup, and old messages cleared away."""

import asyncio
import html
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from storage import retention
from storage.backup import BackupFailed, back_up, daily, database_file, prune
from storage.engine import Database

log = structlog.get_logger()

#: How long what the owner was told, finished logins and runs of jobs are kept, in days.
KEPT_DAYS = 60
#: So many rows go in one transaction, and so long may alerts go first after it, in seconds.
ROWS, BREATH = 500, 0.05

Tell = Callable[[str], Awaitable[None]]


class Housekeeping:
    """Each job may be broken off and begun again."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        keep: int,
        clock: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        self._database = database
        self._folder = folder
        self._keep = keep
        self._clock = clock
        self._tell = tell
        self.last_backup: datetime | None = None

    async def back_up(self, day: date) -> None:
        """The day's copy, and the oldest ones removed; told when there is none, and tried again tomorrow."""
        if database_file(self._database.url) is None:
            return
        destination = daily(self._folder, day)
        if not destination.exists():
            try:
                size = await asyncio.to_thread(back_up, self._database.url, destination)
            except BackupFailed as error:
                log.error("backup_failed", error=str(error))
                await self._tell(
                    f"⚠️ <b>No backup today</b>: {html.escape(str(error))}. The next try is tomorrow; "
                    "<code>manjha backup FILE</code> makes one now."
                )
                return
            log.info("backup_made", file=str(destination), bytes=size)
        self.last_backup = self._clock()
        removed = await asyncio.to_thread(prune, self._folder, self._keep)
        log.info("backups_pruned", removed=len(removed))

    async def clear_away(self, _day: date) -> None:
        """In small transactions, so that an alert never waits long for the writer. Raises StorageFailed."""
        before = self._clock() - timedelta(days=KEPT_DAYS)
        old = await self._database.read(lambda connection: retention.find(connection, before))
        cleared = 0
        while count := await self._database.write(partial(retention.clear_some, old=old, count=ROWS)):
            cleared += count
            await asyncio.sleep(BREATH)
        old_cards = partial(retention.old_cards, before=before, count=ROWS)
        while subjects := await self._database.read(old_cards):
            cleared += await self._database.write(partial(retention.forget_cards, subjects=subjects))
            await asyncio.sleep(BREATH)
        log.info("cleared_away", rows=cleared)
