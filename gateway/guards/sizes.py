"""Each holding against its guards: what is missing is wanted, what is too much is taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway.domain.guarding import GuardKind, Levels, levels_for
from gateway.domain.order import GuardState
from gateway.domain.sizing import slices
from gateway.guards import words
from gateway.guards.account import Account
from gateway.guards.steps import Act, Step, pause_after
from gateway.guards.surroundings import Surroundings, is_short, is_stopped
from gateway.guards.trailing import trail_of
from storage import guards, holdings, sells
from storage.notices import Priority

#: A holding that old is not a fresh fill: the account must show its units before a guard is placed.
FRESH = timedelta(seconds=60)
#: After its stop was cancelled because somebody else sells, a holding gets a new one this much later.
OTHERS_SELL = timedelta(seconds=10)
#: A holding that goes so long without a guard is told.
UNSEEN = timedelta(seconds=60)

_PENDING = frozenset({GuardState.WANTED, GuardState.PLACING, GuardState.UNKNOWN, GuardState.ACTIVE})


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """Of one holding: what is asked for, and the guards there are and were."""

    wish: Row[Any]
    levels: Levels
    rows: Sequence[Row[Any]]
    #: Units to be guarded now.
    units: int
    #: Why none are, when none are.
    why: str

    def open(self, kind: GuardKind) -> list[Row[Any]]:
        """Of one kind, those that are at the broker or on their way."""
        return [row for row in self.rows if row.kind == kind and row.state in _PENDING]

    def last(self, kind: GuardKind) -> Row[Any] | None:
        """The latest attempt of one kind."""
        return next((row for row in reversed(self.rows) if row.kind == kind), None)


class Sizes:
    """Of one venue."""

    def __init__(self, around: Surroundings, account: Account) -> None:
        self._around = around
        self._account = account
        self._told: set[str] = set()
        self._bare_since: dict[str, datetime] = {}
        #: Positions must be read before some holding can have its guard.
        self.needs_positions = False

    def steps(self, connection: Connection) -> list[Step]:
        """New guards are wanted here; what must happen at the broker comes back as steps."""
        self.needs_positions = False
        steps = [
            step for row in self._orphans(connection) for step in self._drop(row, "nothing is held any more")
        ]
        for picture in self._pictures(connection):
            steps += self._of_holding(connection, picture)
        return steps

    def _orphans(self, connection: Connection) -> list[Row[Any]]:
        """Guards whose holding is gone."""
        held = {row.intent_id for row in holdings.open_(connection, venue=self._around.venue)}
        rows = guards.open_(connection, self._around.venue)
        return [row for row in rows if row.holding not in held and row.state in _PENDING]

    def _pictures(self, connection: Connection) -> list[_Picture]:
        """Each holding that asked for a guard, and the units of it that are to be guarded now."""
        stopped = is_stopped(connection)
        taken = self._taken(connection)
        found = []
        for wish in guards.wishes(connection, self._around.venue):
            rows = guards.of_holding(connection, wish.holding)
            sold, missing = taken[wish.holding]
            units = wish.quantity - missing - _being_sold_by_guards(connection, rows)
            why = "others sell it"
            if missing:
                why = "Kite's positions do not show it any more"
                self._tell_fewer(connection, wish, wish.quantity - missing)
            if wish.product == "MIS":
                units -= sold
            if stopped:
                units, why = 0, "the kill switch is on"
            if self._around.calendar.has_expired(wish.expiry, self._around.clock()):
                units, why = 0, "its contract has expired"
            found.append(_Picture(wish=wish, levels=_levels(wish), rows=rows, units=max(units, 0), why=why))
        return found

    def _taken(self, connection: Connection) -> dict[str, tuple[int, int]]:
        """By holding the units that ordinary exits are selling, and those that the account has not any more:
        both come off the oldest holdings first."""
        busy = _ordinary_sells(connection, self._around.venue)
        missing: dict[tuple[str, str], int] = {}
        found = {}
        for row in holdings.open_(connection, venue=self._around.venue):
            key, contract = sells.key_of(row), (row.tradingsymbol, row.product)
            gone = min(missing.setdefault(contract, self._account.missing(contract)), row.quantity)
            missing[contract] -= gone
            sold = min(busy.get(key, 0), row.quantity)
            busy[key] = busy.get(key, 0) - sold
            found[row.intent_id] = (sold, gone)
        return found

    def _of_holding(self, connection: Connection, picture: _Picture) -> list[Step]:
        if any(row.final for row in picture.rows):
            left = [row for row in picture.rows if row.state in _PENDING and not picture.units]
            return [step for row in left for step in self._drop(row, picture.why)]
        self._tell_unguarded(connection, picture)
        if picture.wish.product == "MIS":
            return [*self._stops(connection, picture), *self._watches(connection, picture)]
        return self._gtts(connection, picture)

    # NRML

    def _gtts(self, connection: Connection, picture: _Picture) -> list[Step]:
        rows = picture.open(GuardKind.GTT)
        if not picture.levels.any:
            self._want(connection, picture, GuardKind.GTT, picture.units)
            return []
        steps: list[Step] = []
        for row, units in zip_longest(rows, self._cut(picture)):
            if row is None:
                self._want(connection, picture, GuardKind.GTT, units)
            elif units is None:
                steps += self._drop(row, picture.why)
            else:
                steps += self._fit(connection, row, units, picture.levels)
        return steps

    def _cut(self, picture: _Picture) -> list[int]:
        wish = picture.wish
        largest = self._around.largest(wish.name)
        return slices(picture.units, lot_size=wish.lot_size, freeze_quantity=largest)

    def _fit(self, connection: Connection, row: Row[Any], units: int, levels: Levels) -> list[Step]:
        if row.by_hand:
            levels = Levels(stop=row.stop_trigger, target=row.target_trigger)
        same = (row.quantity, row.stop, row.target) == (units, levels.stop, levels.target)
        if row.state == GuardState.WANTED and not same:
            values = {"quantity": units, "stop": levels.stop, "target": levels.target}
            guards.change(connection, row, self._around.clock(), **values)
        elif row.state == GuardState.ACTIVE and (row.quantity != units or (not same and not row.by_hand)):
            return [Step(act=Act.RESIZE, row=row, quantity=units, levels=levels)]
        elif row.state == GuardState.ACTIVE and not row.by_hand and _was_moved(row):
            return [Step(act=Act.RESIZE, row=row, quantity=units, levels=levels, why="moved")]
        return []

    # MIS

    def _stops(self, connection: Connection, picture: _Picture) -> list[Step]:
        """Stops add up to the units: more come for more, whole ones go (and a smaller follows) for less."""
        rows, steps = picture.open(GuardKind.STOP), list[Step]()
        stop = picture.levels.stop
        keep = [row for row in rows if row.stop == stop or self._may_rise(row, stop)]
        stale = [row for row in rows if row not in keep]
        while keep and sum(row.quantity for row in keep) > picture.units:
            stale.append(keep.pop())
        for row in stale:
            steps += self._drop(row, picture.why)
        for row in keep:
            steps += self._rise(connection, row, stop)
        missing = picture.units - sum(row.quantity for row in keep)
        if stop is not None and missing > 0 and not stale:
            largest = self._around.largest(picture.wish.name)
            for units in slices(missing, lot_size=picture.wish.lot_size, freeze_quantity=largest):
                self._want(connection, picture, GuardKind.STOP, units)
        return steps

    def _may_rise(self, row: Row[Any], stop: Decimal | None) -> bool:
        """Whether its order follows a stop that has risen; one modified too often makes way for a new one."""
        if stop is None:
            return False
        lags = row.stop > stop if is_short(row) else row.stop < stop
        return lags and (row.modifications or 0) < self._around.figures.modifications

    def _rise(self, connection: Connection, row: Row[Any], stop: Decimal | None) -> list[Step]:
        """What is on its way is first awaited."""
        if stop is None or row.stop == stop:
            return []
        if row.state == GuardState.WANTED:
            guards.change(connection, row, self._around.clock(), stop=stop)
        elif row.state == GuardState.ACTIVE:
            return [Step(act=Act.RAISE, row=row, levels=Levels(stop=stop))]
        return []

    def _watches(self, connection: Connection, picture: _Picture) -> list[Step]:
        rows = picture.open(GuardKind.WATCH)
        target = picture.levels.target
        if not rows:
            if picture.units > 0 and (target is not None or picture.levels.stop is None):
                self._want(connection, picture, GuardKind.WATCH, picture.units)
            return []
        row, now = rows[0], self._around.clock()
        if picture.units == 0 or target is None:
            guards.remove(connection, row, picture.why, now)
            self._around.show(connection, row)
        elif (row.quantity, row.target) != (picture.units, target):
            guards.change(connection, row, now, quantity=picture.units, target=target)
        return []

    # New ones and old ones

    def _want(self, connection: Connection, picture: _Picture, kind: GuardKind, units: int) -> None:
        wish, now = picture.wish, self._around.clock()
        if units <= 0 or not self._is_there(picture):
            return
        last = picture.last(kind)
        attempts, due_at = _next_try(last, now)
        levels = picture.levels
        if wish.product == "MIS":
            is_stop = kind is GuardKind.STOP
            levels = Levels(stop=levels.stop) if is_stop else Levels(target=levels.target)
        guard_id = guards.want(
            connection, wish, kind, units, levels, at=now, due_at=due_at, attempts=attempts
        )
        row = guards.known(connection, guard_id)
        problems, naked = picture.levels.problems, not picture.levels.any
        if naked:
            guards.fail(connection, row, "; ".join(problems), now, final=True)
        elif kind is GuardKind.WATCH:
            guards.activate(connection, row, now)
        if problems and not picture.rows:
            text = words.problems(row, problems, naked=naked)
            self._around.tell(connection, row, text, priority=Priority.QUESTION, event=NoticeEvent.UNGUARDED)
        self._around.show(connection, row)

    def _is_there(self, picture: _Picture) -> bool:
        """Whether its units are sure to be in the account: a fresh fill, or positions that show them."""
        wish = picture.wish
        if not picture.rows and self._around.clock() - wish.opened_at < FRESH:
            return True
        if self._account.knows((wish.tradingsymbol, wish.product)):
            return True
        self.needs_positions = True
        return False

    def _drop(self, row: Row[Any], why: str) -> list[Step]:
        """Away with it; a GTT whose outcome is open waits for the list."""
        waits = row.kind == GuardKind.GTT and row.state in {GuardState.PLACING, GuardState.UNKNOWN}
        return [] if waits else [Step(act=Act.TAKE_AWAY, row=row, why=why)]

    # What is told

    def _tell_fewer(self, connection: Connection, wish: Row[Any], there: int) -> None:
        if f"fewer {wish.holding} {there}" not in self._told:
            self._told.add(f"fewer {wish.holding} {there}")
            text = words.fewer_in_account(wish, wish.quantity, there)
            self._around.tell(connection, wish, text, priority=Priority.QUESTION)

    def _tell_unguarded(self, connection: Connection, picture: _Picture) -> None:
        """A holding that nothing guards although it should, for too long; once until something does."""
        wish, key = picture.wish, f"unguarded {picture.wish.holding}"
        pending = [row for row in picture.rows if row.state in _PENDING]
        if picture.units == 0 or any(row.state == GuardState.ACTIVE for row in pending):
            self._told.discard(key)
            self._bare_since.pop(wish.holding, None)
            return
        now = self._around.clock()
        if key in self._told or now - self._bare_since.setdefault(wish.holding, now) < UNSEEN:
            return
        self._told.add(key)
        reason = next((row.reason for row in reversed(picture.rows) if row.reason), None)
        why = reason or "Kite's positions could not be read, or do not show it"
        self._around.tell(
            connection,
            wish,
            words.unguarded(wish, why),
            priority=Priority.QUESTION,
            event=NoticeEvent.UNGUARDED,
        )


def _levels(wish: Row[Any]) -> Levels:
    average = Decimal(wish.cost_paise) / wish.bought / 100
    return levels_for(
        average,
        wish.stop_said,
        wish.target_said,
        tick=wish.tick_size,
        strike=wish.strike,
        trail=trail_of(wish),
        short=is_short(wish),
    )


def _ordinary_sells(connection: Connection, venue: str) -> dict[sells.Key, int]:
    """Units that exits without a guard are selling, by contract."""
    found: dict[sells.Key, int] = {}
    for sell in sells.live(connection, venue):
        if sell.guard_id is None:
            found[sells.key_of(sell)] = found.get(sells.key_of(sell), 0) + sell.rest
    return found


def _being_sold_by_guards(connection: Connection, rows: Sequence[Row[Any]]) -> int:
    """Units of the holding that its triggered guards have still to sell."""
    gone_off = [row for row in rows if row.state == GuardState.TRIGGERED]
    sold = guards.sold_by(connection, [row.id for row in gone_off]) if gone_off else {}
    return sum(max(row.quantity - sold.get(row.id, 0), 0) for row in gone_off)


def _was_moved(row: Row[Any]) -> bool:
    """Whether a level was too near to the price to be placed where it was wanted."""
    return (row.stop_trigger, row.target_trigger) != (row.stop, row.target)


def _next_try(last: Row[Any] | None, now: datetime) -> tuple[int, datetime]:
    """How many attempts in a row came to nothing, and when the next one is due."""
    if last is None or last.settled_at is None or last.reason == guards.NEVER_SEEN:
        return 0, now
    if last.state == GuardState.FAILED:
        attempts: int = last.attempts + 1
        return attempts, max(last.settled_at + pause_after(attempts), now)
    others_sell = last.state == GuardState.REMOVED and "cancelled (" in (last.reason or "")
    return 0, max(last.settled_at + OTHERS_SELL, now) if others_sell else now
