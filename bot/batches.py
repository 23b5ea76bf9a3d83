"""Many cards in one message: a few lines each, the open questions first with their buttons. Pure."""

from collections.abc import Sequence

from bot.cards import Button, Card
from bot.texts import LONGEST, length, shortened

#: Questions with buttons in one message; as they are decided the next move up.
QUESTIONS_SHOWN = 20
#: Of a card that only tells, and of one that asks.
_LINES, _LINES_OF_A_QUESTION = 2, 3
_LONGEST_ITEM = 400
#: Of a question's first row of buttons: Approve and Reject.
_BUTTONS = 2
_ROOM_FOR_THE_REST = 80


def batch_card(cards: Sequence[Card], *, alerts: int, questions: int) -> Card:
    """One message for so many alerts, of which so many ask; `cards` are the first, the rest is counted."""
    asked = f", {questions} to decide" if questions else ""
    lines = [f"🗂 <b>{alerts} alerts at once{asked}</b>"]
    size, shown = length(lines[0]), 0
    buttons: list[tuple[Button, ...]] = []
    for card in sorted(cards, key=lambda card: not card.buttons):
        item = _item(card, shown + 1)
        if size + length(item) + _ROOM_FOR_THE_REST > LONGEST:
            break
        shown += 1
        lines.append(item)
        size += length(item) + 1
        if card.buttons:
            buttons.append(_buttons(card, shown))
    if shown < alerts:
        lines.append(_rest(alerts - shown, questions - len(buttons)))
    return Card(text="\n".join(lines), buttons=tuple(buttons))


def _item(card: Card, number: int) -> str:
    """Its head, the line that names strategy and alert, and its order."""
    head = _LINES_OF_A_QUESTION if card.buttons else _LINES
    every = card.text.split("\n")
    lines = every[:head] + [line for line in every[head:] if "<code>" in line][:2]
    return f"{number}. " + shortened("\n".join(lines), _LONGEST_ITEM)


def _buttons(card: Card, number: int) -> tuple[Button, ...]:
    return tuple(
        Button(label=f"{number} {button.label}", data=button.data, style=button.style)
        for button in card.buttons[0][:_BUTTONS]
    )


def _rest(left: int, questions: int) -> str:
    if questions <= 0:
        return f"… and {left} more: /alerts"
    return f"… and {left} more, {questions} of them to decide: they move up as these are decided"
