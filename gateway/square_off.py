"""The square-off: at the day's end what is to be closed is closed, and proven flat, restarts or not."""

import asyncio
import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from config.settings import Settings
from gateway.closing import Closing
from gateway.closing_scene import Aim
from gateway.domain.market import IST, Calendar, is_squared_off, ist
from gateway.wakeups import Wakeups
from storage import flags, holdings, intents, sells
from storage.closings import Kind
from storage.engine import Database
from storage.notices import Outbox, Priority
from storage.sells import Key
from storage.tables import holdings as holdings_table
from storage.tables import intents as intents_table

#: How long before it the owner hears what will be closed.
NOTICE = timedelta(minutes=15)
#: How often it looks for what filled late, and, after the notice, for what was bought since.
LOOK_SECONDS = 5.0
_KEEP, _NOTED = "keep", "noted"
_BY = "the schedule"


@dataclass(frozen=True, kw_only=True)
class DueRow:
    """One strategy's one contract for the card: `seq` is the number of its oldest holding."""

    seq: int
    venue: str
    strategy: str
    tradingsymbol: str
    product: str
    quantity: int
    kept: bool
    #: Closed at the day's end, if it is not kept.
    due: bool
    #: Its last day: what is still held at the close is settled in cash.
    expires: bool


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
        closing.square_off = self._aim

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
        await self._close_if_any(day)
        # What fills late is closed, too. A market that never closes has no end of the day to wait for.
        while not self._calendar.always and self._clock() < self.ends_at(day):
            await asyncio.sleep(LOOK_SECONDS)
            await self._close_if_any(day)

    async def _close_if_any(self, day: date) -> None:
        """With nothing to close there is nothing to say: on most evenings a start finds it so."""
        if await self._database.read(lambda connection: self._is_anything_due(connection, day)):
            await self._closing.close(Kind.SQUARE_OFF, _BY, closing_id=_closing_id(day))

    def _is_anything_due(self, connection: Connection, day: date) -> bool:
        kept = _kept(connection, day)
        held = [
            row for row in holdings.open_(connection) if self._is_due(row) and sells.key_of(row) not in kept
        ]
        return bool(held) or any(map(self._is_due, intents.entries_that_may_fill(connection)))

    def _aim(self, connection: Connection, row: Row[Any]) -> Aim:
        """Asked at every look: what is kept meanwhile is not closed."""
        day = date.fromisoformat(row.id.partition(":")[2])
        kept = _kept(connection, day)
        return Aim(
            title="🏁 Square-off",
            selection=lambda held: self._is_due(held) and sells.key_of(held) not in kept,
            entries=self._is_due,
            until=self.ends_at(day),
            afterwards=self._afterwards(),
        )

    def _afterwards(self) -> str:
        """A market that never closes goes on after the day's square-off, which comes once a day."""
        if not self._calendar.always:
            return ""
        at = f"{self._settings.schedule.square_off:%H:%M}"
        return f"The market never closes here: what is bought from now on is closed tomorrow at {at}."

    async def give_notice(self, day: date) -> None:
        """Tells what will be closed, with a Keep button for each NRML holding; and, until it happens, what
        has been bought since. Returns when it happens."""
        while True:
            await self._database.write(lambda connection: self._notice(connection, day))
            self._wakeups.outbox.ring()
            if ist(self._clock()) >= datetime.combine(day, self.at(day), IST):
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _notice(self, connection: Connection, day: date) -> None:
        """The card first; a later purchase is told as an answer to it, for an edit makes no sound."""
        known = {name for name in flags.all_values(connection) if name.startswith(f"{_NOTED}:{day}:")}
        rows = self.due_rows(connection, day)
        fresh = [row for row in rows if f"{_NOTED}:{day}:{row.seq}" not in known]
        if not fresh:
            return
        now, subject = self._clock(), f"square_off:{day}"
        self._outbox.show(connection, subject, at=now, loud=not known, priority=Priority.QUESTION)
        for row in fresh:
            flags.put(connection, f"{_NOTED}:{day}:{row.seq}", "yes", by=_BY, at=now)
            if known:
                self._outbox.tell(connection, self._told_late(row, day), at=now, subject=subject)

    def _told_late(self, row: DueRow, day: date) -> str:
        name = f"{html.escape(row.tradingsymbol)} {row.quantity} {row.product} · {html.escape(row.strategy)}"
        if not row.due:
            return f"🏁 Bought after the notice: {name}. It expires today and is not closed: cash-settled."
        keep = " <b>Keep</b> is on the card above." if row.product == "NRML" else ""
        return f"🏁 Bought after the notice: {name} is closed at {self.at(day):%H:%M} IST, too.{keep}"

    def _is_due(self, row: Row[Any]) -> bool:
        return is_squared_off(self._settings.strategy(row.strategy).square_off, row.product)

    def due_rows(self, connection: Connection, day: date) -> list[DueRow]:
        """For the card: what will be closed and whether the owner keeps it; and what is not closed although
        this is its last day."""
        kept, expiring = _kept(connection, day), _expiring(connection, day)
        merged: dict[Key, list[Row[Any]]] = {}
        for row in holdings.open_(connection):
            merged.setdefault(sells.key_of(row), []).append(row)
        found = []
        for key, rows in merged.items():
            first, due, expires = rows[0], self._is_due(rows[0]), rows[0].intent_id in expiring
            if due or expires:
                venue, strategy, tradingsymbol, product = key
                found.append(
                    DueRow(
                        seq=first.seq,
                        venue=venue,
                        strategy=strategy,
                        tradingsymbol=tradingsymbol,
                        product=product,
                        quantity=sum(row.quantity for row in rows),
                        kept=key in kept,
                        due=due,
                        expires=expires,
                    )
                )
        return found

    async def keep(self, day: str, seq: int, by: str) -> str:
        """The owner keeps a holding over this day's square-off; MIS cannot be kept."""
        now = self._clock()
        answer = await self._database.write(lambda connection: self._keep(connection, day, seq, by, now))
        self._wakeups.outbox.ring()
        return answer

    def _keep(self, connection: Connection, day: str, seq: int, by: str, now: datetime) -> str:
        row = next((row for row in holdings.open_(connection) if row.seq == seq), None)
        if row is None:
            return "This is not held any more."
        if row.product == "MIS":
            return "MIS is closed by the broker the same day; it cannot be kept."
        local = ist(now)
        if str(local.date()) != day:
            return "This is another day's question."
        if local.time() >= self.at(local.date()):
            return "Too late: the square-off has begun. It is being closed."
        flags.put(connection, f"{_KEEP}:{day}:{seq}", "yes", by=by, at=now)
        self._outbox.show(connection, f"square_off:{day}", at=now)
        return f"Kept: {html.escape(row.tradingsymbol)}, all that {html.escape(row.strategy)} holds of it."


def _closing_id(day: date) -> str:
    return f"square_off:{day}"


def _kept(connection: Connection, day: date) -> set[Key]:
    """The contracts that are kept: an exit sells a contract's units, not one purchase of several."""
    head = f"{_KEEP}:{day}:"
    names = [name for name in flags.all_values(connection) if name.startswith(head)]
    numbers = [int(name.removeprefix(head)) for name in names]
    rows = connection.execute(select(holdings_table).where(holdings_table.c.seq.in_(numbers)))
    return {sells.key_of(row) for row in rows}


def _expiring(connection: Connection, day: date) -> set[str]:
    """The entries behind holdings whose contract has its last session on that day."""
    joined = holdings_table.join(intents_table, intents_table.c.id == holdings_table.c.intent_id)
    statement = (
        select(holdings_table.c.intent_id)
        .select_from(joined)
        .where((holdings_table.c.quantity > 0) & (intents_table.c.expiry == day))
    )
    return set(connection.scalars(statement))
