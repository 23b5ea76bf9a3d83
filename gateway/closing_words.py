"""The words of a closing: its card with a line a position, and its end. None says more than is known."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from gateway.domain.market import ist
from gateway.domain.money import Paise, format_rupees
from storage import closings, orders
from storage.closings import Kind, State

#: So many lines fit a message.
MOST_LINES = 24
_HEADS = {
    State.OPEN: "closing",
    State.FLAT: "<b>flat</b>, by the broker's positions",
    State.DIFFERS: "<b>sold; the broker's positions show something else</b>",
    State.NOT_FLAT: "<b>not flat</b>, and the time is over",
    State.GIVEN_UP: "ended by /resume; what is left stays held",
}
_MARKS = {State.FLAT: "✅", State.DIFFERS: "⚠️", State.NOT_FLAT: "🚨", State.GIVEN_UP: "⚪"}


@dataclass(frozen=True, kw_only=True)
class ClosingView:
    """A closing with its lines, and what each line has made since it began (paise)."""

    row: Row[Any]
    lines: tuple[Row[Any], ...]
    made: dict[int, Paise]


def closing_view(connection: Connection, closing_id: str) -> ClosingView | None:
    """What its card is drawn from; None when there is no such closing."""
    row = closings.get(connection, closing_id)
    if row is None:
        return None
    lines = tuple(closings.lines(connection, closing_id))
    made = {
        line.seq: orders.realised_on(connection, line.venue, line.strategy, line.tradingsymbol, row.began_at)
        for line in lines
    }
    return ClosingView(row=row, lines=lines, made=made)


def title_of(kind: str) -> str:
    """What the owner knows it by."""
    return {Kind.FLATTEN: "🛑 Flatten", Kind.DAILY_LOSS: "🛑 Daily loss"}.get(Kind(kind), "🏁 Square-off")


def closing_text(view: ClosingView) -> str:
    """The card: a line a position, edited until it is flat."""
    row = view.row
    state = State(row.state)
    whole = " of the whole account" if row.whole_account else ""
    mark = f"{_MARKS[state]} " if state in _MARKS else ""
    head = (
        f"{mark}{title_of(row.kind)}{whole}, by {html.escape(row.by)}, "
        f"{ist(row.began_at):%H:%M:%S} IST: {_HEADS[state]}"
    )
    # What is left comes first, should there be more lines than a message holds.
    ordered = sorted(view.lines, key=lambda line: not line.remaining)
    lines = [_line(line, view.made.get(line.seq, Paise(0))) for line in ordered]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more"]
    return "\n".join([head, *lines, *_footer(row.footer)])


def _line(line: Row[Any], made: int) -> str:
    whose = html.escape(line.strategy) if line.strategy else "not Manjha's"
    name = f"• {html.escape(line.tradingsymbol)} {line.product} · {whose} · {line.venue.upper()}"
    if line.remaining:
        note = f" · {html.escape(line.note)}" if line.note else ""
        short = " (short)" if line.remaining < 0 else ""
        return f"{name}: <b>{abs(line.remaining)} of {abs(line.quantity)} left</b>{short}{note}"
    profit = f", {format_rupees(made, sign=True)}" if line.strategy else ""
    return f"{name}: closed {abs(line.quantity)}{profit} · {_proof(line)}"


def _proof(line: Row[Any]) -> str:
    if line.kite_at is None:
        return "⏳ the broker's positions are not read yet"
    if line.kite is None:
        return "❓ unknown: the broker's positions could not be read, or do not show it"
    if line.kite == 0:
        return "✅ the broker's positions agree"
    if line.kite > 0:
        return f"⚠️ the account has {line.kite} more than Manjha knows of"
    return f"🚨 the account is short by {-line.kite}: look in the Kite app now"


def line_note(
    busy: int, unknown: int, words: str | None, blocked: str | None, *, asked: bool = False
) -> str | None:
    """Why some of it is left; `asked`: the owner, what became of what has no answer."""
    if unknown and asked:
        return f"❓ no clear answer from Kite for {unknown}: it goes on when you answer the question about it"
    if unknown:
        return f"❓ no clear answer from Kite for {unknown}; they are looked for and not sold twice"
    if blocked:
        return f"waits: {blocked}; it goes on by itself"
    if busy:
        return f"{busy} being sold"
    return f"refused: {words}; tried again" if words else None


def not_flat_text(title: str, lines: Sequence[Row[Any]], footer: str | None) -> str:
    """The alarm while something is left, or not proven."""
    left = [_line(line, 0) for line in lines if line.remaining or line.kite != 0]
    return "\n".join([f"🚨 {title}: <b>not flat yet</b>", *left, *_footer(footer)])


def _footer(footer: str | None) -> list[str]:
    return [f"⚠️ {each}" for each in (footer or "").splitlines()]


def ended_text(title: str, state: State, lines: Sequence[Row[Any]], afterwards: str) -> str:
    """The end, in a message of its own: the card is edited without a sound."""
    if not lines:
        return f"✅ {title}: <b>flat</b>, there was nothing to close; Manjha holds nothing."
    count = f"{len(lines)} position{'s' if len(lines) != 1 else ''}"
    if state is State.FLAT:
        more = f"\n{afterwards}" if afterwards else ""
        return f"✅ {title}: <b>flat</b>, {count}, by the broker's positions.{more}"
    left = "\n".join(_line(line, 0) for line in lines if line.remaining or line.kite != 0)
    if state is State.DIFFERS:
        return f"⚠️ {title}: all of Manjha's is sold, but <b>the account is not flat</b>\n{left}"
    return f"🚨 {title}: <b>not flat</b>\n{left}\nThe time is over. Close the rest in the Kite app now."
