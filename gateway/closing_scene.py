"""How a closing stands at one look: what is left of each position, what may come, what hangs."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.order import IntentState, Purpose, Side
from storage import closings, holdings, intents, orders, sells
from storage.closings import Kind
from storage.sells import Key

#: A cancellation that was asked for and not seen is asked for again after this time.
CANCEL_AGAIN = timedelta(seconds=15)
#: Picks holdings, or entries on their way.
Selection = Callable[[Row[Any]], bool]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is to be closed, and until when it is tried (aware; None: until it is flat)."""

    title: str
    selection: Selection
    until: datetime | None = None
    #: Picks the entries on their way that would become such holdings: it is flat when they are settled, too.
    entries: Selection = lambda _: False
    #: Said when it is flat.
    afterwards: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One strategy's one contract: units that are to go, of these being sold, of these without an answer."""

    key: Key
    units: int
    busy: int
    unknown: int
    #: The owner was asked what became of them.
    asked: bool
    words: str | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How a closing stands at one look."""

    row: Row[Any]
    aim: Aim
    groups: tuple[Group, ...]
    coming: tuple[Row[Any], ...]
    #: Exits that were re-priced as often as allowed and hang on: (venue, order id, variety).
    hanging: tuple[tuple[str, str, str], ...]
    lines: tuple[Row[Any], ...]
    #: Of a flatten: what of ours is still at the broker, in words.
    standing: tuple[str, ...]

    @property
    def sold(self) -> bool:
        """Nothing of ours is left, and nothing can come."""
        return not self.groups and not self.coming and not self.standing


def read_scene(
    connection: Connection, closing_id: str, aim_of: Callable[[Connection, Row[Any]], Aim], now: datetime
) -> Scene:
    """The scene, in one transaction."""
    row = closings.get(connection, closing_id)
    assert row is not None  # noqa: S101  closings are never deleted
    aim = aim_of(connection, row)
    units: dict[Key, int] = {}
    # What is short is bought back first: without its hedge it would need more margin.
    for held in sorted(holdings.open_(connection), key=lambda each: each.side != Side.SELL):
        if aim.selection(held):
            key = sells.key_of(held)
            units[key] = units.get(key, 0) + held.quantity
    coming = [each for each in intents.entries_that_may_fill(connection) if aim.entries(each)]
    return Scene(
        row=row,
        aim=aim,
        groups=tuple(_group(connection, row, key, total) for key, total in units.items()),
        coming=tuple(coming),
        hanging=tuple(_hanging(connection, units, now)),
        lines=tuple(closings.lines(connection, closing_id)),
        standing=_standing(connection) if row.kind == Kind.FLATTEN else (),
    )


def _group(connection: Connection, row: Row[Any], key: Key, units: int) -> Group:
    lost = [live for live in sells.live(connection, key=key) if live.state == IntentState.UNKNOWN]
    busy = intents.being_sold(connection, *key)
    words = closings.last_words(connection, key, row.began_at)
    return Group(
        key=key,
        units=units,
        busy=busy,
        unknown=sum(live.rest for live in lost),
        asked=any(live.questioned_at is not None for live in lost),
        words=words,
    )


def _hanging(connection: Connection, units: dict[Key, int], now: datetime) -> list[tuple[str, str, str]]:
    return [
        (row.venue, row.order_id, row.variety)
        for row in orders.working(connection)
        if row.purpose != Purpose.ENTRY
        and sells.key_of(row) in units
        and row.questioned_at is not None
        and (row.cancel_asked_at is None or now - row.cancel_asked_at >= CANCEL_AGAIN)
    ]


def coming_words(scene: Scene) -> list[str]:
    """The entries that may still fill."""
    return [
        f"{html.escape(row.tradingsymbol)} {row.quantity} · {html.escape(row.strategy)}: "
        f"a {row.side} that may still fill ({row.state})"
        for row in scene.coming
    ]


def _standing(connection: Connection) -> tuple[str, ...]:
    """What the kill switch takes away, and has not yet."""
    working, triggers = closings.standing(connection)
    words = []
    if working:
        words.append(f"{working} orders still work; their cancellation is asked for until they are gone")
    if triggers:
        words.append(f"{triggers} GTTs of Manjha's are still at Kite; they are being deleted")
    return tuple(words)
