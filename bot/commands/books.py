"""/positions and /orders: what is held, what was ordered."""

import asyncio
import html
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from bot.commands.command import Page, reading
from bot.guard_lines import guard_lines
from bot.ports import Ports
from gateway.columns import newest_that_fit
from gateway.domain.market import ist
from gateway.domain.money import format_rupees
from gateway.wording import VENUE_BADGES
from storage import guards, holdings, orders

ORDERS_SHOWN = 10
_MARKS = {"filled": "✅", "rejected": "❌", "cancelled": "⚪"}


async def _positions(ports: Ports, _words: Sequence[str]) -> Page:
    rows = await ports.database.read(holdings.open_)
    if not rows:
        return Page(text="Nothing is held.")
    ids = [row.intent_id for row in rows]
    around = await ports.database.read(lambda connection: guards.latest(connection, ids))
    lines = await asyncio.gather(*(_position_line(ports, row, around.get(row.intent_id, ())) for row in rows))
    return Page(text="<b>Holdings</b>\n\n" + _all_that_fit(lines))


async def _position_line(ports: Ports, row: Row[Any], around: Sequence[Row[Any]]) -> str:
    average = row.cost_paise / row.bought / 100
    line = f"<b>{html.escape(row.tradingsymbol)}</b>\n{holdings.signed(row)} @ ₹{average:.2f}"
    price = await ports.venues[row.venue].prices.last(f"{row.exchange}:{row.tradingsymbol}")
    if price is None:
        line += " · price not known"
    else:
        worth = int(price * 100 * row.quantity) - row.cost_paise * row.quantity // row.bought
        gain = -worth if holdings.signed(row) < 0 else worth
        line += f" · now ₹{price:.2f} · {format_rupees(gain, sign=True)}"
    of = f"{html.escape(row.strategy)} · {row.product} · {VENUE_BADGES[row.venue]}"
    return "\n".join([line, of, *guard_lines(around)])


def _all_that_fit(lines: Sequence[str]) -> str:
    shown = newest_that_fit(lines[::-1], gap=2)[::-1]
    more = f"\n\nand {len(lines) - len(shown)} more" if len(shown) < len(lines) else ""
    return "\n\n".join(shown) + more


async def _orders(ports: Ports, _words: Sequence[str]) -> Page:
    rows = await ports.database.read(lambda connection: orders.latest(connection, ORDERS_SHOWN))
    if not rows:
        return Page(text="No orders yet.")
    return Page(text="<b>Latest orders</b>, newest first\n\n" + _all_that_fit([*map(_order_line, rows)]))


def _order_line(row: Row[Any]) -> str:
    filled = f" {row.filled_quantity}" if row.filled_quantity == row.quantity else ""
    if not filled:
        filled = f" {row.filled_quantity} of {row.quantity}" if row.filled_quantity else ""
    price = f" @ ₹{row.average_price:.2f}" if row.filled_quantity else ""
    lines = [
        f"<b>{row.side} {row.quantity} {html.escape(row.tradingsymbol)}</b>",
        f"{_MARKS.get(row.state, '📨')} {row.state.replace('_', ' ')}{filled}{price}",
        f"{ist(row.placed_at):%d %b %H:%M:%S} · {html.escape(row.strategy)} · {VENUE_BADGES[row.venue]}",
        html.escape(row.status_message, quote=False) if row.status_message else "",
    ]
    return "\n".join(line for line in lines if line)


POSITIONS = reading("positions", "what each strategy holds", _positions)
ORDERS = reading("orders", "the latest orders", _orders)
