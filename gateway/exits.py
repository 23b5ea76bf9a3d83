"""What an exit may close: the very contracts its strategy holds, at most what is held and not closed yet.

SELL closes what was bought, BUY what was sold short, EXIT either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Row, select

from config.settings import StrategySettings
from gateway.domain.contract import Contract, OptionType
from gateway.domain.difference import Shown
from gateway.domain.order import DECIDED_INTENTS, WORKING_ORDERS, IntentState, Purpose, Side
from gateway.domain.signal import Action, MarketPosition, Signal, StrikeKind
from gateway.domain.sizing import closing_units, slices
from storage import closings, holdings, intents
from storage.tables import intents as intents_table
from storage.tables import orders as orders_table


@dataclass(frozen=True, kw_only=True)
class ExitPlan:
    """Units of one held contract to be closed, in slices: bought back where they are a short."""

    contract: Contract
    product: str
    quantities: tuple[int, ...]
    side: Side = Side.SELL


@dataclass(kw_only=True)
class _Held:
    contract: Contract
    product: str
    quantity: int
    side: Side

    @property
    def key(self) -> tuple[str, str]:
        """As the account's contracts are keyed."""
        return self.contract.tradingsymbol, self.product


#: The account's contracts as Kite shows them, by (tradingsymbol, product).
Account = Mapping[tuple[str, str], Shown]


def plan_exits(
    connection: Connection,
    signal: Signal,
    strategy: StrategySettings,
    freeze: Callable[[str], int],
    account: Account | None = None,
) -> list[ExitPlan]:
    """What the exit sells now, oldest holding first, the contract it names before all others.

    Sells that are decided, open or unknown count as sold; a question sells nothing. Never more than the
    account has, where `account` could be read: somebody may have closed by hand. Empty when nothing is left
    to close.
    """
    held = _held(connection, signal, strategy)
    wanted = _wanted(signal, held)
    plans: list[ExitPlan] = []
    for each in held:
        busy = intents.being_sold(
            connection, strategy.venue, strategy.name, each.contract.tradingsymbol, each.product
        )
        free = max(each.quantity - busy, 0)
        # Kite keeps a row of what was closed today; no row at all says nothing, and unknown is not flat.
        if account is not None and each.key in account:
            free = min(free, _left_in(connection, strategy.venue, each, account[each.key]))
        lot = each.contract.lot_size
        quantity = closing_units(wanted, free, lot, at_least_one=not plans)
        wanted = max(wanted - quantity, 0)
        if quantity:
            contract = each.contract
            cut = slices(quantity, lot_size=contract.lot_size, freeze_quantity=freeze(contract.name))
            plans.append(
                ExitPlan(
                    contract=contract,
                    product=each.product,
                    quantities=tuple(cut),
                    side=_OPPOSITE[each.side],
                )
            )
    return plans


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Units that the signal means and the exit does not close, for the account may not have them: why.
    `passes`: they may be there, which is to be seen when an order of ours is settled."""

    contract: Contract
    product: str
    units: int
    why: str
    passes: bool


def left_out(
    connection: Connection,
    signal: Signal,
    strategy: StrategySettings,
    freeze: Callable[[str], int],
    account: Account | None,
) -> list[LeftOut]:
    """What the account keeps the exit from closing, before it is planned."""
    if account is None:
        return []
    held = {each.key: each for each in _held(connection, signal, strategy)}
    ours, theirs = (
        {(plan.contract.tradingsymbol, plan.product): sum(plan.quantities) for plan in plans}
        for plans in (
            plan_exits(connection, signal, strategy, freeze),
            plan_exits(connection, signal, strategy, freeze, account),
        )
    )
    if sum(theirs.values()) >= sum(ours.values()):
        return []
    moving = closings.moving(connection, strategy.venue)
    return [
        LeftOut(
            contract=held[key].contract,
            product=held[key].product,
            units=units - theirs.get(key, 0),
            why=_why_blocked(connection, strategy, held[key], account[key], moving=key in moving),
            passes=key in moving,
        )
        for key, units in ours.items()
        if units > theirs.get(key, 0)
    ]


def other_size(signal: Signal, plans: Sequence[ExitPlan]) -> str | None:
    """Of an exit that closes another quantity than its alert says: how, and why. None where it does not, and
    for exits from inside."""
    lot = plans[0].contract.lot_size
    said = signal.quantity if signal.quantity is not None else (signal.lots or 0) * lot
    closed = sum(sum(plan.quantities) for plan in plans)
    if signal.by_owner or said in (0, closed):
        return None
    why = "no more is left to close" if said - closed >= lot else f"a lot of {lot} units cannot be split"
    return f"the alert says {said} units, and {closed} are to be closed: {why}"


def _left_in(connection: Connection, venue: str, held: _Held, shown: Shown) -> int:
    """Units on that side that the account has for all strategies together, and that no exit takes."""
    ours = holdings.of_all(connection, venue, *held.key, held.side)
    leaving = intents.leaving_account(connection, venue, *held.key, _OPPOSITE[held.side])
    return max(ours - shown.lacking(held.side) - leaving, 0)


def _held(connection: Connection, signal: Signal, strategy: StrategySettings) -> list[_Held]:
    """The strategy's holdings that the signal can mean, one entry a contract and product."""
    signal = _narrowed(connection, signal, strategy)
    merged: dict[tuple[str, str], _Held] = {}
    for row in holdings.open_(connection, strategy.name, strategy.venue):
        if not _closes(signal, row.side):
            continue
        entry = intents.get(connection, row.intent_id)
        if entry is None or not _is_meant(signal, entry):
            continue
        key = (row.tradingsymbol, row.product)
        if key in merged:
            merged[key].quantity += row.quantity
        else:
            merged[key] = _Held(
                contract=contract_of(entry),
                product=row.product,
                quantity=row.quantity,
                side=Side(row.side),
            )
    return sorted(merged.values(), key=lambda held: not _is_named(signal, held.contract))


def _narrowed(connection: Connection, signal: Signal, strategy: StrategySettings) -> Signal:
    """What a position means of all that the strategy has bought, or may have bought in a moment: where a
    reversal's entry came before its exit, the new side is not what the exit leaves."""
    if signal.position is None or signal.option_type is not None:
        return signal
    held = holdings.open_(connection, strategy.name, strategy.venue)
    entries = [intents.get(connection, row.intent_id) for row in held if row.side == Side.BUY]
    entries += [row for row in intents.live_entries(connection, strategy.name) if row.side == Side.BUY]
    alone = replace(signal, position=None)
    meant = [entry for entry in entries if entry is not None and _is_meant(alone, entry)]
    bought = {entry.option_type for entry in meant if entry.venue == strategy.venue}
    return replace(signal, option_type=signal.position.narrowed(bought))


def why_nothing_to_close(
    connection: Connection,
    signal: Signal,
    strategy: StrategySettings,
    freeze: Callable[[str], int],
    account: Account | None,
) -> str:
    """Why: an entry unknown, nothing held, all sold already, or less in the account than in our book."""
    unknown = unknown_entries(connection, signal, strategy)
    if unknown:
        return (
            f"the BUY of alert {unknown[0]} has no clear answer from Kite yet: it may exist. Look in the "
            "Kite app and close it there if it does"
        )
    if _is_being_sold(connection, signal, strategy):
        return f"all that {strategy.name} holds is being sold already, by another exit or by its stop"
    if not plan_exits(connection, signal, strategy, freeze):
        return _why_nothing_is_meant(connection, signal, strategy)
    return "; ".join(each.why for each in left_out(connection, signal, strategy, freeze, account))


def _why_nothing_is_meant(connection: Connection, signal: Signal, strategy: StrategySettings) -> str:
    """With what is held instead, if anything is."""
    sentence = f"{strategy.name} holds nothing that this alert could close"
    if signal.position is not None:
        sentence += f" as {_LEFT[signal.position]}"
    everything = _held(connection, Signal(action=Action.EXIT, strategy=strategy.name), strategy)
    held = [
        f"{each.quantity} units of {each.contract.title}{', sold short' if each.side is Side.SELL else ''}"
        for each in everything
    ]
    return f"{sentence}; it holds {' and '.join(held)}" if held else sentence


#: What an exit that says which position it leaves can close.
_LEFT = {
    MarketPosition.LONG: "a long (options that were bought)",
    MarketPosition.SHORT: "a short (puts that were bought, options that were written)",
}


def _why_blocked(
    connection: Connection, strategy: StrategySettings, held: _Held, shown: Shown, *, moving: bool
) -> str:
    """Why the account may not have what the strategy should hold."""
    title = held.contract.title
    if moving:
        return (
            f"an order of Manjha's in {title} is under way: until it is settled Kite's positions do not show "
            f"what {strategy.name} has left"
        )
    longs, shorts = (
        holdings.of_all(connection, strategy.venue, *held.key, side) for side in (Side.BUY, Side.SELL)
    )
    done = "sold" if held.side is Side.BUY else "bought back"
    return (
        f"Kite's positions show {shown.net} units of {title}, and all strategies together should hold "
        f"{longs - shorts}: it was closed elsewhere, by hand perhaps. Nothing is {done} that the account may "
        "not have"
    )


def _is_being_sold(connection: Connection, signal: Signal, strategy: StrategySettings) -> bool:
    """Whether something is held that the signal can mean, and sells of ours take all of it."""
    held = _held(connection, signal, strategy)
    return bool(held) and all(
        intents.being_sold(
            connection, strategy.venue, strategy.name, each.contract.tradingsymbol, each.product
        )
        >= each.quantity
        for each in held
    )


_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def _closes(signal: Signal, side: str) -> bool:
    """Whether the signal's action closes what was opened on that side."""
    return signal.action is Action.EXIT or str(signal.action) != side


def has_something_to_close(connection: Connection, signal: Signal, strategy: StrategySettings) -> bool:
    """Whether the strategy holds what the signal's action closes, or may come to hold it any moment: an entry
    on its way, waiting for its approval, or unknown."""
    if _held(connection, signal, strategy):
        return True
    rows = intents.live_entries(connection, strategy.name)
    return any(_is_meant_entry(signal, strategy, row) for row in rows)


def _is_meant(signal: Signal, entry: Row[Any]) -> bool:
    """Underlying, option type and position must fit where named; an exit's strike is another one by then."""
    if signal.tradingsymbol is not None and signal.tradingsymbol != entry.tradingsymbol:
        return False
    if signal.product is not None and signal.product != entry.product:
        return False
    if signal.symbol is not None and signal.symbol != entry.name:
        return False
    if signal.position is not None and not signal.position.is_of(entry.side, entry.option_type):
        return False
    return signal.option_type is None or signal.option_type == entry.option_type


def _is_named(signal: Signal, contract: Contract) -> bool:
    strike = signal.strike
    return strike is not None and strike.kind is StrikeKind.PRICE and strike.value == contract.strike


def _wanted(signal: Signal, held: list[_Held]) -> int:
    """Units the signal asks for; all there are where it names no number."""
    everything = sum(each.quantity for each in held)
    if signal.action is Action.EXIT and signal.quantity is None and signal.lots is None:
        return everything
    if signal.quantity is not None:
        return signal.quantity
    if signal.lots is not None and held:
        return signal.lots * held[0].contract.lot_size
    return everything


def contract_of(entry: Row[Any]) -> Contract:
    """The contract of an intent's row."""
    return Contract(
        exchange=entry.exchange,
        tradingsymbol=entry.tradingsymbol,
        instrument_token=entry.instrument_token,
        name=entry.name,
        expiry=entry.expiry,
        strike=entry.strike,
        option_type=OptionType(entry.option_type),
        lot_size=entry.lot_size,
        tick_size=entry.tick_size,
    )


def withdraw_unsent(
    connection: Connection, signal: Signal, strategy: StrategySettings, at: datetime
) -> list[str]:
    """Withdraws the entries that the exit means and that have not been sent: those that wait for approval,
    and those approved that could not go out (no session yet). Returns their alert ids."""
    signal = _narrowed(connection, signal, strategy)
    reason = "withdrawn: its strategy's exit came before it was sent"
    withdrawn: dict[str, None] = {}
    for pending in intents.pending_approvals(connection):
        rows = intents.of_alert(connection, pending.alert_id)
        if any(_is_meant_entry(signal, strategy, row) for row in rows):
            intents.decide(connection, pending.id, intents.VOID, by=reason, at=at)
            withdrawn[pending.alert_id] = None
    for row in intents.in_state(connection, IntentState.APPROVED):
        if _is_meant_entry(signal, strategy, row):
            intents.refuse(connection, row, by="rules", reason=reason, at=at)
            withdrawn[row.alert_id] = None
    return list(withdrawn)


def entries_on_their_way(connection: Connection, signal: Signal, strategy: StrategySettings) -> list[str]:
    """Alert ids of the entries that the exit means and that may be filled any moment, without approval."""
    signal = _narrowed(connection, signal, strategy)
    working = select(orders_table.c.intent_id).where(orders_table.c.state.in_(WORKING_ORDERS))
    moving = DECIDED_INTENTS - {IntentState.UNKNOWN}
    statement = select(intents_table).where(
        (intents_table.c.strategy == strategy.name)
        & (intents_table.c.state.in_(moving) | intents_table.c.id.in_(working))
    )
    return [row.alert_id for row in connection.execute(statement) if _is_meant_entry(signal, strategy, row)]


def unknown_entries(connection: Connection, signal: Signal, strategy: StrategySettings) -> list[str]:
    """Alert ids of the entries that the exit means and of which nobody knows whether they exist."""
    signal = _narrowed(connection, signal, strategy)
    rows = intents.in_state(connection, IntentState.UNKNOWN)
    return [row.alert_id for row in rows if _is_meant_entry(signal, strategy, row)]


def entries_searched_for(connection: Connection, signal: Signal, strategy: StrategySettings) -> list[str]:
    """Of those, the ones the order book is still searched for: after that only the owner can tell."""
    signal = _narrowed(connection, signal, strategy)
    rows = intents.in_state(connection, IntentState.UNKNOWN)
    left = [row for row in rows if row.questioned_at is None]
    return [row.alert_id for row in left if _is_meant_entry(signal, strategy, row)]


def _is_meant_entry(signal: Signal, strategy: StrategySettings, row: Row[Any]) -> bool:
    """Another leg of a reversal (the put bought as the call is sold) is left alone."""
    own = (row.venue, row.strategy, row.purpose) == (strategy.venue, strategy.name, Purpose.ENTRY)
    return own and _is_meant(signal, row) and _closes(signal, row.side)
