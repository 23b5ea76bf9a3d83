"""Everything that can happen around one gateway, in any order; the exchange's book is the judge."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway import kill_switch
from gateway.domain.contract import OptionType
from gateway.domain.order import IntentState, OrderTicket, Purpose, Side
from gateway.domain.risk import Readings
from gateway.domain.signal import Signal
from storage import tables
from tests.promises.exchange import Answer, Exchange, Placed
from tests.promises.house import InlineDatabase, PromiseWorld
from tests.usecases.world import LOT, Clock, arrival, buy, sell, strike

STRATEGIES = ("asks", "straight on")
CONTRACTS = ((24_000, OptionType.CE), (24_050, OptionType.CE), (24_000, OptionType.PE))
ORDERS_A_DAY = 25


@dataclass
class Reach:
    """What a run has touched, over its examples."""

    examples: int = 0
    placed: int = 0
    seen: Counter[str] = field(default_factory=Counter)


@dataclass
class Told:
    """What the model knows of one alert."""

    signal: Signal
    key: str | None
    approved_at: datetime | None = None


class Gateway(RuleBasedStateMachine):
    """The rules. Subclasses name the database that their examples use in turn, and count their reach."""

    database: InlineDatabase
    reach: Reach

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.exchange = Exchange()
        self.exchange.before_post = self._judge_post
        self.alerts: dict[str, Told] = {}
        self.tags: dict[str, str] = {}
        self.killed = False
        self.touched: set[str] = set()
        #: What the judge of the POSTs found; its own exception would end in a task of the gateway's.
        self.broken: list[str] = []
        self.database.empty()
        self.world = PromiseWorld(
            self.database,
            self.exchange,
            self.clock,
            strategies={"asks": {"approval": "confirm", "approval_timeout_seconds": 60}},
            risk={"max_orders_per_day": ORDERS_A_DAY},
        )
        self.run(self.world.begin())

    def run(self, work: Any) -> Any:
        """Does it, and lets everything settle that it set off."""
        found = self.runner.run(work)
        self.runner.run(self.world.settle())
        self._demand(not self.broken, "; ".join(self.broken))
        return found

    def _demand(self, holds: bool, words: str) -> None:
        """What is broken once is not judged again at the end."""
        if not holds:
            self.broken.append(words)
            raise AssertionError(words)

    def teardown(self) -> None:
        try:
            if not self.broken:
                self._judge_the_end()
        finally:
            self.reach.examples += 1
            self.reach.placed += bool(self.exchange.orders_taken)
            self.reach.seen.update(self.touched)
            event("an order was placed" if self.exchange.orders_taken else "no order was placed")
            self.runner.run(self.world.end())
            self.runner.close()

    def touch(self, what: str) -> None:
        self.touched.add(what)

    # alerts

    @initialize(
        strategy=st.sampled_from(STRATEGIES),
        which=st.sampled_from(CONTRACTS),
        answer=st.sampled_from([Answer.TAKEN, Answer.TAKEN, *Answer]),
        lots=st.sampled_from([0, 1, 2, 2]),
    )
    def begin(self, strategy: str, which: tuple[int, OptionType], answer: Answer, lots: int) -> None:
        """Most examples begin with something held: an example that places nothing finds nothing."""
        self.run(self.world.reconciler.read())
        self._carry_through(strategy, which, answer, lots, 0)

    @rule(
        strategy=st.sampled_from(STRATEGIES),
        which=st.sampled_from(CONTRACTS),
        lots=st.sampled_from([1, 1, 2, 30]),
        copies=st.sampled_from([0, 1, 1, 2]),
    )
    def an_entry(self, strategy: str, which: tuple[int, OptionType], lots: int, copies: int) -> None:
        """Without an id, or with one and delivered so many times."""
        self._enter(strategy, which, lots, copies)

    def _enter(self, strategy: str, which: tuple[int, OptionType], lots: int, copies: int) -> None:
        level, kind = which
        signal = buy(strategy, strike=strike(level), option_type=kind, lots=lots)
        key = f"key {len(self.alerts)}" if copies else None
        self._accept([Told(signal, key) for _ in range(max(copies, 1))])

    @precondition(lambda self: not self.killed)
    @rule(
        strategy=st.sampled_from(STRATEGIES),
        which=st.sampled_from(CONTRACTS),
        answer=st.sampled_from([Answer.TAKEN, Answer.TAKEN, *Answer]),
        lots=st.sampled_from([1, 2, 100]),
        copies=st.sampled_from([0, 1, 2]),
    )
    def an_entry_carried_through(
        self, strategy: str, which: tuple[int, OptionType], answer: Answer, lots: int, copies: int
    ) -> None:
        self._carry_through(strategy, which, answer, lots, copies)

    def _carry_through(
        self, strategy: str, which: tuple[int, OptionType], answer: Answer, lots: int, copies: int
    ) -> None:
        """Sent, approved, placed, filled as far as it goes, heard of."""
        self._enter(strategy, which, 2, copies)
        for row in self._approvals():
            if row.decision == "pending" and self.clock() < row.deadline:
                self._press(row, approve=True)
        self._execute([answer])
        for order in self._working():
            if order.ticket.side is Side.BUY:
                self.exchange.fill(order, lots * LOT)
        self.run(self.world.reconciler.read())

    @precondition(lambda self: self._rows(tables.holdings))
    @rule(
        strategy=st.sampled_from(STRATEGIES),
        kind=st.sampled_from([None, OptionType.CE, OptionType.PE]),
        lots=st.sampled_from([None, None, 1, 50]),
        times=st.sampled_from([1, 1, 2]),
        answers=st.none() | st.lists(st.sampled_from(Answer), max_size=2),
    )
    def an_exit(
        self,
        strategy: str,
        kind: OptionType | None,
        lots: int | None,
        times: int,
        answers: list[Answer] | None,
    ) -> None:
        """Twice: two exits in one moment. With answers it is sent at once."""
        self._accept([Told(sell(strategy, option_type=kind, lots=lots), None) for _ in range(times)])
        if answers is not None:
            self._execute(answers)

    @precondition(lambda self: any(told.key for told in self.alerts.values()))
    @rule(data=st.data())
    def a_repetition(self, data: st.DataObject) -> None:
        """Long after."""
        known = [told for told in self.alerts.values() if told.key]
        self._accept([data.draw(st.sampled_from(known))])
        self.touch("repetition")

    def _accept(self, told: list[Told]) -> None:
        """All in one moment."""
        made = [arrival(each.signal, at=self.clock(), dedupe_key=each.key) for each in told]
        for one, each in zip(made, told, strict=True):
            self.alerts[one.alert_id] = Told(each.signal, each.key)
        self.run(self.world.accept(*made))

    # the owner

    @precondition(lambda self: self._approvals())
    @rule(
        data=st.data(),
        approve=st.sampled_from([True, True, True, False]),
        times=st.sampled_from([1, 1, 3]),
        wait=st.sampled_from([0, 0, 59, 60, 61]),
        at_once=st.booleans(),
    )
    def a_press(self, data: st.DataObject, approve: bool, times: int, wait: int, at_once: bool) -> None:
        """After so many seconds, on any question there ever was; several times at once, too."""
        rows = self._approvals()
        pending = [row for row in rows if row.decision == "pending"]
        row = data.draw(st.sampled_from(pending or rows))
        self.clock.forward(seconds=wait)
        self._press(row, approve=approve, times=times)
        if at_once:
            self._execute([])

    def _press(self, row: Any, *, approve: bool, times: int = 1) -> None:
        in_time = row.decision == "pending" and self.clock() < row.deadline and not self.killed
        if approve and in_time:
            self.alerts[row.alert_id].approved_at = self.clock()

        async def press() -> None:
            await asyncio.gather(
                *(self.world.approvals.decide(row.id, approve=approve, by="Asha") for _ in range(times))
            )

        self.run(press())
        self.touch("press" if in_time else "late press")

    @precondition(
        lambda self: (
            not self.killed
            and self._states(IntentState.APPROVED, IntentState.AWAITING_APPROVAL, IntentState.UNKNOWN)
        )
    )
    @rule()
    def the_kill_switch(self) -> None:
        self.killed = True
        self.run(self.world.kill_switch.throw("Asha"))
        self.touch("kill switch")

    @precondition(lambda self: self.killed)
    @rule()
    def it_is_lifted(self) -> None:
        self.killed = False
        self.run(self.world.kill_switch.lift("Asha"))

    @precondition(lambda self: self._states(IntentState.UNKNOWN))
    @rule(data=st.data(), again=st.booleans())
    def the_owner_answers(self, data: st.DataObject, again: bool) -> None:
        """Truthfully: only of an order that does not exist."""
        rows = [row for row in self._states(IntentState.UNKNOWN) if row.tag not in self._taken_tags()]
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        answer = self.world.unknown.send_again if again else self.world.unknown.it_is_not_there
        self.run(answer(row.id, "Asha"))
        for each in self._rows(tables.alerts):
            if each.source == f"again: {row.alert_id}" and each.id not in self.alerts:
                self.alerts[each.id] = Told(self.alerts[row.alert_id].signal, None)
        self.touch("owner's answer")

    # the machine room

    @precondition(lambda self: self._states(IntentState.APPROVED))
    @rule(answers=st.lists(st.sampled_from(Answer), max_size=3), killed=st.sampled_from([False, False, True]))
    def execution(self, answers: list[Answer], killed: bool) -> None:
        """Or the kill switch is thrown exactly between the first claim and its call."""
        if killed and not self.killed:
            self._kill_after_the_claim()
            self.touch("kill between claim and call")
        else:
            self._execute(answers)

    def _execute(self, answers: list[Answer]) -> None:
        self.exchange.next_answers = answers
        self.run(self.world.executor._send_what_may_go())
        self.run(self.world.executor.stop())
        self.exchange.next_answers = []

    def _kill_after_the_claim(self) -> None:
        world = self.world
        real = world.executor._claim

        def claim(connection: Any, intent_id: str, readings: Readings) -> bool:
            done = real(connection, intent_id, readings)
            if done and not self.killed:
                self.killed = True
                kill_switch.throw(connection, world.outbox, "Asha", self.clock())
            return done

        world.executor._claim = claim  # type: ignore[method-assign, assignment]
        self._execute([])
        world.executor._claim = real  # type: ignore[method-assign]

    @rule()
    def the_book_is_read(self) -> None:
        self.run(self.world.reconciler.read())

    @rule(seconds=st.sampled_from([1, 30, 61, 181]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)
        self.run(self.world.approvals._expire_due())

    @rule()
    def the_gateway_is_restarted(self) -> None:
        self.run(self.world.restart())
        self.run(self.world.approvals.ask_again())
        self.run(self.world.reconciler.read())
        self.touch("restart")

    # the exchange

    def _working(self) -> list[Placed]:
        return [order for order in self.exchange.orders_taken if not order.ended]

    @precondition(lambda self: self._working())
    @rule(data=st.data(), lots=st.sampled_from([1, 100, 100]))
    def a_fill(self, data: st.DataObject, lots: int) -> None:
        self.exchange.fill(data.draw(st.sampled_from(self._working())), lots * LOT)
        self.touch("fill")

    @precondition(lambda self: self._working())
    @rule(data=st.data(), status=st.sampled_from(["CANCELLED", "REJECTED"]))
    def an_end(self, data: st.DataObject, status: str) -> None:
        self.exchange.end(data.draw(st.sampled_from(self._working())), status)

    @precondition(lambda self: any(order.hidden for order in self.exchange.orders_taken))
    @rule()
    def the_book_catches_up(self) -> None:
        for order in self.exchange.orders_taken:
            order.hidden = False
        self.touch("late book")

    @precondition(lambda self: self.exchange.orders_taken)
    @rule(data=st.data())
    def news(self, data: st.DataObject) -> None:
        """Any update of any order, new or old, once more."""
        order = data.draw(st.sampled_from(self.exchange.orders_taken))
        self.run(self.world.reconciler.on_order(data.draw(st.sampled_from(order.told))))
        self.touch("news")

    # what may be asked

    def _rows(self, table: Any) -> list[Any]:
        """As they stand, from inside a running step, too."""
        return list(self.database.write_now(lambda connection: connection.execute(table.select()).all()))

    def _approvals(self) -> list[Any]:
        return self._rows(tables.approvals)

    def _states(self, *states: IntentState) -> list[Any]:
        return [row for row in self._rows(tables.intents) if row.state in states]

    def _taken_tags(self) -> set[str]:
        return {order.ticket.tag for order in self.exchange.orders_taken}

    # the judgement

    def _judge_post(self, ticket: OrderTicket) -> None:
        """Promise 3, at the moment a POST arrives."""
        (row,) = [each for each in self._rows(tables.intents) if each.tag == ticket.tag]
        entry = row.purpose == Purpose.ENTRY
        if row.state != IntentState.PLACING:
            self.broken.append("promise 2: the tag is committed before the call")
        if self.killed:
            self.broken.append(f"promise 3: {row.id} was sent after the kill switch")
        if row.strategy == "asks" and entry and self.alerts[row.alert_id].approved_at is None:
            self.broken.append(f"promise 3: nobody approved {row.id}")
        if entry and sum(self.exchange.posts.values()) >= ORDERS_A_DAY:
            self.broken.append("promise 3: too many orders today")
        self.touch("sell" if ticket.side is Side.SELL else "buy")

    @invariant()
    def promise_2_no_alert_leads_to_two_orders(self) -> None:
        taken = Counter(order.ticket.tag for order in self.exchange.orders_taken)
        self._demand(max(taken.values(), default=0) <= 1, f"promise 2: {taken}")
        self._demand(max(self.exchange.posts.values(), default=0) <= 1, f"promise 2: {self.exchange.posts}")
        owners = {row.tag: row.alert_id for row in self._rows(tables.intents)}
        keys: dict[str, set[str]] = {}
        for tag in taken:
            told = self.alerts[owners[tag]]
            if told.key:
                keys.setdefault(told.key, set()).add(owners[tag])
        self._demand(all(len(alert_ids) == 1 for alert_ids in keys.values()), f"promise 2: {keys}")

    @invariant()
    def promise_4_never_sells_more_than_the_strategy_holds(self) -> None:
        owners = {row.tag: row.strategy for row in self._rows(tables.intents)}
        free: Counter[tuple[str, str]] = Counter()
        for order in self.exchange.orders_taken:
            key = (owners[order.ticket.tag], order.ticket.tradingsymbol)
            sold = order.ticket.side is Side.SELL
            free[key] += -(order.filled + order.rest) if sold else order.filled
        self._demand(all(units >= 0 for units in free.values()), f"promise 4: {free}")

    def _judge_the_end(self) -> None:
        """Once the book has caught up and was read, our rows say what it says."""
        for order in self.exchange.orders_taken:
            order.hidden = False
        self.run(self.world.reconciler.read())
        rows = {row.tag: row for row in self._rows(tables.intents)}
        for order in self.exchange.orders_taken:
            assert rows[order.ticket.tag].state == IntentState.PLACED, "a live order is booked as dead"
        placed = {row.tag for row in rows.values() if row.state == IntentState.PLACED}
        assert placed == self._taken_tags(), "a dead order is booked as live"
        self._compare_holdings(rows)

    def _compare_holdings(self, rows: dict[str, Any]) -> None:
        held: Counter[tuple[str, str]] = Counter()
        for order in self.exchange.orders_taken:
            sign = 1 if order.ticket.side is Side.BUY else -1
            held[rows[order.ticket.tag].strategy, order.ticket.tradingsymbol] += sign * order.filled
        ours: Counter[tuple[str, str]] = Counter()
        for row in self._rows(tables.holdings):
            ours[row.strategy, row.tradingsymbol] += row.quantity
        assert +ours == +held, "our holdings are the exchange's"
        values = sum(row.value_paise for row in self._rows(tables.fills) if row.side == Side.BUY)
        bought = sum(each.filled for each in self.exchange.orders_taken if each.ticket.side is Side.BUY)
        assert values == int(Decimal(100) * 100) * bought, "each fill counts once"
