"""The square-off: at the day's end what is to be closed is closed, and proven flat, restarts or not."""

import asyncio
import html
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from config.settings import Settings
from gateway.closing import Closing, Errand
from gateway.domain.market import IST, Calendar, is_squared_off, ist
from gateway.wakeups import Wakeups
from storage import flags, holdings, intents
from storage.engine import Database
from storage.notices import Outbox

#: How long before it the owner hears what will be closed.
NOTICE = timedelta(minutes=15)
#: How often it looks for what filled late.
LOOK_SECONDS = 5.0
_KEEP = "keep"


class SquareOff:
    """What is closed at the day's end, when, and what the owner keeps."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        closing: Closing,
        calendar: Calendar,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._closing = closing
        self._calendar = calendar
        self._wakeups = wakeups
        self._clock = clock

    def at(self, day: date) -> time:
        """When it happens on that day, IST: as configured, earlier where the exchange closes early."""
        return self._calendar.square_off(day, self._settings.schedule.square_off)

    def notice_at(self, day: date) -> time:
        """When the owner hears of it, IST."""
        return (datetime.combine(day, self.at(day)) - NOTICE).time()

    def ends_at(self, day: date) -> datetime:
        """Until when it is tried: the exchange's close; with a market that never closes, the day's end."""
        hours = None if self._calendar.always else self._calendar.hours(day)
        return datetime.combine(day, hours.close if hours else time(23, 59, 59), IST)

    async def run(self, day: date) -> None:
        """Closes what is to be closed on that day; returns when it is flat or the day is over."""
        kept = await self._database.read(lambda connection: _kept(connection, day))
        errand = Errand(
            title="🏁 Square-off",
            by="the schedule",
            selection=lambda row: self._is_due(row) and row.seq not in kept,
            until=self.ends_at(day),
            entries=self._is_due,
        )
        await self._close_if_any(errand)
        # What fills late is closed, too. A market that never closes has no end of the day to wait for.
        while not self._calendar.always and self._clock() < self.ends_at(day):
            await asyncio.sleep(LOOK_SECONDS)
            await self._close_if_any(errand)

    async def _close_if_any(self, errand: Errand) -> None:
        """With nothing to close there is nothing to say: on most evenings a start finds it so."""
        held = await self._database.read(holdings.open_)
        coming = await self._database.read(intents.entries_that_may_fill)
        if any(map(errand.selection, held)) or any(map(errand.entries, coming)):
            await self._closing.close(errand)

    async def give_notice(self, day: date) -> None:
        """Tells what will be closed; the card has a Keep button for each NRML holding."""
        now = self._clock()
        due = [row for row in await self._database.read(holdings.open_) if self._is_due(row)]
        if due:
            await self._database.write(
                lambda connection: self._outbox.show(connection, f"square_off:{day}", at=now, loud=True)
            )
            self._wakeups.outbox.ring()

    def _is_due(self, row: Row[Any]) -> bool:
        return is_squared_off(self._settings.strategy(row.strategy).square_off, row.product)

    def due_rows(self, connection: Connection, day: date) -> list[tuple[Row[Any], bool]]:
        """For the card: each holding that will be closed, and whether the owner keeps it."""
        kept = _kept(connection, day)
        return [(row, row.seq in kept) for row in holdings.open_(connection) if self._is_due(row)]

    async def keep(self, day: str, seq: int, by: str) -> str:
        """The owner keeps a holding over this day's square-off; MIS cannot be kept."""
        now = self._clock()
        return await self._database.write(lambda connection: self._keep(connection, day, seq, by, now))

    def _keep(self, connection: Connection, day: str, seq: int, by: str, now: datetime) -> str:
        row = next((row for row in holdings.open_(connection) if row.seq == seq), None)
        if row is None:
            return "This is not held any more."
        if row.product == "MIS":
            return "MIS is closed by the broker the same day; it cannot be kept."
        if str(ist(now).date()) != day:
            return "This is another day's question."
        flags.put(connection, f"{_KEEP}:{day}:{seq}", "yes", by=by, at=now)
        self._outbox.show(connection, f"square_off:{day}", at=now)
        return f"Kept: {html.escape(row.tradingsymbol)} {row.quantity}."


def _kept(connection: Connection, day: date) -> set[int]:
    head = f"{_KEEP}:{day}:"
    return {int(name.removeprefix(head)) for name in flags.all_values(connection) if name.startswith(head)}
