"""/positions and /orders: what is held, what was ordered."""

import asyncio
import html
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from telegram import Update

from bot.commands.command import Command, reply
from bot.guard_lines import guard_lines
from bot.ports import Ports
from gateway.domain.market import ist
from gateway.domain.money import format_rupees
from storage import guards, holdings, orders

ORDERS_SHOWN = 10


async def _positions(ports: Ports, update: Update, _words: Sequence[str]) -> None:
    rows = await ports.database.read(holdings.open_)
    if not rows:
        await reply(update, "Nothing is held.")
        return
    ids = [row.intent_id for row in rows]
    around = await ports.database.read(lambda connection: guards.latest(connection, ids))
    lines = await asyncio.gather(*(_position_line(ports, row, around.get(row.intent_id, ())) for row in rows))
    await reply(update, "<b>Holdings</b>\n" + "\n".join(lines))


async def _position_line(ports: Ports, row: Row[Any], around: Sequence[Row[Any]]) -> str:
    average = row.cost_paise / row.bought / 100
    line = (
        f"{row.venue.upper()} · {html.escape(row.strategy)}\n"
        f"  <b>{html.escape(row.tradingsymbol)}</b> {row.quantity} @ ₹{average:.2f} {row.product}"
    )
    price = await ports.venues[row.venue].prices.last(f"{row.exchange}:{row.tradingsymbol}")
    if price is None:
        line += " · price not known"
    else:
        gain = int(price * 100 * row.quantity) - row.cost_paise * row.quantity // row.bought
        line += f" · now ₹{price:.2f} · {format_rupees(gain, sign=True)}"
    return "\n  ".join([line, *guard_lines(around)])


async def _orders(ports: Ports, update: Update, _words: Sequence[str]) -> None:
    rows = await ports.database.read(lambda connection: orders.latest(connection, ORDERS_SHOWN))
    if not rows:
        await reply(update, "No orders yet.")
        return
    await reply(update, "<b>Latest orders</b>\n" + "\n".join(map(_order_line, rows)))


def _order_line(row: Row[Any]) -> str:
    filled = f" @ ₹{row.average_price:.2f}" if row.filled_quantity else ""
    words = f"\n  {html.escape(row.status_message, quote=False)}" if row.status_message else ""
    return (
        f"{ist(row.placed_at):%d %b %H:%M:%S} {row.venue.upper()} {row.side} "
        f"<b>{html.escape(row.tradingsymbol)}</b> {row.filled_quantity}/{row.quantity}{filled} · "
        f"{row.state}{words}"
    )


POSITIONS = Command(name="positions", summary="what each strategy holds", run=_positions)
ORDERS = Command(name="orders", summary="the latest orders", run=_orders)
