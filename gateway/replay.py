"""`manjha replay`: a stored alert run again, from the door to the fill, on a paper exchange of its own."""

import tempfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace
from multidict import MultiDict
from sqlalchemy import Connection, Row

from config.market import underlyings
from config.settings import Settings
from gateway.assembly import Gateway
from gateway.domain.errors import ManjhaError
from gateway.domain.market import ist
from gateway.domain.order import Side, Venue, new_alert_id
from gateway.domain.signal import DEFAULT_STRATEGY, Action, Signal
from gateway.domain.status import SETTLED
from gateway.ingress import payload
from gateway.ingress.arrivals import Arrivals
from gateway.paper.instruments import Contract
from gateway.paper.words import Kind, Product
from gateway.reversal import exit_before
from gateway.views import alert_view, settled_answer
from storage import alerts, audit, by_hand, fills, intents
from storage.alerts import Arrival
from storage.engine import Database

#: By then a paper order is filled, or it never will be.
PATIENCE_SECONDS = 20.0


class NotReplayable(ManjhaError):
    """There is no such alert, or it says nothing that could be run."""


class _Then(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy held when its alert came: an intent of each contract, and units (below zero: short);
    `moving`: an order was under way, so that these may not be what the alert found."""

    strategy: str
    at: datetime
    held: list[tuple[Row[Any], int]]
    moving: bool


async def replay(settings: Settings, database: Database, alert_id: str) -> dict[str, Any]:
    """What becomes of the stored alert now: the webhook's answer, and each step with its reason.

    An alert that closes begins with what its strategy held when it came, by the stored fills; `began_with`
    says so, and what could not be brought back. Nothing of the real gateway is touched: the database, the
    exchange and the phone are temporary. Approval is taken as given. Raises NotReplayable.
    """
    row = await database.read(lambda connection: alerts.get(connection, alert_id))
    if row is None:
        raise NotReplayable(f"there is no alert {alert_id}")
    with tempfile.TemporaryDirectory(prefix="manjha-replay-") as folder:
        gateway = Gateway(_on_paper(settings, Path(folder)))
        arrival = _arrival(row, settings, gateway.clock)
        then = None
        if arrival.signal is not None and _may_close(arrival.signal, settings):
            then = await database.read(lambda connection: _then(connection, settings, row))
        await gateway.start()
        try:
            await gateway.until_ready(PATIENCE_SECONDS)
            began = {"began_with": await _bring_back(gateway, then)} if then else {}
            return began | await _run(gateway, arrival)
        finally:
            await gateway.stop()


def _arrival(row: Row[Any], settings: Settings, clock: Callable[[], datetime]) -> Arrival:
    """The alert as if it came now; what was not understood is understood anew, by the settings of now."""
    if row.signal:
        signal, body_hash = alerts.signal_of(row), row.body_hash or ""
    else:
        judged = _judged(row, settings, clock)
        if judged.signal is None:
            raise NotReplayable(f"it is still not understood: {judged.field}: {judged.reason}")
        signal, body_hash = judged.signal, judged.body_hash
    return Arrival(
        alert_id=new_alert_id(),
        received_at=clock(),
        source="replay",
        body=row.body,
        body_hash=body_hash,
        strategy=signal.strategy,
        dedupe_key=None,
        signal=replace(signal, id=None, time=None),
    )


def _judged(row: Row[Any], settings: Settings, clock: Callable[[], datetime]) -> Arrival:
    """As the door would. The strategy's name may have stood in the address: then only the row has it."""
    named = {} if row.strategy == DEFAULT_STRATEGY else {"strategy": row.strategy}
    errand = Arrivals(settings, clock).errand(
        row.body, payload.read(row.body), query=MultiDict(named), source="replay", webhook_id=None
    )
    count = len(errand.arrivals)
    if row.part >= count:
        raise NotReplayable(f"its body holds {count} alerts now, and it was number {row.part + 1}")
    if (
        count > 1 and row.body_hash is not None
    ):  # since parts are numbered, what is not understood has no hash
        raise NotReplayable(f"an older version stored it, and did not note which of its body's {count} it is")
    judged: Arrival = errand.arrivals[row.part]
    return judged


def _may_close(signal: Signal, settings: Settings) -> bool:
    """An exit, the turn of a position, or a BUY where shorts may be held."""
    closes = signal.action is not Action.BUY or exit_before(signal) is not None
    return closes or settings.strategy(signal.strategy).allow_short


def _then(connection: Connection, settings: Settings, row: Row[Any]) -> _Then:
    planned = intents.of_alert(connection, row.id)
    venue = planned[0].venue if planned else settings.strategy(row.strategy).venue
    return _Then(
        strategy=row.strategy,
        at=row.received_at,
        held=fills.held_before(connection, venue, row),
        moving=fills.is_under_way_before(connection, venue, row),
    )


async def _bring_back(gateway: Gateway, then: _Then) -> str:
    """Puts it into the replay's exchange and book; the sentence that says what, and what not."""
    brought, expired = [], []
    for row, units in then.held:
        if await _endow(gateway, row, units):
            brought.append(f"{units} {row.tradingsymbol} {row.product}")
        else:
            expired.append(f"{units} {row.tradingsymbol}")
    until = f"by the fills stored until {ist(then.at):%d %b %Y %H:%M:%S} IST"
    sentences = [f"what {then.strategy} held when the alert came, {until}: {', '.join(brought) or 'nothing'}"]
    if expired:
        sentences.append(f"expired since, and so not brought back: {', '.join(expired)}")
    if then.moving:
        sentences.append("an order was under way then, so the fills do not tell for certain what it found")
    return "; ".join(sentences)


async def _endow(gateway: Gateway, row: Row[Any], units: int) -> bool:
    """Whether the contract can still be had."""
    paper = gateway.paper
    price = paper.broker.endow(_paper_contract(row), Product(row.product), units) if paper else None
    if price is None:
        return False
    # At the replay's own price: no loss of the day comes of it.
    like: Any = SimpleNamespace(**{**row._asdict(), "venue": Venue.PAPER})
    await gateway.database.write(
        lambda connection: by_hand.book(
            connection,
            like,
            side=Side.BUY if units > 0 else Side.SELL,
            opens=True,
            quantity=abs(units),
            price=Decimal(price) / 100,
            by="replay",
            why="held when the alert came",
            at=gateway.clock(),
        )
    )
    return True


def _paper_contract(row: Row[Any]) -> Contract:
    return Contract(
        token=row.instrument_token,
        tradingsymbol=row.tradingsymbol,
        name=row.name,
        expiry=row.expiry,
        strike=int(row.strike),
        tick=int(row.tick_size * 100),
        lot_size=row.lot_size,
        freeze_quantity=underlyings()[row.name].freeze_quantity,
        kind=Kind(row.option_type),
        segment=f"{row.exchange}-OPT",
        exchange=row.exchange,
    )


async def _run(gateway: Gateway, arrival: Arrival) -> dict[str, Any]:
    with gateway.wakeups.changes.watch(arrival.alert_id) as watch:
        await gateway.accept(replace(arrival, received_at=gateway.clock()))
        while await watch.next(PATIENCE_SECONDS):
            view = await gateway.database.read(lambda connection: alert_view(connection, arrival.alert_id))
            if view is not None and view.status in SETTLED:
                break
    view = await gateway.database.read(lambda connection: alert_view(connection, arrival.alert_id))
    steps = await gateway.database.read(lambda connection: audit.trail(connection, arrival.alert_id))
    return {"answer": settled_answer(view) if view else None, "steps": steps}


def _on_paper(settings: Settings, folder: Path) -> Settings:
    """The owner's strategies and limits, on paper, with nobody to ask, no day's end, and free ports."""
    tree = settings.model_dump(mode="python")
    tree |= {"venue": "paper", "data_dir": folder / "data", "database_url": None, "webhook_secret": None}
    tree["market"]["hours"] = "always"
    tree["telegram"] |= {"bot_token": "", "chat_id": None}
    tree["server"] |= {"host": "127.0.0.1", "port": 0, "allowed_ips": (), "trusted_proxies": ()}
    tree["phone"]["port"] = 0
    tree["defaults"] |= {"approval": "auto", "confirm_exits": False, "square_off": "none"}
    for own in tree["strategies"].values():
        own |= {"venue": None, "approval": None, "confirm_exits": None, "square_off": None}
    return Settings.model_validate(tree)
