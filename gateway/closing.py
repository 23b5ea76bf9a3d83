"""Closing by the owner's hand, the day's end or the kill switch: each a row, pursued until it is flat."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway.closing_scene import Aim
from gateway.domain.errors import StorageFailed
from gateway.pursuit import Pursuit, Tools
from storage import closings
from storage.closings import Kind, State

log = structlog.get_logger()

#: How often it looks for a closing that another process has begun.
LOOK_SECONDS = 1.0
#: A pursuit that failed is begun again after so long.
AGAIN_SECONDS = 5.0


def _everything(_: Row[Any]) -> bool:
    return True


class Closing:
    """Takes up every closing that stands in the database, whoever wrote it there, and stays with it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._database = tools.database
        self._tasks: dict[str, asyncio.Task[State]] = {}
        #: How the day's end chooses; set by the square-off, which knows.
        self.square_off: Callable[[Connection, Row[Any]], Aim] | None = None

    async def run(self) -> None:
        """Pursues all that is to be closed, for as long as it is not cancelled."""
        try:
            while True:
                try:
                    await self.take_up()
                except StorageFailed as error:
                    log.error("closing_waits_for_the_database", error=str(error))
                await self._tools.wakeups.closings.wait(LOOK_SECONDS)
        finally:
            await self.stop()

    async def take_up(self) -> None:
        """Begins to pursue what nobody pursues yet."""
        for row in await self._database.read(closings.open_):
            if row.id not in self._tasks:
                task = asyncio.create_task(self._pursue(row.id), name=f"closing {row.id}")
                self._tasks[row.id] = task
                task.add_done_callback(partial(self._gone, row.id))

    def _gone(self, closing_id: str, _: asyncio.Task[State]) -> None:
        self._tasks.pop(closing_id, None)

    async def begin(
        self,
        kind: Kind,
        by: str,
        *,
        closing_id: str | None = None,
        chosen: Collection[int] | None = None,
    ) -> str:
        """It is on disk when this returns: from here on it happens, restarts or not. Its id."""
        now = self._tools.clock()
        begun = await self._database.write(
            lambda connection: closings.begin(
                connection, kind, by=by, at=now, closing_id=closing_id, chosen=chosen
            )
        )
        await self.take_up()
        return begun

    async def close(self, kind: Kind, by: str, *, closing_id: str | None = None) -> State:
        """The same, and returns when it has ended, with how."""
        task = self._tasks[await self.begin(kind, by, closing_id=closing_id)]
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """Ends the pursuits; they are taken up again at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pursue(self, closing_id: str) -> State:
        pursuit = Pursuit(closing_id, self._aim, self._tools)
        while True:
            try:
                return await pursuit.run()
            except StorageFailed as error:
                log.error("closing_waits_for_the_database", closing=closing_id, error=str(error))
            except Exception as error:  # a border: getting out must go on, whatever one look met
                log.error("closing_failed", closing=closing_id, error=repr(error), exc_info=error)
            await asyncio.sleep(AGAIN_SECONDS)

    def _aim(self, connection: Connection, row: Row[Any]) -> Aim:
        if row.kind == Kind.SQUARE_OFF and self.square_off is not None:
            return self.square_off(connection, row)
        if row.kind == Kind.BY_HAND:
            chosen = closings.chosen_of(row)
            return Aim(title="🏁 Square-off", selection=lambda held: held.seq in chosen)
        if row.kind == Kind.DAILY_LOSS:
            return _all_of(row.id.split(":")[1])
        return Aim(title="🛑 Flatten", selection=_everything, entries=_everything)


def _all_of(venue: str) -> Aim:
    def chosen(row: Row[Any]) -> bool:
        return bool(row.venue == venue)

    return Aim(title="🛑 Daily loss", selection=chosen, entries=chosen)
