"""What all parts of the guards have around them: one venue's desk and books, the store, the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row

from config.market import GuardFigures
from config.notices import NoticeEvent
from config.settings import Settings
from gateway.domain.errors import BrokerError, BrokerFault
from gateway.domain.market import Calendar
from gateway.domain.order import Side
from gateway.execution import Executor
from gateway.kite.desk import Desk
from gateway.positions import soon
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage import flags
from storage.engine import Database
from storage.notices import Outbox, Priority


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Of one venue."""

    access: VenueAccess
    desk: Desk
    settings: Settings
    database: Database
    outbox: Outbox
    wakeups: Wakeups
    executor: Executor
    calendar: Calendar
    figures: GuardFigures
    clock: Callable[[], datetime]

    @property
    def venue(self) -> str:
        """Its name."""
        return str(self.access.venue)

    def may_act(self) -> bool:
        """Whether calls can be made, and our book has been set against the broker's."""
        return self.access.session.alive and self.executor.is_open(self.venue)

    def is_open(self) -> bool:
        """Whether the market takes orders now."""
        return self.calendar.is_open(self.clock())

    def largest(self, name: str) -> int:
        """The freeze quantity of an underlying, in units."""
        return self.access.instruments.underlying(name).freeze_quantity

    async def last_price(self, row: Row[Any]) -> Decimal | None:
        """The last price of a guard's contract in rupees; without market data that of the position.

        None when none can be had soon.
        """
        return await soon(self._last_price(row))

    async def _last_price(self, row: Row[Any]) -> Decimal | None:
        await self.access.prices.follow(row.instrument_token, f"{row.exchange}:{row.tradingsymbol}")
        return await self.access.prices.last(f"{row.exchange}:{row.tradingsymbol}")

    async def note_fault(self, error: BrokerError, asked_at: datetime) -> None:
        """A call that met a dead token says so for all."""
        if error.fault is BrokerFault.TOKEN:
            await self.access.session.mark_dead(error.sentence, asked_at)

    def tell(
        self,
        connection: Connection,
        row: Row[Any],
        text: str,
        *,
        loud: bool = True,
        priority: Priority = Priority.FACT,
        event: NoticeEvent | None = None,
    ) -> None:
        """A message about a guard, as an answer to its entry's card, which is drawn anew."""
        now, subject = self.clock(), f"alert:{row.alert_id}"
        self.outbox.tell(
            connection,
            text,
            at=now,
            subject=subject,
            loud=loud,
            priority=priority,
            event=event,
            strategy=row.strategy,
        )
        self.outbox.show(connection, subject, at=now)

    def show(self, connection: Connection, row: Row[Any]) -> None:
        """The entry's card is drawn anew."""
        self.outbox.show(connection, f"alert:{row.alert_id}", at=self.clock())


def is_short(row: Row[Any]) -> bool:
    """Whether a guard's (or a wish's) holding was opened by selling."""
    return bool(row.opened_by == Side.SELL)


def closing_side(row: Row[Any]) -> Side:
    """Which way its holding is closed."""
    return Side.BUY if is_short(row) else Side.SELL


def is_stopped(connection: Connection) -> bool:
    """Whether the kill switch is on."""
    return flags.value(connection, flags.KILL_SWITCH) is not None
