"""Closing by the owner's hand, the day's end or the kill switch: an exit's path, and proof of being flat."""

import asyncio
import hashlib
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway.domain.errors import StorageFailed
from gateway.domain.money import format_rupees
from gateway.domain.order import new_alert_id
from gateway.domain.signal import Action, Signal
from gateway.execution import Executor
from gateway.intake import Intake
from gateway.wakeups import Wakeups
from storage import holdings, intents, orders
from storage.alerts import Arrival
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: How often it looks whether all is flat, sends an exit for what has none, and alarms while it is not.
LOOK_SECONDS = 1.0
AGAIN = timedelta(seconds=5)
ALARM = timedelta(seconds=60)

#: Picks the holdings that are to be closed.
Selection = Callable[[Row[Any]], bool]


def EVERYTHING(_: Row[Any]) -> bool:  # noqa: N802  a constant of the kind Selection
    """Picks all there is."""
    return True


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What is to be closed, for whom, and until when it is tried (aware; None: until it is flat)."""

    title: str
    by: str
    selection: Selection
    until: datetime | None = None
    #: Picks the entries on their way that would become such holdings: it is flat when they are settled, too.
    entries: Selection = lambda _: False


class Closing:
    """Closes holdings and stays with them until they are gone."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        executor: Executor,
        intake: Intake,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._executor = executor
        self._intake = intake
        self._wakeups = wakeups
        self._clock = clock

    async def close(self, errand: Errand) -> bool:
        """Returns when all that was selected is gone (True), or the errand's time is over (False)."""
        first, coming = await self._chosen(errand), await self._coming(errand)
        if not first and not coming:
            await self._tell(f"{errand.title}: nothing to close, all flat.")
            return True
        began = self._clock()
        await self._tell(f"{errand.title}, by {html.escape(errand.by)}: closing\n{_lines(first, coming)}")
        await self._executor.cancel_entries({row.alert_id for row in coming})
        await self._executor.cancel_exits({_key(row) for row in first})
        flat = await self._stay_with(errand)
        await self._report(errand, first, flat, began)
        return flat

    async def _stay_with(self, errand: Errand) -> bool:
        """Sends an exit for whatever has none, again and again; alarms while something is left."""
        sent_at: dict[tuple[str, str, str, str], datetime] = {}
        alarmed = self._clock()
        while True:
            rest, coming = await self._chosen(errand), await self._coming(errand)
            if not rest and not coming:
                return True
            now = self._clock()
            if errand.until is not None and now >= errand.until:
                return False
            for key in dict.fromkeys(_key(row) for row in rest):
                if now - sent_at.get(key, now - AGAIN) >= AGAIN:
                    sent_at[key] = now
                    await self._submit(key, errand.by)
            if now - alarmed >= ALARM:
                alarmed = now
                await self._tell(f"🚨 {errand.title}: <b>not flat yet</b>\n{_lines(rest, coming)}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _chosen(self, errand: Errand) -> list[Row[Any]]:
        rows = await self._database.read(holdings.open_)
        return [row for row in rows if errand.selection(row)]

    async def _coming(self, errand: Errand) -> list[Row[Any]]:
        """Entries that may still be filled: working, being placed, or without a clear answer."""
        rows = await self._database.read(intents.entries_that_may_fill)
        return [row for row in rows if errand.entries(row)]

    async def _submit(self, key: tuple[str, str, str, str], by: str) -> None:
        """An exit of one strategy's one contract, unless one is under way already."""
        venue, strategy, tradingsymbol, product = key
        busy = await self._database.read(
            lambda connection: intents.being_sold(connection, venue, strategy, tradingsymbol, product)
        )
        if busy:
            return
        alert_id = new_alert_id()
        body = f"close {tradingsymbol} of {strategy} ({by})".encode()
        signal = Signal(
            action=Action.EXIT,
            strategy=strategy,
            by_owner=True,
            tradingsymbol=tradingsymbol,
            product=product,
        )
        arrival = Arrival(
            alert_id=alert_id,
            received_at=self._clock(),
            source=f"inside: {by}"[:64],
            body=body,
            body_hash=hashlib.sha256(f"{alert_id}".encode()).hexdigest(),
            strategy=strategy,
            dedupe_key=None,
            signal=signal,
        )
        try:
            await self._intake.accept([arrival])
        except StorageFailed as error:
            log.error("close_not_stored", error=str(error))

    async def _report(self, errand: Errand, first: list[Row[Any]], flat: bool, began: datetime) -> None:
        """One message with a line a position, honest about what is not flat."""
        ids = [row.intent_id for row in first]
        lines = await self._database.read(lambda connection: _outcome(connection, first, ids, began))
        head = f"✅ {errand.title}: <b>flat</b>" if flat else f"🚨 {errand.title}: <b>not flat</b>"
        tail = "" if flat else "\nThe time is over. Close the rest in the Kite app now."
        await self._tell(f"{head}\n{lines}{tail}")

    async def _tell(self, text: str) -> None:
        now = self._clock()

        def work(connection: Connection) -> None:
            self._outbox.tell(connection, text, at=now, priority=Priority.QUESTION)

        await self._database.write(work)
        self._wakeups.outbox.ring()


def _key(row: Row[Any]) -> tuple[str, str, str, str]:
    return row.venue, row.strategy, row.tradingsymbol, row.product


def _lines(rows: Sequence[Row[Any]], coming: Sequence[Row[Any]] = ()) -> str:
    held = [_line(row) for row in rows]
    return "\n".join([*held, *(f"{_line(row)}: a BUY that may still fill ({row.state})" for row in coming)])


def _line(row: Row[Any]) -> str:
    return (
        f"• {html.escape(row.tradingsymbol)} {row.quantity} {row.product} · {html.escape(row.strategy)} · "
        f"{row.venue.upper()}"
    )


def _outcome(connection: Connection, first: list[Row[Any]], ids: list[str], began: datetime) -> str:
    left = {row.intent_id: row.quantity for row in holdings.open_(connection) if row.intent_id in ids}
    lines = []
    for key, quantity in _sums(first).items():
        rest = sum(left.get(row.intent_id, 0) for row in first if _key(row) == key)
        venue, strategy, tradingsymbol, product = key
        made = orders.realised_on(connection, venue, strategy, tradingsymbol, began)
        state = f"closed {quantity}" if rest == 0 else f"<b>{rest} of {quantity} left</b>"
        lines.append(
            f"• {html.escape(tradingsymbol)} {product} · {html.escape(strategy)} · {venue.upper()}: {state}, "
            f"{format_rupees(made, sign=True)}"
        )
    return "\n".join(lines)


def _sums(rows: Sequence[Row[Any]]) -> dict[tuple[str, str, str, str], int]:
    sums: dict[tuple[str, str, str, str], int] = {}
    for row in rows:
        sums[_key(row)] = sums.get(_key(row), 0) + row.quantity
    return sums
