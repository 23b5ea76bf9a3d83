"""The whole account, on the owner's word: positions, orders and GTTs that no strategy of Manjha's holds."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.settings import Settings
from gateway import positions
from gateway.domain.contract import Contract
from gateway.domain.errors import BrokerError
from gateway.domain.order import (
    WORKING_ORDERS,
    AlertState,
    BrokerOrder,
    BrokerPosition,
    Purpose,
    Side,
    new_alert_id,
)
from gateway.domain.signal import Action, Signal
from gateway.domain.sizing import slices
from gateway.drafts import Draft, rows
from gateway.execution import Executor
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from storage import alerts, closings, holdings, intents, orders
from storage.alerts import Arrival
from storage.closings import Line
from storage.engine import Database
from storage.notices import Outbox
from storage.sells import ACCOUNT

log = structlog.get_logger()

#: A stranger's order is asked for again after this time; so is a position whose order came to nothing.
AGAIN = timedelta(seconds=5)
_NOT_OURS_TO_CLOSE = "not an index option that Manjha knows: close it in the Kite app"
_UNREAD = "what else the account holds is unknown: Kite's books could not be read"


@dataclass(frozen=True, kw_only=True)
class Remainder:
    """What the account still has beside our holdings. `known`: whether its books could be read; `closable`:
    whether anything of it goes on being closed."""

    lines: tuple[Line, ...] = ()
    words: tuple[str, ...] = ()
    known: bool = False
    closable: bool = False

    @property
    def empty(self) -> bool:
        """Nothing is left, for certain."""
        return self.known and not self.lines and not self.words


class WholeAccount:
    """Looks at every venue's books, and does what brings them to nothing."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        executor: Executor,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._executor = executor
        self._wakeups = wakeups
        self._clock = clock
        self._tried: dict[tuple[str, str, str], datetime] = {}
        self._contracts: dict[str, Contract | None] = {}
        #: Deletes the GTTs of other hands at a venue: how many there were, None when they could not be read.
        self.remove_gtts: dict[str, Callable[[], Awaitable[int | None]]] = {}

    async def look(self, by: str) -> Remainder:
        """One look at all venues, and the orders and cancellations that come of it."""
        found = await asyncio.gather(*(self._look_at(access, by) for access in self._venues.values()))
        return Remainder(
            lines=tuple(line for each in found for line in each.lines),
            words=tuple(dict.fromkeys(word for each in found for word in each.words)),
            known=all(each.known for each in found),
            closable=any(each.closable for each in found),
        )

    async def _look_at(self, access: VenueAccess, by: str) -> Remainder:
        venue = str(access.venue)
        if not access.session.alive:
            return Remainder(words=(_UNREAD,))
        before = await self._database.read(lambda connection: closings.last_fill(connection, venue))
        quiet = await self._database.read(lambda connection: closings.moving(connection, venue))
        try:
            book, listed = await access.book.orders(), await access.book.positions()
        except BrokerError as error:
            log.warning("account_not_read", venue=venue, error=error.sentence)
            return Remainder(words=(_UNREAD,))
        working = await self._cancel_strangers(venue, book)
        remove = self.remove_gtts.get(venue)
        triggers = await remove() if remove is not None else 0
        ours = {(row.tradingsymbol, row.product) for row in await self._database.read(holdings.open_)}
        left = [each for each in listed if each.quantity and (each.tradingsymbol, each.product) not in ours]
        known = {each.tradingsymbol: self._contract(access, each) for each in left}
        still = [each for each in left if (each.tradingsymbol, each.product) not in quiet]
        if any(known.values()):
            await self._database.write(
                lambda connection: self._order(connection, access, still, known, before, by)
            )
            self._wakeups.executor.ring()
        return self._remainder(venue, left, known, working, triggers)

    def _remainder(
        self,
        venue: str,
        left: list[BrokerPosition],
        known: Mapping[str, Contract | None],
        working: int,
        triggers: int | None,
    ) -> Remainder:
        lines = [
            Line(
                key=(venue, "", each.tradingsymbol, each.product),
                quantity=each.quantity,
                remaining=each.quantity,
                note=None if known[each.tradingsymbol] else _NOT_OURS_TO_CLOSE,
            )
            for each in left
        ]
        words = []
        if working:
            words.append(f"{working} orders of other hands are being cancelled ({venue})")
        if triggers:
            words.append(f"{triggers} GTTs of other hands are being deleted ({venue})")
        if triggers is None:
            words.append(f"the GTTs of other hands are unknown: their list could not be read ({venue})")
        closable = bool(working or triggers or triggers is None or any(known.values()))
        return Remainder(
            lines=tuple(lines), words=tuple(words), known=triggers is not None, closable=closable
        )

    async def _cancel_strangers(self, venue: str, book: list[BrokerOrder]) -> int:
        """Asks for the cancellation of every working order that is none of ours; how many there are."""

        def theirs(connection: Connection) -> list[BrokerOrder]:
            return [order for order in book if _is_strange(connection, venue, order)]

        strangers = await self._database.read(theirs)
        for order in strangers:
            if self._is_due((venue, "order", order.order_id)):
                try:
                    await self._executor.cancel(venue, order.order_id, order.variety, orders.KILL)
                except BrokerError as error:
                    log.warning("stranger_not_cancelled", order_id=order.order_id, error=error.sentence)
        return len(strangers)

    def _is_due(self, what: tuple[str, str, str]) -> bool:
        now = self._clock()
        if what in self._tried and now - self._tried[what] < AGAIN:
            return False
        self._tried[what] = now
        return True

    def _contract(self, access: VenueAccess, position: BrokerPosition) -> Contract | None:
        """Looked for once: the list is long."""
        name = position.tradingsymbol
        if name not in self._contracts:
            self._contracts[name] = access.instruments.named(name)
        return self._contracts[name]

    def _order(
        self,
        connection: Connection,
        access: VenueAccess,
        left: list[BrokerPosition],
        known: Mapping[str, Contract | None],
        before: int,
        by: str,
    ) -> None:
        """What is short is bought back first: without its hedge it would need more margin. Nothing is decided
        on positions that a fill of ours has overtaken, or may not be in yet."""
        venue, now = str(access.venue), self._clock()
        newest = closings.last_fill(connection, venue)
        moving = closings.moving(connection, venue)
        if newest != before or not _is_settled(connection, venue, now):
            return
        for each in sorted(left, key=lambda position: position.quantity):
            contract = known[each.tradingsymbol]
            busy = (each.tradingsymbol, each.product) in moving
            if contract is None or busy or not self._is_due((venue, each.tradingsymbol, each.product)):
                continue
            self._add(connection, venue, each, contract, access, by)

    def _add(
        self,
        connection: Connection,
        venue: str,
        position: BrokerPosition,
        contract: Contract,
        access: VenueAccess,
        by: str,
    ) -> None:
        now, alert_id = self._clock(), new_alert_id()
        units, side = abs(position.quantity), Side.SELL if position.quantity > 0 else Side.BUY
        freeze = access.instruments.underlying(contract.name).freeze_quantity
        draft = Draft(
            purpose=Purpose.CLOSE,
            side=side,
            contract=contract,
            venue=venue,
            product=position.product,
            quantities=tuple(slices(units, lot_size=contract.lot_size, freeze_quantity=freeze)),
            order_type="MARKET",
            price=None,
            market_protection=self._settings.strategy(ACCOUNT).market_protection,
            premium=position.last_price or None,
        )
        signal = Signal(
            action=Action.EXIT,
            strategy=ACCOUNT,
            by_owner=True,
            tradingsymbol=position.tradingsymbol,
            product=position.product,
            quantity=units,
        )
        arrival = Arrival(
            alert_id=alert_id,
            received_at=now,
            source=f"inside: {by}"[:64],
            body=f"close {position.quantity} {position.tradingsymbol} of the account ({by})".encode(),
            body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
            strategy=ACCOUNT,
            dedupe_key=None,
            signal=signal,
        )
        alerts.store(connection, [arrival])
        alerts.settle(connection, alert_id, AlertState.PLANNED, None, now)
        intents.add(connection, rows(alert_id, ACCOUNT, [draft]), now)
        intents.approve_unasked(connection, alert_id, now)
        self._outbox.show(connection, f"alert:{alert_id}", at=now)


def _is_strange(connection: Connection, venue: str, order: BrokerOrder) -> bool:
    """Working, and known neither by its id nor by its tag."""
    if order.state not in WORKING_ORDERS or intents.by_tags(connection, venue, order.tags):
        return False
    row: Row[Any] | None = orders.find(connection, venue, order.order_id, order.tags)
    return row is None or row.intent_id is None


def _is_settled(connection: Connection, venue: str, now: datetime) -> bool:
    """Whether the last fill of ours is old enough to be in the positions."""
    at = orders.last_fill_at(connection, venue)
    return at is None or (now - at).total_seconds() >= positions.POSITIONS_LAG_SECONDS
