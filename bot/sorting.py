"""Which message goes next, and which notices it settles: order, latest edit, batches. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from bot.texts import LONGEST, length
from gateway.domain.market import ist
from storage.notices import Priority

#: The subject of cards that can stand together in one message.
_ALERT = "alert:"
#: New cards that are no questions in one message: no more than it can name.
TOGETHER = 15
_BETWEEN = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message: a card (of one subject or of several), or a text that may answer a subject's card."""

    seqs: tuple[int, ...]
    loud: bool
    #: What it may cost of the chat's pace.
    priority: Priority
    attempts: int
    subjects: tuple[str, ...] = ()
    #: None: a card, drawn when it is sent.
    text: str | None = None
    #: The message to be edited; None: a new one.
    message_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Notices that are one message in any case."""

    rows: tuple[Row[Any], ...]
    message_id: int | None

    @property
    def first(self) -> Row[Any]:
        return self.rows[0]

    @property
    def priority(self) -> Priority:
        return Priority(min(row.priority for row in self.rows))

    @property
    def cost(self) -> Priority:
        """An edit never takes what is kept for questions."""
        return max(self.priority, Priority.FACT) if self.message_id is not None else self.priority

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Weightier first, new questions before edited ones, then in the order written."""
        is_answered = self.message_id is not None and self.priority is Priority.QUESTION
        return self.priority, is_answered, self.first.seq

    @property
    def can_stand_with_others(self) -> bool:
        """A new card of an alert."""
        return bool(self.first.card) and self.message_id is None and self.first.subject.startswith(_ALERT)

    def weighs_like(self, other: "_Unit") -> bool:
        """Texts that can share a message without becoming louder or later."""
        mine, its = self.first, other.first
        return not its.card and (mine.priority, mine.loud) == (its.priority, its.loud)


def next_delivery(rows: Sequence[Row[Any]], places: Mapping[str, int], *, apart: int) -> Delivery | None:
    """What one chat gets next of what waits for it.

    `places`: the message that is a subject's card, where there is one. More than `apart` new cards, or texts
    of one weight, become one message: all questions, else as many as it has room for.
    """
    units = sorted(_units(rows, places), key=lambda unit: unit.rank)
    if not units:
        return None
    first = units[0]
    if not first.first.card:
        alike = [unit for unit in units if first.weighs_like(unit)]
        return _texts(alike if len(alike) > apart else [first])
    new = [unit for unit in units if unit.can_stand_with_others]
    if first not in new or len(new) <= apart:
        return _cards([first])
    questions = [unit for unit in new if unit.priority is Priority.QUESTION]
    return _cards(questions or new[:TOGETHER])


def _units(rows: Sequence[Row[Any]], places: Mapping[str, int]) -> Iterable[_Unit]:
    """A text each; of cards those in the same message, or of the same subject: the latest is drawn anyway."""
    cards: dict[int | str, list[Row[Any]]] = {}
    for row in rows:
        if row.card:
            cards.setdefault(places.get(row.subject, row.subject), []).append(row)
        else:
            yield _Unit(rows=(row,), message_id=None)
    for place, shown in cards.items():
        yield _Unit(rows=tuple(shown), message_id=place if isinstance(place, int) else None)


def _cards(units: Sequence[_Unit]) -> Delivery:
    rows = [row for unit in units for row in unit.rows]
    return Delivery(
        seqs=tuple(row.seq for row in rows),
        loud=any(row.loud for row in rows),
        priority=min(unit.cost for unit in units),
        attempts=max(row.attempts for row in rows),
        subjects=tuple(dict.fromkeys(row.subject for row in rows)),
        message_id=units[0].message_id,
    )


def _texts(units: Sequence[_Unit]) -> Delivery:
    """One text as it is; several with their times, in their order, as many as fit."""
    taken = [units[0].first]
    if len(units) > 1:
        lines = [f"📬 <b>{len(units)} messages</b>", _with_time(units[0].first)]
        for unit in units[1:]:
            line = _with_time(unit.first)
            if length(_BETWEEN.join([*lines, line])) > LONGEST:
                break
            lines.append(line)
            taken.append(unit.first)
        lines[0] = f"📬 <b>{len(taken)} messages</b>"
        text = _BETWEEN.join(lines) if len(taken) > 1 else taken[0].text
    else:
        text = taken[0].text
    return Delivery(
        seqs=tuple(row.seq for row in taken),
        loud=taken[0].loud,
        priority=Priority(taken[0].priority),
        attempts=max(row.attempts for row in taken),
        subjects=(taken[0].subject,) if len(taken) == 1 and taken[0].subject else (),
        text=text or "",
    )


def _with_time(row: Row[Any]) -> str:
    return f"<i>{ist(row.created_at):%H:%M:%S}</i> {row.text}"
