"""The broker's positions against our holdings: at start, after each fill, now and then. Never guessed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select

from gateway.domain.difference import (
    DifferenceKind,
    DifferenceState,
    Strangers,
    by_other_hands,
    kind_of,
    side_of,
    units_of,
)
from gateway.domain.errors import BrokerError, BrokerFault, IllegalMove, StorageFailed
from gateway.domain.market import Calendar
from gateway.domain.order import (
    DECIDED_INTENTS,
    WORKING_ORDERS,
    BrokerOrder,
    BrokerPosition,
)
from gateway.positions import soon
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from gateway.world import day_start
from storage import differences
from storage.differences import Contract
from storage.engine import Database
from storage.notices import Outbox, Priority
from storage.tables import intents, orders

log = structlog.get_logger()

#: Kite's positions may lag behind a fill: a difference counts when it is seen unchanged so much later. That
#: the broker lists nothing at all must last longer: an answer may be empty by mistake.
TWICE = timedelta(seconds=6)
TWICE_UNLISTED = timedelta(seconds=90)
#: Seconds between two looks: while something is to be seen again, while something is held, at rest, and
#: after a reading that failed.
SUSPECTING, HOLDING, RESTING, RETRY = 3.0, 60.0, 300.0, 15.0


@dataclass(frozen=True, kw_only=True)
class _Ours:
    """Our side: units by contract, what is not comparable now, what has expired, what was traded today."""

    held: dict[Contract, int]
    moving: frozenset[Contract]
    expired: frozenset[Contract]
    traded: frozenset[Contract]
    standing: dict[Contract, Row[Any]]
    last_fill: int


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """One contract that differs."""

    contract: Contract
    kind: DifferenceKind
    held: int
    net: int | None
    position: BrokerPosition | None


class Comparison:
    """One venue's. It reads; what becomes of a difference is the owner's word (`gateway.adoption`)."""

    def __init__(
        self,
        access: VenueAccess,
        database: Database,
        outbox: Outbox,
        calendar: Calendar,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        is_read: Callable[[], bool],
    ) -> None:
        """`is_read`: whether our book has been set against the broker's since the last login."""
        self._access = access
        self._venue = str(access.venue)
        self._database = database
        self._outbox = outbox
        self._calendar = calendar
        self._wakeups = wakeups
        self._clock = clock
        self._is_read = is_read
        self._read_at: datetime | None = None
        self._last_fill: int | None = None
        self._suspected: dict[Contract, tuple[_Finding, datetime]] = {}

    async def run(self) -> None:
        """Looks whenever there is a reason, for as long as it is not cancelled."""
        while True:
            try:
                wait = await self.look()
            except StorageFailed as error:
                log.error("comparison_waits_for_the_database", error=str(error))
                wait = RETRY
            await self._wakeups.positions[self._venue].wait(wait)

    def recheck(self) -> None:
        """Something may have been missed (a login): the next look reads the positions."""
        self._read_at = None
        self._wakeups.positions[self._venue].ring()

    async def look(self) -> float:
        """One look, if one is due; the seconds until the next."""
        ours = await self._database.read(self._ours)
        if not (ours.held or ours.traded or ours.standing):
            self._suspected.clear()
            return RESTING
        if not self._access.session.alive or not self._is_read():
            return RETRY
        if not self._is_due(ours.last_fill):
            return SUSPECTING if self._suspected else HOLDING
        rows = await soon(self._positions())
        if rows is None:  # unknown is not flat
            return RETRY
        self._read_at, self._last_fill = self._clock(), ours.last_fill
        confirmed = self._seen_twice(self._findings(ours, rows), ours.moving)
        await self._settle(ours, confirmed)
        return SUSPECTING if self._suspected else HOLDING

    def _is_due(self, last_fill: int) -> bool:
        if self._read_at is None or last_fill != self._last_fill:
            return True
        pause = SUSPECTING if self._suspected else HOLDING
        return (self._clock() - self._read_at).total_seconds() >= pause

    async def _positions(self) -> list[BrokerPosition] | None:
        asked_at = self._clock()
        try:
            return await self._access.book.positions()
        except BrokerError as error:
            log.warning("positions_not_read", venue=self._venue, error=error.sentence)
            if error.fault is BrokerFault.TOKEN:
                await self._access.session.mark_dead(error.sentence, asked_at)
            return None

    def _ours(self, connection: Connection) -> _Ours:
        now = self._clock()
        held = differences.held_by_contract(connection, self._venue)
        return _Ours(
            held=held,
            moving=_moving(connection, self._venue),
            expired=frozenset(self._expired(connection, held, now)),
            traded=frozenset(differences.traded_since(connection, self._venue, day_start(now))),
            standing=differences.standing(connection, self._venue),
            last_fill=differences.last_fill(connection, self._venue),
        )

    def _expired(self, connection: Connection, held: dict[Contract, int], now: datetime) -> list[Contract]:
        found = select(intents.c.tradingsymbol, intents.c.expiry).where(
            intents.c.tradingsymbol.in_([symbol for symbol, _ in held])
        )
        over = {
            row.tradingsymbol
            for row in connection.execute(found.distinct())
            if self._calendar.has_expired(row.expiry, now)
        }
        return [contract for contract in held if contract[0] in over]

    def _findings(self, ours: _Ours, rows: list[BrokerPosition]) -> dict[Contract, _Finding]:
        """Every contract of ours that differs; of other contracts of the account nothing is said."""
        listed = {(row.tradingsymbol, row.product): row for row in rows}
        found = {}
        for contract in {*ours.held, *ours.traded} - ours.moving:
            position, held = listed.get(contract), ours.held.get(contract, 0)
            net = position.quantity if position is not None else None
            kind = kind_of(held, net, expired=contract in ours.expired)
            if kind is DifferenceKind.UNLISTED and not self._calendar.is_open(self._clock()):
                continue
            if kind is not None:
                found[contract] = _Finding(
                    contract=contract, kind=kind, held=held, net=net, position=position
                )
        return found

    def _seen_twice(
        self, findings: dict[Contract, _Finding], moving: frozenset[Contract]
    ) -> dict[Contract, _Finding]:
        """Those that stand unchanged for long enough; the others are to be seen again."""
        now, kept = self._clock(), {}
        confirmed = {}
        for contract, finding in findings.items():
            before, since = self._suspected.get(contract, (finding, now))
            if _numbers(before) != _numbers(finding) or contract in moving:
                since = now
            lasting = TWICE_UNLISTED if finding.kind is DifferenceKind.UNLISTED else TWICE
            if finding.kind is DifferenceKind.EXPIRED or now - since >= lasting:
                confirmed[contract] = finding
            else:
                kept[contract] = (finding, since)
        self._suspected = kept
        return confirmed

    async def _settle(self, ours: _Ours, confirmed: dict[Contract, _Finding]) -> None:
        """Writes down what is new, and what has ended by itself."""
        fresh = {
            contract: finding
            for contract, finding in confirmed.items()
            if not _is_told(ours.standing.get(contract), finding)
        }
        gone = [
            row
            for contract, row in ours.standing.items()
            if contract not in ours.moving and contract not in self._suspected and contract not in confirmed
        ]
        if not fresh and not gone:
            return
        book = await soon(self._book()) if fresh else []
        await self._database.write(lambda connection: self._record(connection, ours, fresh, gone, book))
        self._wakeups.outbox.ring()

    async def _book(self) -> list[BrokerOrder] | None:
        try:
            return await self._access.book.orders()
        except BrokerError as error:
            log.warning("book_not_read", venue=self._venue, error=error.sentence)
            return None

    def _record(
        self,
        connection: Connection,
        ours: _Ours,
        fresh: dict[Contract, _Finding],
        gone: list[Row[Any]],
        book: list[BrokerOrder] | None,
    ) -> None:
        now = self._clock()
        if differences.last_fill(connection, self._venue) != ours.last_fill:
            self._read_at = None  # a fill came in between: compared anew
            return
        overtaken = [ours.standing[contract] for contract in fresh if contract in ours.standing]
        for row in [*gone, *overtaken]:
            self._end(connection, row, now)
        known = differences.known_orders(connection, self._venue, day_start(now))
        for finding in fresh.values():
            self._add(connection, finding, self._strangers(finding, known, book or []), now)

    def _end(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        try:
            outcome = "the numbers have changed since"
            differences.decide(
                connection, row, DifferenceState.GONE, by="comparison", outcome=outcome, at=now
            )
        except IllegalMove:
            return  # the owner was faster
        self._outbox.show(connection, f"difference:{row.id}", at=now)

    def _strangers(self, finding: _Finding, known: frozenset[str], book: list[BrokerOrder]) -> Strangers:
        side = side_of(finding.kind, finding.held)
        units = units_of(finding.kind, finding.held, finding.net)
        return by_other_hands(book, known, finding.contract, side, units)

    def _add(self, connection: Connection, finding: _Finding, others: Strangers, now: datetime) -> None:
        tradingsymbol, product = finding.contract
        position = finding.position
        last = position.last_price if position is not None and position.last_price > 0 else None
        difference_id = secrets.token_urlsafe(9)
        values = {
            "id": difference_id,
            "venue": self._venue,
            "exchange": position.exchange if position is not None else "",
            "tradingsymbol": tradingsymbol,
            "product": product,
            "kind": finding.kind,
            "held": finding.held,
            "net": finding.net,
            "traded": others.units,
            "average_price": others.average,
            "last_price": last,
        }
        differences.add(connection, values, now)
        subject = f"difference:{difference_id}"
        self._outbox.show(connection, subject, at=now, loud=True, priority=Priority.QUESTION)


def _numbers(finding: _Finding) -> tuple[DifferenceKind, int, int | None]:
    return finding.kind, finding.held, finding.net


def _is_told(row: Row[Any] | None, finding: _Finding) -> bool:
    """Whether these very numbers were told; of what has expired, its own are enough."""
    if row is None or (row.kind, row.held) != (finding.kind, finding.held):
        return False
    return bool(finding.kind is DifferenceKind.EXPIRED or row.net == finding.net)


def _moving(connection: Connection, venue: str) -> frozenset[Contract]:
    """Contracts with orders under way: their positions say nothing yet. A stop at rest moves nothing."""
    working = select(orders.c.intent_id).where(orders.c.state.in_(WORKING_ORDERS))
    resting = (orders.c.intent_id == intents.c.id) & (orders.c.status == "TRIGGER PENDING")
    statement = select(intents.c.tradingsymbol, intents.c.product).where(
        (intents.c.venue == venue)
        & (intents.c.state.in_(DECIDED_INTENTS) | intents.c.id.in_(working))
        & ~select(orders.c.seq).where(resting).exists()
    )
    return frozenset((row.tradingsymbol, row.product) for row in connection.execute(statement))
