"""The day's loss, watched while the market is open: when it reaches its limit entries stop, the owner is told
once, and (risk.flatten_on_daily_loss) everything is closed; a restart in between changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

import structlog
from sqlalchemy import Connection

from gateway import wording
from gateway.closing import Closing
from gateway.domain.errors import StorageFailed
from gateway.domain.limits import DailyLoss
from gateway.domain.market import Calendar, trading_date
from gateway.domain.risk import World
from gateway.valuation import Valuation
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from gateway.world import WorldReader, loss_flag
from storage import closings, flags, holdings, intents
from storage.closings import Kind, State
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: How often it looks.
LOOK_SECONDS = 2.0


class LossWatch:
    """Looks at every venue; each is an account of its own."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        world: WorldReader,
        valuation: Valuation,
        limit: DailyLoss,
        calendar: Calendar,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        cancel_entries: Callable[[Collection[str]], Awaitable[None]],
        closing: Closing | None,
    ) -> None:
        """`cancel_entries` asks for the cancellation of what the entries of these alerts have working;
        `closing` closes what is held (None: only entries stop)."""
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._world = world
        self._valuation = valuation
        self._limit = limit
        self._calendar = calendar
        self._wakeups = wakeups
        self._clock = clock
        self._cancel_entries = cancel_entries
        self._closing = closing

    async def run(self) -> None:
        """Looks on and on, for as long as it is not cancelled."""
        while True:
            try:
                await self.look()
            except StorageFailed as error:
                log.error("loss_not_watched", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """One look at every venue whose market is open. Raises StorageFailed."""
        if not self._calendar.is_open(self._clock()):
            return
        for venue in self._venues:
            await self._valuation.refresh(venue)
            world = await self._seen(venue)
            if self._limit.is_hit(world):
                await self._stop(venue, world)

    async def _seen(self, venue: str) -> World:
        return await self._database.read(lambda connection: self._world.read(connection, venue))

    async def _stop(self, venue: str, world: World) -> None:
        """Again at each look: an entry that was on its way at the limit may have filled since."""
        if world.loss_limit_hit is None or world.loss_limit_hit < self._limit.limit:
            await self._database.write(lambda connection: self._note(connection, venue, world))
            self._wakeups.outbox.ring()
        coming = await self._database.read(intents.entries_that_may_fill)
        await self._cancel_entries({row.alert_id for row in coming if row.venue == venue})
        if self._closing is not None:
            await self._flatten(venue, self._closing)

    def _note(self, connection: Connection, venue: str, world: World) -> None:
        """The flag and the message in one transaction: told once, whatever happens in between."""
        now = self._clock()
        flag = loss_flag(venue, trading_date(now))
        flags.put(connection, flag, str(self._limit.limit), by="risk.max_daily_loss", at=now)
        held = [row.tradingsymbol for row in holdings.open_(connection, venue=venue)]
        text = wording.daily_loss_reached(
            venue, world, self._limit.limit, held, flattens=self._closing is not None
        )
        self._outbox.tell(connection, text, at=now, priority=Priority.QUESTION)

    async def _flatten(self, venue: str, closing: Closing) -> None:
        """A closing of its own for each venue and day; one that has ended is taken up again for what came
        after it."""
        closing_id = loss_flag(venue, trading_date(self._clock()))

        def is_wanted(connection: Connection) -> bool:
            row = closings.get(connection, closing_id)
            under_way = row is not None and row.state in {State.OPEN, State.GIVEN_UP}
            return bool(holdings.open_(connection, venue=venue)) and not under_way

        if await self._database.read(is_wanted):
            await closing.begin(Kind.DAILY_LOSS, "the limit on the day's loss", closing_id=closing_id)
