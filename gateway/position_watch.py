"""Compares each alert's word about TradingView's position with what its strategy holds; tells of drift."""

import html
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from config.notices import NoticeEvent
from config.settings import Settings, StrategySettings
from gateway.domain.contract import OptionType
from gateway.domain.drift import Drift, Held, Position, after_it, before_it
from gateway.domain.order import AlertState, Side
from gateway.domain.signal import Action, Signal
from gateway.lanes import Accepted
from storage import alerts, flags, holdings, intents, orders
from storage.engine import Database
from storage.notices import Outbox, Priority

#: The alerts of a reversal come in one moment: between them, what is held is neither the one nor the other.
ONE_MOMENT = timedelta(seconds=2)
_FLAG = "drift {kind}:{strategy}"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a strategy held, or had under way, before its alert was planned; `told`: it did not fit."""

    ours: Position
    told: bool


class PositionWatch:
    """Looks before the alert is planned, and once more when it is."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        clock: Callable[[], datetime],
        ring: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._ring = ring
        self._last: dict[str, Accepted] = {}

    async def before(self, alert: Accepted) -> Seen | None:
        """What is held, compared with what TradingView had; None where the alert speaks of no position."""
        signal = alert.signal
        said = (signal.prev_market_position, signal.market_position, signal.position_size)
        if all(each is None for each in said):
            return None
        strategy = self._settings.strategy(alert.strategy)
        ours = await self._database.read(lambda connection: position_of(connection, strategy, signal.symbol))
        earlier, self._last[alert.strategy] = self._last.get(alert.strategy), alert
        if earlier is not None and _is_other_half(earlier, alert):
            return Seen(ours=ours, told=False)
        drift = before_it(signal, ours, may_short=strategy.allow_short)
        return Seen(ours=ours, told=await self._tell(alert.strategy, drift))

    async def after(self, alert: Accepted, seen: Seen) -> None:
        """What is held when all that is decided is done, compared with what TradingView has now."""
        strategy = self._settings.strategy(alert.strategy)
        signal = alert.signal

        def read(connection: Connection) -> Position | None:
            row = alerts.get(connection, alert.alert_id)
            ours = position_of(connection, strategy, signal.symbol)
            planned = row is not None and row.state == AlertState.PLANNED
            return ours if planned or _finds_nothing(signal, ours) else None

        ours = await self._database.read(read)
        if ours is not None and not seen.told:
            drift = after_it(signal, seen.ours, ours, may_short=strategy.allow_short)
            await self._tell(alert.strategy, drift)

    async def _tell(self, strategy: str, drift: Drift | None) -> bool:
        """Whether it does not fit, told again or not."""
        if drift is None:
            return False
        flag = _FLAG.format(kind=drift.standing.kind, strategy=strategy) if drift.standing else None
        value = drift.standing.value if drift.standing else ""
        if flag and (await self._database.read(lambda known: flags.value(known, flag)) or "") == value:
            return drift.sentence is not None
        now = self._clock()

        def work(connection: Connection) -> None:
            if flag and value:
                flags.put(connection, flag, value, by="gateway", at=now)
            elif flag:
                flags.clear(connection, flag, by="gateway", at=now)
            if drift.sentence is not None:
                self._outbox.tell(
                    connection,
                    f"🧭 <b>Positions differ</b> · {html.escape(strategy)}\n{html.escape(drift.sentence)}.",
                    at=now,
                    loud=False,
                    priority=Priority.CHATTER,
                    event=NoticeEvent.WATCH,
                    strategy=strategy,
                )

        await self._database.write(work)
        self._ring()
        return drift.sentence is not None


def position_of(connection: Connection, strategy: StrategySettings, symbol: str | None) -> Position:
    """What the strategy comes to hold of the underlying (None: of all) when all that is decided is filled:
    what is being sold, or asked about, counts as sold; entries on their way, asked about or unknown count as
    held."""
    units: defaultdict[tuple[OptionType, int], int] = defaultdict(int)
    closing: dict[tuple[str, str], int] = {}
    for row in holdings.open_(connection, strategy.name, strategy.venue):
        entry = intents.get(connection, row.intent_id)
        if entry is None or symbol not in (None, entry.name):
            continue
        key = (row.tradingsymbol, row.product)
        if key not in closing:
            whole = (strategy.venue, strategy.name, *key)
            closing[key] = intents.being_sold(connection, *whole) + intents.asked_about(connection, whole)
        taken = min(closing[key], row.quantity)
        closing[key] -= taken
        sign = -1 if row.side == Side.SELL else 1
        units[OptionType(entry.option_type), entry.lot_size] += sign * (row.quantity - taken)
    entries = [
        row
        for row in intents.live_entries(connection, strategy.name)
        if row.venue == strategy.venue and symbol in (None, row.name)
    ]
    placed = orders.of_intents(connection, [row.id for row in entries]) if entries else {}
    for row in entries:
        filled = placed[row.id].filled_quantity if row.id in placed else 0
        sign = -1 if row.side == Side.SELL else 1
        units[OptionType(row.option_type), row.lot_size] += sign * (row.quantity - filled)
    return [
        Held(option_type=option_type, units=count, lot_size=lot_size)
        for (option_type, lot_size), count in units.items()
        if count
    ]


def _is_other_half(earlier: Accepted, alert: Accepted) -> bool:
    """Of a reversal in two alerts: both say the same of TradingView's one step."""
    one, other = earlier.signal, alert.signal
    step = (other.prev_market_position, other.market_position)
    same = (one.prev_market_position, one.market_position) == step and step[0] != step[1]
    return same and alert.received_at - earlier.received_at < ONE_MOMENT


def _finds_nothing(signal: Signal, ours: Position) -> bool:
    """An exit that was refused although what it means is held stays a refusal, which was told."""
    meant = [held for held in ours if signal.option_type in (None, held.option_type)]
    return signal.action is not Action.BUY and not meant
