"""The guards' loop: looks at each holding, at the broker's list and at prices, and does what is missing."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway.domain.errors import BrokerError, IllegalMove, StorageFailed
from gateway.domain.guarding import GuardKind, Legs, crossed, legs_for
from gateway.domain.money import round_to_tick
from gateway.domain.order import BrokerOrder, GuardState
from gateway.guards import releases, words
from gateway.guards.account import Account
from gateway.guards.aftermath import Aftermath
from gateway.guards.listing import Listing
from gateway.guards.sizes import Sizes
from gateway.guards.steps import Act, Step
from gateway.guards.stops import Stops
from gateway.guards.surroundings import Surroundings, is_short
from gateway.guards.trailing import Trailing
from gateway.guards.triggers import Triggers
from gateway.guards.way import Way
from storage import guards, orders
from storage.notices import Priority

log = structlog.get_logger()

#: Seconds between two looks: while a price is watched, while an outcome is open, while anything is guarded,
#: and while nothing is. A fill or a login wakes the loop at once.
WATCHING, OPEN, GUARDING, IDLE = 1.0, 2.0, 15.0, 60.0
#: The broker's list and positions are read at least this often while anything is guarded.
CHECK = timedelta(seconds=15)
SUSPICION = 5.0
#: So many changes in a row that came to nothing are told.
FAILURES_TOLD = 3
#: So long after the fill its price stands for the last one, where no other can be had.
JUST_BOUGHT = timedelta(seconds=30)


class Guards:
    """One venue's guards."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._triggers = Triggers(around)
        self._listing = Listing(around, self._triggers)
        self._stops = Stops(around)
        self._account = Account(around)
        self._sizes = Sizes(around, self._account)
        self._aftermath = Aftermath(around, self._account)
        self._trailing = Trailing(around)
        self._way = Way(around, self._listing, self._stops)
        self._checked_at: datetime | None = None
        self._listed = False
        self._unsettled = False
        self._asleep = False
        #: GTTs whose last change had no clear answer: the list is read before the next.
        self._doubtful: set[str] = set()
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Looks whenever there is a reason, for as long as it is not cancelled."""
        try:
            while True:
                await self._around.wakeups.guards[self._around.venue].wait(await self._look_or_wait())
        finally:
            self._listing.stop()

    async def _look_or_wait(self) -> float:
        try:
            return await self.look()
        except StorageFailed as error:
            log.error("guards_wait_for_the_database", error=str(error))
            return OPEN

    def recheck(self) -> None:
        """Something may have been missed (a login, a gap in the stream): the next look reads everything."""
        self._checked_at = None
        self._around.wakeups.guards[self._around.venue].ring()

    def adopt(self, connection: Connection, order: BrokerOrder) -> Row[Any] | None:
        """For reconciliation: the exit that an order unknown to it is, when a GTT of ours released it."""
        return releases.adopt_order(self._around, connection, order)

    async def clear_the_way(self, row: Row[Any]) -> bool:
        """For execution: whether a sell may be claimed (see `Way.clear`)."""
        return await self._way.clear(row)

    async def look(self) -> float:
        """One look and all that comes of it; the seconds until the next one is due."""
        count = await self._around.database.read(self._count)
        if count is None:
            self._asleep = False
            return IDLE
        if not self._around.access.session.alive:
            await self._fall_asleep(count)
            return GUARDING
        self._asleep = False
        if not self._around.may_act():
            return OPEN
        await self._check()
        self._unsettled = False
        await self._trailing.follow()
        steps = await self._around.database.write(self._decide)
        await asyncio.gather(*(self._do(step) for step in steps))
        if steps:
            self._around.wakeups.outbox.ring()
        return await self._around.database.read(self._pause)

    def _count(self, connection: Connection) -> int | None:
        """How many guards are open; None when there is nothing to look after."""
        rows = guards.open_(connection, self._around.venue)
        return len(rows) if rows or guards.wishes(connection, self._around.venue) else None

    async def _fall_asleep(self, count: int) -> None:
        """Told once each time the login ends."""
        self._checked_at = None
        if self._asleep or not count:
            return
        self._asleep = True
        now, text = self._around.clock(), words.asleep(count, self._around.venue)

        def tell(connection: Connection) -> None:
            self._around.outbox.tell(connection, text, at=now, loud=False)

        await self._around.database.write(tell)
        self._around.wakeups.outbox.ring()

    async def _check(self) -> None:
        """The broker's list and positions, when they are due; the list alone while an outcome is open."""
        now = self._around.clock()
        due = self._checked_at is None or now - self._checked_at >= CHECK
        if due or self._sizes.needs_positions or self._account.suspects:
            await self._account.check()
        self._listed = False
        if due or await self._around.database.read(self._is_open_question):
            self._listed = await self._listing.settle()
        if due and self._listed:
            self._checked_at = now
        if self._listed:
            self._doubtful.clear()

    def _is_open_question(self, connection: Connection) -> bool:
        return any(_is_open(row) for row in guards.open_(connection, self._around.venue))

    def _decide(self, connection: Connection) -> list[Step]:
        for row in guards.open_(connection, self._around.venue):
            if row.kind == GuardKind.STOP and row.state in _OF_AN_ORDER:
                self._stops.sync(connection, row)
        steps = [*self._aftermath.steps(connection), *self._sizes.steps(connection)]
        steps += self._aftermath.surplus(connection)
        now = self._around.clock()
        for row in guards.open_(connection, self._around.venue):
            if row.state == GuardState.WANTED:
                steps.append(Step(act=Act.PLACE if row.due_at <= now else Act.WATCH, row=row))
            elif _is_watch(row) or _is_unknown(row):
                steps.append(Step(act=Act.WATCH, row=row))
        taken_away = {step.row.id for step in steps if step.act is Act.TAKE_AWAY}
        return [step for step in steps if step.act is Act.TAKE_AWAY or step.row.id not in taken_away]

    async def _do(self, step: Step) -> None:
        """A guard that was moved on meanwhile (its order came in) is looked at anew."""
        try:
            await self._act(step)
        except IllegalMove as error:
            log.info("guard_moved_on", act=step.act, row=step.row.id, error=str(error))

    async def _act(self, step: Step) -> None:
        match step.act:
            case Act.PLACE | Act.WATCH:
                await self._watch_or_place(step)
            case Act.RESIZE:
                await self._resize(step)
            case Act.RAISE if step.levels.stop is not None:
                await self._stops.raise_to(step.row, step.levels.stop)
            case Act.TAKE_AWAY:
                await self._take_away(step)
            case Act.STAND_DOWN:
                await self._stops.take_away(step.row.id)
            case Act.CANCEL:
                await self._cancel(step.row)
            case Act.SELL:
                await self._sell(step, await self._around.last_price(step.row))

    async def _watch_or_place(self, step: Step) -> None:
        """A level that the price has reached already is acted on at once; else the guard is placed."""
        row = step.row
        last = await self._around.last_price(row) or await self._fill_price(row)
        if last is None:
            return
        edge = crossed(row.stop, row.target, last, short=is_short(row))
        if edge is not None and row.state == GuardState.UNKNOWN:
            await self._doubt(row)
        elif edge is not None:
            await self._sell(Step(act=Act.SELL, row=row, edge=edge), last)
        elif step.act is Act.PLACE and row.kind == GuardKind.GTT:
            await self._triggers.place(row, last)
        elif step.act is Act.PLACE and row.kind == GuardKind.STOP and self._around.is_open():
            await self._around.database.write(lambda connection: self._stops.place(connection, row.id))
            self._around.wakeups.executor.ring()

    async def _fill_price(self, row: Row[Any]) -> Decimal | None:
        """Of a holding bought just now its own price is as good as the last one."""
        now = self._around.clock()

        def read(connection: Connection) -> Decimal | None:
            for wish in guards.wishes(connection, self._around.venue):
                if wish.holding == row.holding and now - wish.opened_at < JUST_BOUGHT:
                    return round_to_tick(
                        Decimal(wish.cost_paise) / wish.bought / 100, wish.tick_size, up=True
                    )
            return None

        return await self._around.database.read(read)

    async def _doubt(self, row: Row[Any]) -> None:
        """Only a list that was read just now, and without it, says that it is not there."""
        if self._listed:
            await self._around.database.write(lambda connection: self._listing.give_up(connection, row.id))
            self._unsettled = True

    async def _sell(self, step: Step, last: Decimal | None) -> None:
        await self._account.check()
        if await self._around.database.write(
            lambda connection: self._aftermath.sell(connection, step.row.id, step, last)
        ):
            self._around.wakeups.executor.ring()

    async def _resize(self, step: Step) -> None:
        """Nothing is changed while the price is beyond a level: Kite is about to act on it."""
        row, levels = step.row, step.levels
        last = await self._around.last_price(row)
        if last is None or row.id in self._doubtful:
            return
        legs = legs_for(
            levels.stop,
            levels.target,
            last=last,
            tick=row.tick_size,
            figures=self._around.figures,
            short=is_short(row),
        )
        left_behind = _is_left_behind(row, levels.stop, legs, last)
        if not left_behind and crossed(levels.stop, levels.target, last, short=is_short(row)) is not None:
            return
        if step.why == "moved" and legs.moved and not left_behind:
            return
        if not await self._triggers.resize(row, step.quantity, levels, last):
            self._unsettled, self._checked_at = True, None
            self._doubtful.add(row.id)
            await self._note_stuck(row, levels.stop)
        else:
            self._failures.pop(row.id, None)

    async def _note_stuck(self, row: Row[Any], wanted: Decimal | None) -> None:
        """A stop that does not follow is told, once it is more than a hiccup."""
        self._failures[row.id] = self._failures.get(row.id, 0) + 1
        lags = row.stop_trigger is not None and row.stop_trigger != wanted
        if wanted is None or not lags or self._failures[row.id] != FAILURES_TOLD:
            return
        text = words.not_raised(row, wanted)

        def tell(connection: Connection) -> None:
            self._around.tell(connection, row, text, priority=Priority.QUESTION)

        await self._around.database.write(tell)

    async def _take_away(self, step: Step) -> None:
        row = step.row
        if row.kind == GuardKind.GTT and row.state == GuardState.ACTIVE:
            words_of_kite = await self._triggers.take_away(row, step.why)
            if words_of_kite is not None:
                self._unsettled = True
                if await self._listing.settle():
                    await self._triggers.complain(row.id, words_of_kite)
        elif row.kind == GuardKind.STOP and row.state in _OF_AN_ORDER:
            for intent in await self._around.database.read(
                lambda connection: guards.orders_of(connection, row.id)
            ):
                await self._stops.take_away(intent.id)
        else:
            await self._around.database.write(lambda connection: self._drop(connection, row, step.why))

    def _drop(self, connection: Connection, row: Row[Any], why: str) -> None:
        guards.remove(connection, guards.known(connection, row.id), why, self._around.clock())
        self._around.show(connection, row)

    async def _cancel(self, sell: Row[Any]) -> None:
        """It may be filled before the cancellation: then the account was sold short, and that is told."""
        if sell.cancel_asked_at is not None:
            return
        try:
            await self._around.executor.cancel(sell.venue, sell.order_id, sell.variety, orders.GUARD)
        except BrokerError as error:
            log.warning("surplus_sell_not_cancelled", order_id=sell.order_id, error=error.sentence)

    def _pause(self, connection: Connection) -> float:
        rows = guards.open_(connection, self._around.venue)
        if any(row.state == GuardState.WANTED or _is_watch(row) for row in rows):
            return WATCHING
        if any(wish.trail_said is not None for wish in guards.wishes(connection, self._around.venue)):
            return WATCHING
        if self._unsettled or any(_is_open(row) or row.state == GuardState.TRIGGERED for row in rows):
            return OPEN
        if self._account.suspects or self._sizes.needs_positions:
            return SUSPICION
        return GUARDING


#: States of a resting stop whose order says how it stands.
_OF_AN_ORDER = frozenset({GuardState.PLACING, GuardState.UNKNOWN, GuardState.ACTIVE})


def _is_left_behind(row: Row[Any], stop: Decimal | None, legs: Legs, last: Decimal) -> bool:
    """Whether a trailing stop rose above a price that has fallen since, before Kite had it: then it is placed
    as near below the price as is allowed, when that is well above what is placed. Never lower."""
    if stop is None or row.stop_trigger is None or legs.stop is None:
        return False
    if is_short(row):
        is_between = stop <= last < row.stop_trigger
        return bool(is_between and legs.stop.trigger_price < row.stop_trigger - last / 100)
    is_between = row.stop_trigger < last <= stop
    return bool(is_between and legs.stop.trigger_price > row.stop_trigger + last / 100)


def _is_watch(row: Row[Any]) -> bool:
    return bool(row.kind == GuardKind.WATCH and row.state == GuardState.ACTIVE)


def _is_unknown(row: Row[Any]) -> bool:
    return bool(row.kind == GuardKind.GTT and row.state == GuardState.UNKNOWN)


def _is_open(row: Row[Any]) -> bool:
    """Whether the broker's list may settle it."""
    if row.kind != GuardKind.GTT:
        return False
    awaited = row.state == GuardState.TRIGGERED and row.reason == releases.AWAITED
    return bool(awaited or row.state in {GuardState.PLACING, GuardState.UNKNOWN})
