"""The use cases, wired: from the stored alert to the order, its fill, its guard and its end."""

from config.market import guards as guard_figures
from gateway.adoption import Adoption
from gateway.approval import Approvals
from gateway.assembly.ground import Ground
from gateway.assembly.lines import Lines
from gateway.breaker import Breaker
from gateway.chase import Chaser
from gateway.closing import Closing
from gateway.closing_exits import ClosingExits
from gateway.comparison import Comparison
from gateway.countdown import Countdown
from gateway.deliveries import Deliveries
from gateway.domain.order import AlertState
from gateway.execution import Executor
from gateway.guards import Guards, Surroundings
from gateway.guards.strangers import remove_strangers
from gateway.ingress.completion import complete_entry
from gateway.intake import Intake
from gateway.kept_exits import KeptExits
from gateway.kill_switch import KillSwitch
from gateway.lanes import Accepted, Lanes
from gateway.limits import Limits
from gateway.loss_watch import LossWatch
from gateway.planning import Planner
from gateway.profit import Profits
from gateway.proof import Proof
from gateway.pursuit import Tools
from gateway.questions import Questions
from gateway.readings import Reader
from gateway.reconciliation import Ports as BookPorts
from gateway.reconciliation import Reconciler
from gateway.risk import daily_loss, rules_of
from gateway.square_off import SquareOff
from gateway.unknown import UnknownOrders
from gateway.valuation import Valuation
from gateway.venues import VenueAccess
from gateway.watchfulness import Watchfulness
from gateway.whole_account import WholeAccount
from gateway.world import WorldReader
from storage import alerts
from storage.closings import Kind


class Trading:
    """Built once the lines are; what it runs stands in the ground's parts."""

    def __init__(self, ground: Ground, lines: Lines) -> None:
        self._ground = ground
        self._lines = lines
        self.profits = Profits(ground.database, lines.access, ground.clock)
        shared = (ground.settings, ground.database, ground.outbox)
        sessions = {venue: access.session for venue, access in lines.access.items()}
        valuation = Valuation(ground.database, lines.access)
        at = ground.settings.schedule.square_off
        world = WorldReader(ground.calendar, sessions, ground.clock, at, valuation)
        rules = rules_of(ground.settings)
        reader = Reader(ground.settings, lines.access)
        ground.parts.append(
            ("readings", lambda: reader.keep_warm(lambda: ground.calendar.is_open(ground.clock())))
        )
        self.limits = Limits(ground.settings, world, rules)
        self._breaker = Breaker(outbox=ground.outbox)
        self.executor = Executor(
            *shared, lines.placers, world, rules, ground.wakeups, ground.clock, self._breaker, reader
        )
        cancel_entries = self.executor.cancel_entries
        planner = Planner(
            *shared,
            lines.access,
            world,
            rules,
            ground.wakeups,
            ground.clock,
            cancel_entries,
            reader,
            complete_entry,
        )
        self._watched_lanes(planner)
        self.questions = Questions(
            *(*shared, lines.access, world, rules, ground.wakeups, ground.clock, self.approvals, reader)
        )
        countdown = Countdown(*shared[1:], lines.access, self.limits, ground.wakeups, ground.clock)
        ground.parts.append(("countdown", countdown.run))
        self._endings(planner)
        self._loss_watch(world, valuation)
        self.guards = {venue: self._guards_of(venue) for venue in lines.access}
        self.executor.clear_the_way = lambda row: self.guards[row.venue].clear_the_way(row)
        self.reconcilers = {venue: self._reconciler(access) for venue, access in lines.access.items()}
        self.adoption = Adoption(ground.database, ground.outbox, ground.wakeups, ground.clock)
        self.kept_exits = KeptExits(
            *shared,
            ground.wakeups,
            ground.clock,
            self.intake,
            self._blocked,
            lambda venue, name: lines.access[venue].instruments.underlying(name).freeze_quantity,
        )
        ground.parts.append(("kept exits", self.kept_exits.run))
        self.comparisons = {venue: self._comparison(access) for venue, access in lines.access.items()}
        self.unknown = UnknownOrders(
            ground.database, ground.outbox, self.reconcilers, self.intake, ground.clock
        )

    def _watched_lanes(self, planner: Planner) -> None:
        """From the stored alert to its plan, in each strategy's order; and the approvals."""
        ground = self._ground
        shared = (ground.settings, ground.database, ground.outbox)
        watchfulness = Watchfulness(*shared, ground.calendar, ground.wakeups, ground.clock)
        deliveries = Deliveries(ground.database, ground.outbox, ground.clock, ground.wakeups.outbox.ring)

        async def work(alert: Accepted) -> None:
            seen = await watchfulness.look_at(alert)
            await planner.plan(alert)
            await watchfulness.look_after(alert, seen)

        self.lanes = Lanes(work)
        self.intake = Intake(
            ground.database, ground.outbox, self.lanes, ground.wakeups.outbox.ring, ground.clock
        )
        self.approvals = Approvals(ground.database, ground.outbox, ground.wakeups, ground.clock)
        ground.parts.extend(
            [
                ("execution", self.executor.run),
                ("intake", self.intake.run),
                ("approvals", self.approvals.run),
                ("watchfulness", watchfulness.run),
                ("deliveries", deliveries.run),
            ]
        )

    def _endings(self, planner: Planner) -> None:
        """What closes: the chase of exits, square-off, kill switch."""
        ground = self._ground
        shared = (ground.settings, ground.database, ground.outbox)
        chaser = Chaser(*shared, self._lines.access, self.executor, ground.wakeups, ground.clock)
        self._account = WholeAccount(*shared, self._lines.access, self.executor, ground.wakeups, ground.clock)
        exits = ClosingExits(ground.database, planner.plan, ground.clock)
        tools = Tools(
            database=ground.database,
            outbox=ground.outbox,
            executor=self.executor,
            wakeups=ground.wakeups,
            clock=ground.clock,
            proof=Proof(self._lines.access, ground.database, ground.clock),
            sell=exits.sell,
            blocked=self._blocked,
            account=self._account.look,
        )
        self.closing = Closing(tools)
        self.square_off = SquareOff(*shared, self.closing, ground.calendar, ground.wakeups, ground.clock)
        self.kill_switch = KillSwitch(
            ground.database, ground.outbox, ground.wakeups, ground.clock, self.executor.cancel
        )
        ground.parts.extend(
            [("kill switch", self.kill_switch.run), ("closing", self.closing.run), ("chase", chaser.run)]
        )

    def _blocked(self, venue: str) -> str | None:
        """Why no exit can be sent at present: sending it all the same would only be refused."""
        if not self._lines.access[venue].session.alive:
            return "nobody is logged in to Kite (/login)"
        if not self._ground.calendar.is_open(self._ground.clock()):
            return "the market is closed"
        return None

    def _loss_watch(self, world: WorldReader, valuation: Valuation) -> None:
        """Stops the entries of a day that lost too much, and closes what is held where that is wished."""
        ground = self._ground
        watch = LossWatch(
            ground.database,
            ground.outbox,
            self._lines.access,
            world,
            valuation,
            daily_loss(ground.settings),
            ground.calendar,
            ground.wakeups,
            ground.clock,
            self.executor.cancel_entries,
            self.closing if ground.settings.risk.flatten_on_daily_loss else None,
        )
        ground.parts.append(("daily loss", watch.run))

    def _guards_of(self, venue: str) -> Guards:
        ground = self._ground
        around = Surroundings(
            access=self._lines.access[venue],
            desk=self._lines.placers[venue].desk,
            settings=ground.settings,
            database=ground.database,
            outbox=ground.outbox,
            wakeups=ground.wakeups,
            executor=self.executor,
            calendar=ground.calendar,
            figures=guard_figures(),
            clock=ground.clock,
        )
        found = Guards(around)
        self._account.remove_gtts[venue] = lambda: remove_strangers(around)
        around.access.session.on_login.append(found.recheck)
        ground.parts.append((f"guards ({venue})", found.run))
        return found

    def _reconciler(self, access: VenueAccess) -> Reconciler:
        ground, venue = self._ground, str(access.venue)
        ports = BookPorts(
            in_flight=self.executor.in_flight,
            streaming=lambda: self._lines.connected(venue),
            opened=lambda: self.executor.open(venue),
            adopt=self.guards[venue].adopt,
        )
        reconciler = Reconciler(
            access, ground.database, ground.outbox, ground.wakeups, ground.clock, ports, self._breaker
        )

        def after_login() -> None:
            self.executor.shut(venue)
            ground.wakeups.look_into_the_book(venue)

        access.session.on_login.append(after_login)
        ground.parts.append((f"reconciliation ({venue})", reconciler.run))
        return reconciler

    def _comparison(self, access: VenueAccess) -> Comparison:
        ground, venue = self._ground, str(access.venue)
        found = Comparison(
            access,
            ground.database,
            ground.outbox,
            ground.calendar,
            ground.wakeups,
            ground.clock,
            lambda: self.executor.is_open(venue),
        )
        access.session.on_login.append(found.recheck)
        ground.parts.append((f"comparison ({venue})", found.run))
        return found

    async def close(self, meant: frozenset[int], by: str) -> None:
        """Closes the holdings with these numbers, for whom; returns when that is on disk."""
        await self.closing.begin(Kind.BY_HAND, by, chosen=meant)

    async def take_up_unplanned(self) -> None:
        """Alerts that were acknowledged before the last stop and not planned, in their order."""
        for row in await self._ground.database.read(alerts.unplanned_inside):
            await self._drop(row.id)
        await self.intake.take_up()

    async def _drop(self, alert_id: str) -> None:
        """An exit of a closing that was stored and not planned: the closing, if it goes on, sends another."""
        now = self._ground.clock()
        why = "the gateway restarted; what is being closed is looked at anew"
        await self._ground.database.write(
            lambda connection: alerts.settle(connection, alert_id, AlertState.REFUSED, why, now)
        )
