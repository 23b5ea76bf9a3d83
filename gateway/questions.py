"""Questions: what an owner's press on an open card does before it is decided.

The size may be changed and the price is looked at once more; either puts the question anew, by the very same
rules. What is asked has a version: a press on a card that showed something else decides nothing.
"""

import asyncio
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from config.settings import Settings
from gateway.approval import Approvals, Decision
from gateway.domain.errors import BrokerError, IllegalMove, Refusal
from gateway.domain.figures import drift_percent
from gateway.domain.market import is_squared_off
from gateway.domain.money import Paise, format_rupees, to_paise
from gateway.domain.order import AlertId, IntentId, OrderTicket, Purpose, Side, make_tag
from gateway.domain.risk import Proposal, Readings, Rule, judge
from gateway.domain.sizing import marketable_limit, slices
from gateway.readings import Reader
from gateway.venues import VenueAccess
from gateway.wakeups import Wakeups
from gateway.world import WorldReader
from storage import flags, intents, modes, tables
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()

#: How long a press waits for the price of now, and for the margin of another size.
PRICE_PATIENCE_SECONDS = 1.5
#: So much of the time to approve is never spent on looking at the price.
KEPT_FOR_THE_DECISION_SECONDS = 1.0


@unique
class Change(StrEnum):
    """Another size."""

    HALF = "half"
    ONE_MORE = "+1"
    ONE_LESS = "-1"

    def of(self, lots: int) -> int:
        """The lots it makes of `lots`."""
        return {Change.HALF: lots // 2, Change.ONE_MORE: lots + 1, Change.ONE_LESS: lots - 1}[self]


@dataclass(frozen=True, kw_only=True)
class Question:
    """An approval and what it is about: the orders of one contract, none of them sent yet."""

    approval: Row[Any]
    rows: tuple[Row[Any], ...]

    @property
    def first(self) -> Row[Any]:
        """What all its orders have in common."""
        return self.rows[0]

    @property
    def quantity(self) -> int:
        """Units in all."""
        return sum(row.quantity for row in self.rows)

    @property
    def is_entry(self) -> bool:
        """Whether it opens; an exit is never resized, and its price never asked about again."""
        return bool(self.first.purpose == Purpose.ENTRY)

    @property
    def key(self) -> str:
        """Kite's key for quotes."""
        return f"{self.first.exchange}:{self.first.tradingsymbol}"

    @property
    def premium(self) -> Decimal | None:
        """What its card asks about, in rupees a unit."""
        return premium_asked(self.first)


def premium_asked(row: Row[Any]) -> Decimal | None:
    """The premium that the owner was asked about last, else that of the alert."""
    premium: Decimal | None = row.asked_premium if row.asked_premium is not None else row.premium
    return premium


class Questions:
    """Approve, resize, pause: each a press on a card of a certain version."""

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
        approvals: Approvals,
        reader: Reader,
    ) -> None:
        """`reader` reads what the rules want to know of the broker, as when the alert was planned."""
        self._reader = reader
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._venues = venues
        self._world = world
        self._rules = rules
        self._wakeups = wakeups
        self._clock = clock
        self._approvals = approvals
        # Half and then Approve, pressed in one breath: the second must see what the first has done.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def premium_total(self, approval_id: str) -> Decimal | None:
        """What the entry on the card comes to, in rupees; None when its premium is not known. What is no
        entry, or decided, comes to nothing."""
        question = await self._question(approval_id)
        if question is None or not question.is_entry or question.approval.decision != intents.PENDING:
            return Decimal(0)
        return None if question.premium is None else question.premium * question.quantity

    async def approve(self, approval_id: str, version: int, by: str) -> Decision:
        """Approves the card of that version, unless the premium has moved too far since: then it is asked
        once more, within the time that is left."""
        async with self._turn(approval_id):
            question = await self._question(approval_id)
            if question is not None and self._may_still(question, version):
                premium = await self._premium_now(question)
                moved = drift_percent(question.premium, premium)
                if premium is not None and moved is not None and self._is_too_far(question, moved):
                    return await self._ask_once_more(question, premium, moved)
            return await self._approvals.decide(approval_id, approve=True, by=by, version=version)

    async def resize(self, approval_id: str, version: int, change: Change, by: str) -> Decision:
        """Asks about another size of the same contract, if every rule agrees; the time left stays."""
        async with self._turn(approval_id):
            question = await self._question(approval_id)
            if question is None or not self._may_still(question, version):
                # Decides nothing: says why this card cannot be pressed any more.
                return await self._database.read(
                    lambda connection: self._approvals.why_not(connection, approval_id, version)
                )
            lot = question.first.lot_size
            lots = question.quantity // lot
            wanted = change.of(lots)
            if not question.is_entry or wanted < 1:
                return Decision(sentence="One lot is the least. Reject it if it is too much.", changed=False)
            premium = await self._premium_now(question)
            note = f"{lots} → {wanted} lot{'s' if wanted != 1 else ''}, by {by}"
            return await self._put_anew(question, wanted * lot, premium or question.premium, note)

    async def pause(self, approval_id: str, by: str) -> Decision:
        """No new entries of the card's strategy; what is asked of it at present is rejected."""
        question = await self._question(approval_id)
        if question is None:
            return Decision(sentence="This question is not known any more.", changed=False)
        strategy = question.first.strategy
        told = await self._database.write(lambda connection: self._pause(connection, strategy, by))
        self._wakeups.told(*told)
        return Decision(
            sentence=f"{strategy} is paused; nothing of it is sent. /unpause ends it.", changed=True
        )

    def _pause(self, connection: Connection, strategy: str, by: str) -> list[str]:
        now = self._clock()
        modes.pause(connection, strategy, by=by, at=now)
        told = []
        for row in intents.pending_approvals(connection):
            about = intents.of_alert(connection, row.alert_id)[0]
            if about.strategy == strategy and about.purpose == Purpose.ENTRY:
                late = row.deadline <= now
                decision = intents.EXPIRED if late else intents.REJECTED
                intents.decide(connection, row.id, decision, by="time" if late else by, at=now)
                self._outbox.show(connection, f"alert:{row.alert_id}", at=now, priority=Priority.QUESTION)
                told.append(row.alert_id)
        name = html.escape(strategy, quote=False)
        text = (
            f"⏸ <b>{name} is paused</b> by {html.escape(by, quote=False)}: it opens nothing new, its exits "
            f"go on. <code>/unpause {name}</code> ends it."
        )
        self._outbox.tell(connection, text, at=now)
        return told

    def _turn(self, approval_id: str) -> asyncio.Lock:
        """One press after the other, in the order in which they came."""
        turn = self._turns.get(approval_id)
        if turn is None:
            turn = self._turns[approval_id] = asyncio.Lock()
        return turn

    async def _question(self, approval_id: str) -> Question | None:
        # On the writer's thread: one hop, where a reader needs many.
        return await self._database.write(lambda connection: question_of(connection, approval_id))

    def _may_still(self, question: Question, version: int) -> bool:
        row = question.approval
        return bool(
            row.decision == intents.PENDING and row.version == version and row.deadline > self._clock()
        )

    async def _premium_now(self, question: Question) -> Decimal | None:
        """Never so late that a press in time would come too late for it; None when it cannot be had."""
        prices = self._venues[question.first.venue].prices
        left = (question.approval.deadline - self._clock()).total_seconds() - KEPT_FOR_THE_DECISION_SECONDS
        try:
            async with asyncio.timeout(max(min(left, PRICE_PATIENCE_SECONDS), 0.0)):
                return await prices.last(question.key)
        except TimeoutError:
            log.warning("press_goes_on_without_a_price", key=question.key)
            return prices.cached(question.key, PRICE_PATIENCE_SECONDS * 2)

    def _is_too_far(self, question: Question, moved: Decimal) -> bool:
        """An order with the alert's own limit pays no more than that, wherever the premium went."""
        first = question.first
        strategy = self._settings.strategy(first.strategy)
        limited = first.order_type == "LIMIT" and strategy.pricing == "limit"
        return question.is_entry and not limited and abs(moved) > strategy.max_price_drift

    async def _ask_once_more(self, question: Question, premium: Decimal, moved: Decimal) -> Decision:
        note = f"premium moved {moved:+.1f} % since the alert: approve at ₹{premium:.2f}?"
        if question.first.asked_premium is not None:
            note = f"premium moved {moved:+.1f} % since you were asked: approve at ₹{premium:.2f}?"
        return await self._put_anew(question, question.quantity, premium, note)

    async def _put_anew(
        self, question: Question, quantity: int, premium: Decimal | None, note: str
    ) -> Decision:
        first = question.first
        freeze = self._venues[first.venue].instruments.underlying(first.name).freeze_quantity
        cut = slices(quantity, lot_size=first.lot_size, freeze_quantity=freeze)
        price = self._price(first, premium)
        margin = await self._margin(question, quantity, price)
        needs = Paise(margin) if margin is not None else None
        readings = await self._reader.read(first.venue, question.key, needs)
        fresh = [
            {
                **{name: getattr(first, name) for name in _KEPT},
                "id": IntentId(f"{first.alert_id}-{part}"),
                "part": part,
                "tag": make_tag(AlertId(first.alert_id), part),
                "quantity": units,
                "price": price,
                "asked_premium": premium,
                "margin_paise": margin,
            }
            for part, units in enumerate(cut, start=1)
        ]
        try:
            await self._database.write(
                lambda connection: self._commit(connection, question.approval, fresh, note, readings)
            )
        except Refusal as refusal:
            return Decision(sentence=f"Not so: {refusal.sentence}", changed=False)
        except IllegalMove:
            return await self._database.read(
                lambda connection: self._approvals.why_not(
                    connection, question.approval.id, question.approval.version
                )
            )
        self._wakeups.told(first.alert_id)
        self._wakeups.questions.ring()
        return Decision(sentence=_said(note, quantity, first.lot_size, premium), changed=False)

    def _commit(
        self,
        connection: Connection,
        asked: Row[Any],
        fresh: list[dict[str, Any]],
        note: str,
        readings: Readings,
    ) -> None:
        """Raises Refusal or IllegalMove; the question then stays as it was."""
        now = self._clock()
        if flags.value(connection, flags.KILL_SWITCH) is not None:
            raise Refusal("kill switch", "the kill switch is on: nothing is sent")
        intents.take_back(connection, asked, note, now)
        first = fresh[0]
        world = self._world.read(connection, first["venue"], first["strategy"], readings)
        verdicts = judge(self._rules, self._proposal(fresh), world)
        if verdicts:
            raise Refusal(verdicts[0].rule, "; ".join(verdict.sentence for verdict in verdicts))
        intents.put_anew(connection, fresh, now)
        self._outbox.show(
            connection,
            f"alert:{first['alert_id']}",
            at=now,
            loud=True,
            priority=Priority.QUESTION,
            event=NoticeEvent.QUESTION,
            strategy=first["strategy"],
        )

    def _proposal(self, fresh: list[dict[str, Any]]) -> Proposal:
        """As at the claim: a premium too far from the alert's is refused now, not after the owner agreed."""
        first = fresh[0]
        policy = self._settings.strategy(first["strategy"]).square_off
        return Proposal(
            purpose=Purpose(first["purpose"]),
            venue=first["venue"],
            strategy=first["strategy"],
            symbol=first["name"],
            tradingsymbol=first["tradingsymbol"],
            quantity=sum(row["quantity"] for row in fresh),
            lot_size=first["lot_size"],
            orders=len(fresh),
            premium=first["price"] or first["asked_premium"],
            asked=True,
            squared_off=is_squared_off(policy, first["product"]),
            side=Side(first["side"]),
            margin=first["margin_paise"],
            planned_at=first["premium"],
        )

    def _price(self, first: Row[Any], premium: Decimal | None) -> Decimal | None:
        """A limit that is to cross the market moves with it; the alert's own stays."""
        follows = self._settings.strategy(first.strategy).pricing == "marketable_limit"
        if first.order_type != "LIMIT" or not follows or premium is None:
            limit: Decimal | None = first.price
            return limit
        return marketable_limit(premium, Side(first.side), first.tick_size)

    async def _margin(self, question: Question, quantity: int, price: Decimal | None) -> int | None:
        """What the broker says the order now needs; as before where only the price was asked about."""
        first = question.first
        ticket = OrderTicket(
            tag=make_tag(AlertId("margin"), 0),
            exchange=first.exchange,
            tradingsymbol=first.tradingsymbol,
            side=Side(first.side),
            quantity=quantity,
            product=first.product,
            order_type=first.order_type,
            price=price,
            market_protection=first.market_protection,
        )
        try:
            async with asyncio.timeout(PRICE_PATIENCE_SECONDS):
                return await self._venues[first.venue].book.order_margin([ticket])
        except (BrokerError, TimeoutError) as error:
            log.warning("no_margin", error=str(error))
            return None


#: What is said anew about an order, and what happens to it later; all else stays as it was planned. `premium`
#: is that of the alert: slippage is told against it.
_ANEW = frozenset({"id", "part", "tag", "quantity", "price", "asked_premium", "margin_paise"})
_LATER = frozenset(
    {"state", "refused_by", "reason", "planned_at", "placing_at", "settled_at", "questioned_at"}
)
_KEPT = tuple(column.name for column in tables.intents.columns if column.name not in _ANEW | _LATER)


def question_of(connection: Connection, approval_id: str) -> Question | None:
    """The approval with its orders; None when there is no such question."""
    row = intents.approval(connection, approval_id)
    if row is None:
        return None
    rows = intents.of_alert(connection, row.alert_id)
    return Question(approval=row, rows=tuple(rows)) if rows else None


def _said(note: str, quantity: int, lot: int, premium: Decimal | None) -> str:
    total = f" = {format_rupees(to_paise(premium * quantity))}" if premium is not None else ""
    if "approve at" in note:
        return f"{note[0].upper()}{note[1:]} Press Approve once more."
    return f"Now {quantity // lot} lot{'s' if quantity != lot else ''}, {quantity} units{total}. Approve?"
