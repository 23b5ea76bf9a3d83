"""One closing, pursued: exits for what has none, until the broker's positions show that it is flat."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from gateway.closing_scene import Aim, Group, Scene, coming_words, read_scene
from gateway.closing_words import ended_text, line_note, not_flat_text
from gateway.domain.errors import BrokerError
from gateway.execution import Executor
from gateway.proof import Proof, Verdict
from gateway.wakeups import Wakeups
from gateway.whole_account import Remainder
from storage import closings, orders
from storage.closings import Line, State
from storage.engine import Database
from storage.notices import Outbox, Priority
from storage.sells import Key

log = structlog.get_logger()

#: How often it looks whether all is flat, and sends an exit for what has none.
LOOK_SECONDS = 0.5
#: The pauses between two exits for the same position, the longer the more often they came to nothing.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0, 1, 2, 4, 8, 15, 30))
#: With a part of it being sold, the rest waits for that part so long.
PATIENCE = timedelta(seconds=5)
ALARM = timedelta(seconds=60)
#: The card is edited at most this often, in seconds.
SHOW_SECONDS = 1.5
#: The positions are read at most this often, in seconds.
PROOF_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What every pursuit works with."""

    database: Database
    outbox: Outbox
    executor: Executor
    wakeups: Wakeups
    clock: Callable[[], datetime]
    proof: Proof
    #: Sells units of one holding's contract, for whom; returns when that is planned.
    sell: Callable[[Key, int, str], Awaitable[None]]
    #: Why nothing can be sent to a venue at present; None when it can.
    blocked: Callable[[str], str | None] = lambda _: None
    #: Looks at what the account has beside our holdings, for whom, and brings it to nothing.
    account: Callable[[str], Awaitable[Remainder]] | None = None


@dataclass(kw_only=True)
class _Try:
    """The exits for one position: how many in a row came to nothing, when the last went, for how much."""

    count: int = 0
    at: datetime | None = None
    units: int = 0


@dataclass(kw_only=True)
class _Memory:
    """What a pursuit remembers; a restart may forget it."""

    tries: dict[Key, _Try] = field(default_factory=dict)
    alarmed: datetime | None = None
    shown_at: float = float("-inf")
    shown_late: bool = False
    proven_at: float = float("-inf")
    first: bool = True
    #: Whether each venue's broker answered when it was asked last, and when that was.
    answering: dict[str, bool] = field(default_factory=dict)
    asked_at: float = float("-inf")
    #: Where an exit was seen to sell something, whatever readings say.
    selling: set[str] = field(default_factory=set)
    remainder: Remainder = field(default_factory=lambda: Remainder(known=True))
    account_at: float = float("-inf")


class Pursuit:
    """Stays with one closing until it has ended."""

    def __init__(self, closing_id: str, aim: Callable[[Connection, Row[Any]], Aim], tools: Tools) -> None:
        self._id = closing_id
        self._aim = aim
        self._tools = tools
        self._memory = _Memory()
        self._errands: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> State:
        """Returns when all that was selected is gone and proven gone, or the time is over."""
        try:
            while True:
                now = self._tools.clock()
                scene = await self._tools.database.read(partial(self._read, now=now))
                if scene.row.state != State.OPEN:
                    return State(scene.row.state)
                await self._note(scene)
                ended = await self._ended(scene)
                if ended is not None:
                    await self._end(scene, ended)
                    return ended
                await self._listen(scene)
                self._act(scene)
                await self._alarm(scene)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            errands = list(self._errands.values())
            for task in errands:
                task.cancel()
            await asyncio.gather(*errands, return_exceptions=True)

    def _read(self, connection: Connection, now: datetime) -> Scene:
        return read_scene(connection, self._id, self._aim, now)

    async def _listen(self, scene: Scene) -> None:
        """An order sent to a broker that does not answer is unknown for minutes, and then the owner must be
        asked: so one reading goes first, and while there is no answer, one exit at a time."""
        memory = self._memory
        venues = {group.key[0] for group in scene.groups}
        silent = [venue for venue in venues if not memory.answering.get(venue)]
        if silent and time.monotonic() - memory.asked_at >= PROOF_SECONDS:
            found = await asyncio.gather(*(self._tools.proof.answers(venue) for venue in silent))
            memory.answering.update(zip(silent, found, strict=True))
            memory.asked_at = time.monotonic()
        units = {group.key: group.units for group in scene.groups}
        sold = {key[0] for key, tried in memory.tries.items() if units.get(key, 0) < tried.units}
        memory.selling |= sold

    def _must_wait(self, group: Group, scene: Scene) -> bool:
        """Whether another exit of a silent venue is out, which says first how it stands there."""
        memory, venue = self._memory, group.key[0]
        if memory.answering.get(venue) or venue in memory.selling:
            return False
        others = [other for other in scene.groups if other.key[0] == venue and other.key != group.key]
        return any(other.busy or f"sell {other.key}" in self._errands for other in others)

    # what is done

    def _act(self, scene: Scene) -> None:
        """Nothing here waits for the broker: a slow answer about one position holds up no other."""
        executor, memory = self._tools.executor, self._memory
        if scene.coming:
            alerts = {row.alert_id for row in scene.coming}
            self._begin("entries", executor.cancel_entries(alerts))
        if memory.first:
            memory.first = False
            self._begin("exits", executor.cancel_exits({group.key for group in scene.groups}))
        for venue, order_id, variety in scene.hanging:
            self._begin(f"hanging {order_id}", self._cancel(venue, order_id, variety))
        if scene.row.whole_account:
            self._begin("account", self._look_at_account(scene.row.by))
        now = self._tools.clock()
        for group in scene.groups:
            if self._is_due(group, now) and not self._must_wait(group, scene):
                self._begin(f"sell {group.key}", self._sell(group, scene.row.by))

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """One errand of a name at a time."""
        if name in self._errands:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._errands[name] = task
        task.add_done_callback(lambda done: self._finished(name, done))

    def _finished(self, name: str, done: asyncio.Task[None]) -> None:
        self._errands.pop(name, None)
        if not done.cancelled() and (error := done.exception()):
            log.error("closing_errand_failed", errand=name, error=repr(error))

    def _is_due(self, group: Group, now: datetime) -> bool:
        """Whether an exit goes out for what nobody sells yet."""
        last = self._memory.tries.setdefault(group.key, _Try())
        if group.units < last.units:
            last.count = min(last.count, 1)  # some of it went: no reason to be patient with the rest
        if group.units - group.busy <= 0 or self._tools.blocked(group.key[0]) is not None:
            return False
        if last.at is None:
            return True
        pause = PAUSES[min(last.count, len(PAUSES) - 1)]
        return now - last.at >= (max(pause, PATIENCE) if group.busy else pause)

    async def _sell(self, group: Group, by: str) -> None:
        tried = self._memory.tries[group.key]
        tried.at, tried.units, tried.count = self._tools.clock(), group.units, tried.count + 1
        await self._tools.sell(group.key, group.units - group.busy, by)
        # The pause begins when it is planned: the next look may have been taken before that.
        tried.at = self._tools.clock()

    async def _cancel(self, venue: str, order_id: str, variety: str) -> None:
        try:
            await self._tools.executor.cancel(venue, order_id, variety, orders.EXIT)
        except BrokerError as error:
            log.warning("hanging_exit_not_cancelled", order_id=order_id, error=error.sentence)

    async def _look_at_account(self, by: str) -> None:
        """At most once a second: it reads three books of each venue."""
        memory = self._memory
        if self._tools.account is None or time.monotonic() - memory.account_at < PROOF_SECONDS:
            return
        memory.account_at = time.monotonic()
        memory.remainder = await self._tools.account(by)

    # what is said

    async def _note(self, scene: Scene) -> None:
        """Each position's line, as it stands; the card is drawn anew when that says something new."""
        met = {closings.key_of(line): line for line in scene.lines}
        found = []
        for group in scene.groups:
            line = met.pop(group.key, None)
            most = max(group.units, line.quantity if line else 0)
            blocked = self._tools.blocked(group.key[0])
            if blocked is None and self._must_wait(group, scene):
                blocked = "Kite does not answer"
            note = line_note(group.busy, group.unknown, group.words, blocked, asked=group.asked)
            found.append(Line(key=group.key, quantity=most, remaining=group.units, note=note))
        remainder = self._memory.remainder
        for strange in remainder.lines:
            line = met.pop(strange.key, None)
            most = max(strange.quantity, line.quantity if line else strange.quantity, key=abs)
            found.append(replace(strange, quantity=most))
        for key, line in met.items():
            if line.strategy or remainder.known:
                found.append(Line(key=key, quantity=line.quantity, remaining=0))
        footer = "\n".join([*coming_words(scene), *scene.standing, *remainder.words]) or None
        changed = await self._tools.database.write(
            lambda connection: closings.note(connection, self._id, found, footer)
        )
        await self._show(changed=changed)

    async def _show(self, *, changed: bool) -> None:
        memory = self._memory
        fresh = time.monotonic() - memory.shown_at < SHOW_SECONDS
        memory.shown_late |= changed
        if fresh or not memory.shown_late:
            return
        loud = memory.shown_at == float("-inf")
        memory.shown_at, memory.shown_late = time.monotonic(), False
        await self._write_card(loud=loud)

    async def _write_card(self, *, loud: bool = False) -> None:
        now, subject = self._tools.clock(), f"closing:{self._id}"
        await self._tools.database.write(
            lambda connection: self._tools.outbox.show(
                connection, subject, at=now, loud=loud, priority=Priority.QUESTION
            )
        )
        self._tools.wakeups.outbox.ring()

    async def _alarm(self, scene: Scene) -> None:
        now, memory = self._tools.clock(), self._memory
        if memory.alarmed is None:
            memory.alarmed = now
        if now - memory.alarmed < ALARM:
            return
        memory.alarmed = now
        text = not_flat_text(scene.aim.title, scene.lines, scene.row.footer)
        await self._tell(text, now)

    async def _tell(self, text: str, now: datetime) -> None:
        subject = f"closing:{self._id}"
        await self._tools.database.write(
            lambda connection: self._tools.outbox.tell(
                connection, text, at=now, subject=subject, priority=Priority.QUESTION
            )
        )
        self._tools.wakeups.outbox.ring()

    # how it ends

    async def _ended(self, scene: Scene) -> State | None:
        """None while there is something to do, or to be proven."""
        if scene.aim.until is not None and self._tools.clock() >= scene.aim.until:
            return State.NOT_FLAT
        if not scene.sold:
            return None
        whole = scene.row.whole_account and self._tools.account is not None
        if not scene.lines and not whole:
            return State.FLAT
        if time.monotonic() - self._memory.proven_at < PROOF_SECONDS:
            return None
        verdict = await self._tools.proof.look(scene.lines)
        self._memory.proven_at = time.monotonic()
        self._memory.shown_late = True
        if whole and verdict is not Verdict.UNKNOWN:
            return await self._account_ended(scene.row.by, verdict)
        return {Verdict.FLAT: State.FLAT, Verdict.DIFFERS: State.DIFFERS}.get(verdict)

    async def _account_ended(self, by: str, verdict: Verdict) -> State | None:
        """Ours is gone: the account is flat when nothing else is left, by a look that began after that."""
        assert self._tools.account is not None  # noqa: S101  asked before
        self._memory.remainder = remainder = await self._tools.account(by)
        if remainder.empty and verdict is Verdict.FLAT:
            return State.FLAT
        return State.DIFFERS if remainder.known and not remainder.closable and remainder.lines else None

    async def _end(self, scene: Scene, state: State) -> None:
        await self._note(scene)  # the last look may have found more
        now = self._tools.clock()
        subject = f"closing:{self._id}"

        def work(connection: Connection) -> bool:
            if not closings.end(connection, self._id, state, now):
                return False
            lines = closings.lines(connection, self._id)
            text = ended_text(scene.aim.title, state, lines, scene.aim.afterwards)
            self._tools.outbox.tell(connection, text, at=now, subject=subject, priority=Priority.QUESTION)
            if lines:
                self._tools.outbox.show(connection, subject, at=now, priority=Priority.QUESTION)
            return True

        await self._tools.database.write(work)
        self._tools.wakeups.outbox.ring()
