"""Planning: what a signal comes to: contract, units, slices, price; or the reason why nothing is ordered."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from sqlalchemy import Connection

from config.notices import NoticeEvent
from config.settings import Settings, StrategySettings
from gateway import rests, reversal, wording
from gateway.domain import freshness
from gateway.domain.checkpoints import checkpoint
from gateway.domain.contract import Contract
from gateway.domain.errors import IllegalMove, InvalidAlert, Refusal, StorageFailed
from gateway.domain.freshness import Doubt
from gateway.domain.order import AlertState, Purpose, Side
from gateway.domain.risk import NOTHING_READ, Readings, Rule, judge, left_unjudged
from gateway.domain.signal import Action, Signal, StrikeKind
from gateway.domain.sizing import slices, units
from gateway.drafts import Draft, draft_of, proposal, rows
from gateway.entries_before import EntriesBefore
from gateway.exits import (
    Account,
    has_something_to_close,
    left_out,
    other_size,
    plan_exits,
    unknown_entries,
    why_nothing_to_close,
    withdraw_unsent,
)
from gateway.lanes import Accepted
from gateway.positions import AccountPositions, soon
from gateway.readings import Reader
from gateway.reversal import exit_before
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from gateway.world import WorldReader
from storage import alerts, intents, kept_exits, modes
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()


class Planner:
    """Turns an acknowledged alert into intents, or settles it with the reason why not."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        venues: Mapping[str, VenueAccess],
        world: WorldReader,
        rules: tuple[Rule, ...],
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        cancel_entries: Callable[[Collection[str]], Awaitable[None]],
        reader: Reader,
        complete: Callable[[Signal, StrategySettings], Signal] = lambda signal, _strategy: signal,
    ) -> None:
        """`cancel_entries` asks for the cancellation of what the entries of these alerts have working;
        `complete` fills the gaps of a SELL that opens a short from its settings (raises InvalidAlert)."""
        self._complete = complete
        self._entries = EntriesBefore(database, wakeups, clock, cancel_entries, self._freeze)
        self._reader = reader
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._world = world
        self._positions = AccountPositions(venues, database)
        self._rules = rules
        self._wakeups = wakeups
        self._clock = clock

    async def plan(self, alert: Accepted) -> None:
        """Settles the alert as planned, stale or refused; the owner is told in the same transaction.

        Raises StorageFailed; the alert is then still to be planned.
        """
        checkpoint("planning.begun")
        strategy = self._settings.strategy(alert.strategy)
        try:
            stale = freshness.doubt_about(
                alert.signal.time, alert.received_at, self._clock(), strategy.max_alert_age_seconds
            )
            opens, ask = await self._opens(alert.signal, strategy)
            if opens is not None:
                await self._exit_first(alert, strategy, stale is not None and stale.is_old)
                await self._plan_entry(alert, strategy, stale, opens, ask)
            else:
                await self._plan_exit(alert, strategy, stale is not None and stale.is_old)
        except Refusal as refusal:
            await self._settle(alert, AlertState.REFUSED, [refusal.sentence])
        except (StorageFailed, IllegalMove):
            raise
        except Exception as error:  # a border: no alert may end without a word to the owner
            log.error("planning_failed", alert_id=alert.alert_id, error=repr(error), exc_info=error)
            await self._settle(alert, AlertState.REFUSED, [f"Manjha failed on it, see the log: {error!r}"])
        self._wakeups.told(alert.alert_id)

    async def _opens(self, signal: Signal, strategy: StrategySettings) -> tuple[Side | None, bool]:
        """Which way the alert opens something (None when it is to close), and whether that is to be asked.

        A BUY closes the short it means; a SELL with nothing to close opens one where the strategy may.
        """
        if signal.action is Action.EXIT or (signal.action is Action.SELL and not strategy.allow_short):
            return None, False

        def look(connection: Connection) -> tuple[bool, bool]:
            asks = self._asks(connection, strategy)
            return has_something_to_close(connection, signal, strategy), asks

        # On the writer's thread: one hop, where a reader needs many.
        closes, asks = await self._database.write(look)
        side = Side.BUY if signal.action is Action.BUY else Side.SELL
        return None if closes else side, asks

    async def _plan_entry(
        self, alert: Accepted, strategy: StrategySettings, stale: Doubt | None, side: Side, ask: bool
    ) -> None:
        if stale:
            await self._settle(alert, stale.state, list(stale.sentences))
            return
        if not strategy.enabled:
            raise Refusal("enabled", f"strategy {strategy.name} is switched off in the configuration")
        draft = await self._draft_entry(alert.signal, strategy, side)
        if ask:
            draft = await self._reader.with_margin(draft)
        needs = proposal(draft, strategy, asked=ask).needs
        readings = await self._reader.read(draft.venue, draft.contract.quote_key, needs)
        checkpoint("planning.decided")

        def commit(connection: Connection) -> bool:
            if not ask and self._asks(connection, strategy):
                return False
            self._commit(connection, alert, strategy, [draft], ask, readings)
            return True

        if await self._database.write(commit):
            self._wake(ask)
        else:  # the owner wants to be asked since prices were read: his card shows more than an order needs
            await self._plan_entry(alert, strategy, stale, side, ask=True)

    async def _exit_first(self, alert: Accepted, strategy: StrategySettings, stale: bool) -> None:
        """A flip of TradingView's position closes the other side, or asks about it where the flip is stale;
        execution has the entry wait for it."""
        signal = exit_before(alert.signal)
        if signal is None or not await self._database.read(
            lambda connection: plan_exits(connection, signal, strategy, self._freeze)
        ):
            return
        exit_ = await self._database.write(lambda connection: reversal.store(connection, alert, signal))
        if exit_ is not None:
            await self._plan_exit(exit_, strategy, stale)
            self._wakeups.told(exit_.alert_id)

    async def _plan_exit(self, alert: Accepted, strategy: StrategySettings, stale: bool) -> None:
        """The drafts are made inside the transaction: nothing may be sold twice between look and claim."""
        # After a restart a flip's exit stands behind the flip, which has planned it.
        if await self._database.read(lambda connection: alerts.is_planned(connection, alert.alert_id)):
            return
        await self._entries.wait(alert.signal, strategy)
        account = await self._positions.credible(alert.signal, strategy, self._freeze)
        priced: dict[str, Decimal | None] = {}
        for key in await self._database.read(lambda connection: self._exit_keys(connection, alert, strategy)):
            priced[key] = await soon(self._venues[strategy.venue].prices.last(key))
        checkpoint("planning.exit_decided")
        ask = (strategy.confirm_exits or stale) and not alert.signal.by_owner
        await self._database.write(
            lambda connection: self._commit_exit(connection, alert, strategy, priced, account, ask)
        )
        self._wake(ask)

    def _exit_keys(self, connection: Connection, alert: Accepted, strategy: StrategySettings) -> list[str]:
        plans = plan_exits(connection, alert.signal, strategy, self._freeze)
        return [plan.contract.quote_key for plan in plans]

    def _commit_exit(
        self,
        connection: Connection,
        alert: Accepted,
        strategy: StrategySettings,
        priced: Mapping[str, Decimal | None],
        account: Account | None,
        ask: bool,
    ) -> None:
        purpose = Purpose.CLOSE if alert.signal.by_owner else Purpose.EXIT
        plans = plan_exits(connection, alert.signal, strategy, self._freeze, account)
        drafts = [
            draft_of(
                purpose,
                plan.side,
                plan.contract,
                plan.product,
                plan.quantities,
                strategy,
                priced.get(plan.contract.quote_key),
            )
            for plan in plans
        ]
        now = self._clock()
        left = left_out(connection, alert.signal, strategy, self._freeze, account)
        withdrawn = withdraw_unsent(connection, alert.signal, strategy, now)
        for alert_id in withdrawn:
            self._outbox.show(connection, f"alert:{alert_id}", at=now)
        if not drafts:
            sentence = why_nothing_to_close(connection, alert.signal, strategy, self._freeze, account)
            if withdrawn:
                sentence += f"; the entry that was not sent yet ({', '.join(withdrawn)}) is withdrawn"
            kept = rests.keep_whole(connection, self._outbox, alert, strategy.venue, left, now)
            sentences = [sentence, wording.KEPT_BEHIND] if kept else [sentence]
            self._record(connection, alert, AlertState.REFUSED, sentences, now)
            return
        if not self._commit(connection, alert, strategy, drafts, ask):
            return
        self._withdraw_asked(connection, alert, strategy, drafts, now, ask=ask)
        texts = []
        if unknown := unknown_entries(connection, alert.signal, strategy):
            texts.append(wording.exit_without(alert.strategy, unknown))
        if left and not alert.signal.by_owner:
            # Kept behind a question, it would one day take that question's place.
            if not ask:
                rests.keep_rests(connection, self._outbox, alert, strategy.venue, left, now)
            texts.append(wording.left_out(_what(alert.signal), alert.strategy, left, kept=not ask))
        elif difference := other_size(alert.signal, plans):
            texts.append(wording.another_quantity(_what(alert.signal), alert.strategy, difference))
        for text in texts:
            self._outbox.tell(connection, text, at=now, subject=f"alert:{alert.alert_id}")

    def _withdraw_asked(
        self,
        connection: Connection,
        alert: Accepted,
        strategy: StrategySettings,
        drafts: list[Draft],
        now: datetime,
        *,
        ask: bool,
    ) -> None:
        """What was asked about the same before is answered by this exit, or asked by it."""
        contracts = {
            (draft.venue, strategy.name, draft.contract.tradingsymbol, draft.product) for draft in drafts
        }
        why = wording.asked_anew(alert.alert_id) if ask else wording.closed_by(alert.alert_id)
        for alert_id in intents.withdraw_asked(connection, contracts, why, now, but=alert.alert_id):
            self._outbox.show(connection, f"alert:{alert_id}", at=now)

    async def _draft_entry(self, signal: Signal, strategy: StrategySettings, side: Side) -> Draft:
        signal = self._completed(signal, strategy)
        venue = self._venues[strategy.venue]
        contract = await self._contract(signal, venue)
        total = units(
            contract,
            quantity=signal.quantity,
            lots=signal.lots,
            round_down=strategy.round_quantity == "down",
        )
        await venue.prices.follow(contract.instrument_token, contract.quote_key)
        premium = await venue.prices.last(contract.quote_key)
        cut = slices(total, lot_size=contract.lot_size, freeze_quantity=self._freeze(contract.name))
        draft = draft_of(
            Purpose.ENTRY,
            side,
            contract,
            strategy.product,
            tuple(cut),
            strategy,
            premium,
            stop_loss=signal.stop_loss,
            target=signal.target,
            trailing_stop=signal.trailing_stop,
        )
        # Of what is written not the premium is at stake but the margin.
        wants_margin = premium is None or side is Side.SELL
        return await self._reader.with_margin(draft) if wants_margin else draft

    def _completed(self, signal: Signal, strategy: StrategySettings) -> Signal:
        """Its gaps filled by its strategy's settings: the door does that only for what opens for certain."""
        try:
            return self._complete(signal, strategy)
        except InvalidAlert as fault:
            raise Refusal(fault.field, fault.sentence) from fault

    async def _contract(self, signal: Signal, venue: VenueAccess) -> Contract:
        if signal.symbol is None or signal.option_type is None or signal.strike is None:
            raise Refusal("contract", "the alert does not name symbol, option_type and strike")
        underlying = venue.instruments.underlying(signal.symbol)
        chain = venue.instruments.chain(signal.symbol)
        living = venue.instruments.living_expiries(signal.symbol, self._clock())
        expiry = chain.expiry(signal.expiry, living)
        spot = None
        if signal.strike.kind is not StrikeKind.PRICE:
            await venue.prices.follow(underlying.index_token, underlying.index_key)
            spot = await venue.prices.last(underlying.index_key)
        return chain.contract(expiry, signal.option_type, signal.strike, spot)

    def _freeze(self, name: str) -> int:
        venue = next(iter(self._venues.values()))
        return venue.instruments.underlying(name).freeze_quantity

    def _asks(self, connection: Connection, strategy: StrategySettings) -> bool:
        """Whether entries need approval: as /mode said last, else as configured."""
        return (modes.approval_mode(connection, strategy.name) or strategy.approval) == "confirm"

    def _commit(
        self,
        connection: Connection,
        alert: Accepted,
        strategy: StrategySettings,
        drafts: list[Draft],
        ask: bool,
        readings: Readings = NOTHING_READ,
    ) -> bool:
        """Planned, or refused by a rule (False)."""
        now = self._clock()
        world = self._world.read(connection, strategy.venue, strategy.name, readings)
        proposals = [proposal(draft, strategy, asked=ask) for draft in drafts]
        verdicts = {
            verdict.sentence: verdict.rule
            for each in proposals
            for verdict in judge(self._rules, each, world)
        }
        if verdicts:
            sentences = list(verdicts)
            if drafts[0].purpose is Purpose.EXIT and kept_exits.keep_refused(
                connection,
                alert_id=alert.alert_id,
                venue=strategy.venue,
                strategy=strategy.name,
                rules=verdicts.values(),
                why="; ".join(sentences),
                at=now,
            ):
                sentences.append(wording.KEPT)
                self._outbox.show(connection, f"exit:{alert.alert_id}", at=now)
            self._record(connection, alert, AlertState.REFUSED, sentences, now)
            return False
        alerts.settle(connection, alert.alert_id, AlertState.PLANNED, None, now)
        intents.add(connection, rows(alert.alert_id, strategy.name, drafts), now)
        checkpoint("planning.inserted")
        if ask:
            deadline = now + timedelta(seconds=strategy.approval_timeout_seconds)
            intents.ask(connection, secrets.token_urlsafe(9), alert.alert_id, now, deadline)
        else:
            intents.approve_unasked(connection, alert.alert_id, now)
        priority = Priority.QUESTION if ask else Priority.FACT
        subject = f"alert:{alert.alert_id}"
        event = NoticeEvent.QUESTION if ask else None
        name = alert.strategy
        self._outbox.show(
            connection, subject, at=now, loud=ask, priority=priority, event=event, strategy=name
        )
        # What goes out unasked is judged again in a moment, and told then.
        if ask and (unjudged := left_unjudged(self._rules, proposals[0], world)):
            text = wording.not_checked(intents.of_alert(connection, alert.alert_id)[0], unjudged)
            self._outbox.tell(connection, text, at=now, subject=subject, loud=False)
        return True

    async def _settle(self, alert: Accepted, state: AlertState, sentences: list[str]) -> None:
        now = self._clock()
        await self._database.write(lambda connection: self._record(connection, alert, state, sentences, now))

    def _record(
        self, connection: Connection, alert: Accepted, state: AlertState, sentences: list[str], now: datetime
    ) -> None:
        closing = reversal.what_closes(connection, alert)
        reason = "; ".join([*sentences, closing] if closing else sentences)
        alerts.settle(connection, alert.alert_id, state, reason, now)
        text = wording.refused(
            alert.alert_id,
            alert.strategy,
            _what(alert.signal),
            sentences,
            stale=state is AlertState.STALE,
            closing=closing,
        )
        event, strategy = NoticeEvent.REFUSED, alert.strategy
        self._outbox.tell(connection, text, at=now, event=event, strategy=strategy)

    def _wake(self, ask: bool) -> None:
        checkpoint("planning.committed")
        if ask:
            self._wakeups.approvals.ring()
            self._wakeups.questions.ring()
        else:
            self._wakeups.executor.ring()


def _what(signal: Signal) -> str:
    """What an alert wants, in a few words."""
    parts = (signal.action, signal.position, signal.symbol, signal.option_type)
    return " ".join(str(part) for part in parts if part)
