"""The card of a difference between Kite's positions and our holdings: facts, and what may be booked. Pure."""

import html
from typing import Any

from sqlalchemy import Row

from bot.cards import Button, Card
from gateway.adoption import Answer, DifferenceView, Offer
from gateway.domain.difference import DifferenceKind, DifferenceState, side_of
from gateway.domain.order import Side
from gateway.wording import VENUE_BADGES

#: The head of these buttons' data.
DIFFERENCE = "d"

_TITLES = {
    DifferenceKind.FEWER: "🧭 Kite has fewer than Manjha",
    DifferenceKind.MORE: "🧭 Kite has more than Manjha",
    DifferenceKind.UNLISTED: "🧭 Kite does not list this position",
    DifferenceKind.EXPIRED: "🧭 Expired, and still in the book",
}
_WHY = {
    DifferenceKind.FEWER: "It was closed elsewhere: by hand in the Kite app, or by Zerodha. "
    "Manjha sells nothing on the strength of this.",
    DifferenceKind.MORE: "It was bought elsewhere. Manjha does not touch what is not its own.",
    DifferenceKind.UNLISTED: "Kite keeps a line for what was closed today, so it may have been closed on an "
    "earlier day; or the answer was not whole. Look in the Kite app.",
    DifferenceKind.EXPIRED: "Its last session is over; the exchange settles it in cash. "
    "The contract note has the price.",
}


def difference_card(view: DifferenceView) -> Card:
    """The facts; buttons while it may be booked; else what became of it."""
    row = view.row
    lines = [
        (
            f"<b>{_TITLES[DifferenceKind(row.kind)]}</b> · {html.escape(row.tradingsymbol)} {row.product}"
            f" · {VENUE_BADGES[row.venue]}"
        ),
        _numbers(row),
        *_owner_lines(view),
        *_facts(row),
        _WHY[DifferenceKind(row.kind)] if row.state == DifferenceState.OPEN else _outcome(row),
    ]
    return Card(text="\n".join(line for line in lines if line), buttons=_buttons(view))


def _numbers(row: Row[Any]) -> str:
    net = "no such line" if row.net is None else str(row.net)
    return f"Manjha holds {row.held}, Kite's positions: {net}"


def _owner_lines(view: DifferenceView) -> list[str]:
    return [f"• {html.escape(name)}: {units}" for name, units in view.owners.items() if units]


def _facts(row: Row[Any]) -> list[str]:
    lines = []
    if row.net is not None and row.net < min(row.held, 0):
        lines.append(
            f"⚠️ The account is <b>short {-row.net}</b>: buy back in the Kite app what should not be."
        )
    if row.average_price is not None:
        verb = "bought" if side_of(DifferenceKind(row.kind), row.held) is Side.BUY else "sold"
        lines.append(f"Today's order book: another hand {verb} {row.traded} @ ₹{row.average_price:.2f}.")
    if row.last_price is not None:
        lines.append(f"Last price ₹{row.last_price:.2f}.")
    return lines


def _outcome(row: Row[Any]) -> str:
    if row.state == DifferenceState.LEFT:
        return "Left as it is; told again when the numbers change."
    return html.escape(f"{'✅ ' if row.state == DifferenceState.BOOKED else '⚪ '}{row.outcome}.")


def _buttons(view: DifferenceView) -> tuple[tuple[Button, ...], ...]:
    row = view.row
    if row.state not in (DifferenceState.OPEN, DifferenceState.LEFT):
        return ()
    several = len(view.owners) > 1
    rows = [
        (
            Button(
                label=_label(row, offer, several=several),
                data=f"{DIFFERENCE}:{row.id}:{offer.answer}:{offer.number}",
            ),
        )
        for offer in view.offers
    ]
    if row.state == DifferenceState.OPEN:
        rows.append((Button(label="Leave it", data=f"{DIFFERENCE}:{row.id}:{Answer.LEAVE}:0"),))
    return tuple(rows)


def _label(row: Row[Any], offer: Offer, *, several: bool) -> str:
    whose = f" ({offer.strategy})" if several else ""
    price = f"₹{offer.price:.2f}" if offer.price is not None else ""
    match offer.answer:
        case Answer.AT_COST:
            said = f"Book {offer.units} as closed, price not known"
        case Answer.WORTHLESS:
            said = f"Book {offer.units} as expired at ₹0"
        case Answer.AT_LAST if row.kind == DifferenceKind.EXPIRED:
            said = f"Book {offer.units} as settled at {price}"
        case _ if row.kind == DifferenceKind.MORE:
            said = f"Take {offer.units} over at {price} for {offer.strategy}"
        case _:
            verb = "bought back" if row.held < 0 else "sold"
            said = f"Book {offer.units} as {verb} at {price}"
    return f"{said}{whose}"[:60]
