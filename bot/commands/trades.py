"""/trades: what was filled, of one day or several; the same as a CSV file."""

import csv
import html
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from bot.cards import Button
from bot.commands.command import Page, reading, view_button
from bot.contracts import short_name
from bot.ports import Ports
from gateway.columns import WIDTH, clipped, newest_that_fit, pre
from gateway.domain.market import IST, ist, trading_date
from gateway.domain.money import format_rupees, to_rupees
from gateway.domain.order import Purpose
from gateway.wording import VENUE_BADGES
from storage import trades

CSV = "csv"
LONGEST_SPAN = 366
SPANS = (1, 7, 30)
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    *("time", "venue", "strategy", "purpose", "side", "exchange", "tradingsymbol", "expiry", "product"),
    *("quantity", "price", "value", "realised", "premium_at_alert", "order_id", "alert_id"),
)


async def _trades(ports: Ports, words: Sequence[str]) -> Page:
    """Words: how many days, and `csv` for the file; anything else is explained."""
    days = next((int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 5), 1)
    strange = [word for word in words if word.lower() != CSV and not (word.isascii() and word.isdigit())]
    if strange or not 1 <= days <= LONGEST_SPAN:
        text = (
            "<code>/trades</code> shows today, <code>/trades 7</code> the last 7 days (at most "
            f"{LONGEST_SPAN}), <code>/trades 30 csv</code> sends them as a file."
        )
        return Page(text=text, buttons=(_span_buttons(0),), help=True)
    until = trading_date(ports.clock()) + timedelta(days=1)
    since = until - timedelta(days=days)
    rows = await ports.database.read(
        lambda connection: trades.between(connection, _start(since), _start(until))
    )
    wants_file = bool(rows) and any(word.lower() == CSV for word in words)
    as_file = view_button("📄 CSV", "trades", [str(days), CSV]) if rows else ()
    return Page(
        text=_text(rows, days),
        buttons=((*_span_buttons(days), *as_file),),
        file=(_file_name(since, until - timedelta(days=1)), as_csv(rows)) if wants_file else None,
    )


def _file_name(first: date, last: date) -> str:
    return f"trades-{first}.csv" if first == last else f"trades-{first}-to-{last}.csv"


def _start(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), IST)


def _span_buttons(shown: int) -> tuple[Button, ...]:
    labels = ((days, "Today" if days == 1 else f"{days} days") for days in SPANS)
    return tuple(
        button
        for days, label in labels
        if days != shown
        for button in view_button(label, "trades", [str(days)])
    )


def _text(rows: Sequence[Row[Any]], days: int) -> str:
    span = "today" if days == 1 else f"the last {days} days"
    if not rows:
        return f"<b>Trades</b> · {span}\nNothing was filled."
    blocks = [
        _block(day, venue, strategy, list(fills), days)
        for (day, venue, strategy), fills in groupby(sorted(rows, key=_group), key=_group)
    ]
    shown = newest_that_fit(blocks)
    left_out = f"\nThe earlier ones are in the file (/trades {days} csv)." if len(shown) < len(blocks) else ""
    realised = sum(row.realised_paise for row in rows)
    total = f"{len(rows)} fills · realised before charges {format_rupees(realised, sign=True)}"
    return f"<b>Trades</b> · {span}\n" + "\n".join(shown) + f"\n{total}{left_out}"


def _group(row: Row[Any]) -> tuple[date, str, str]:
    return trading_date(row.filled_at), row.venue, row.strategy


def _block(day: date, venue: str, strategy: str, rows: Sequence[Row[Any]], days: int) -> str:
    of_day = f"{day:%d %b} · " if days > 1 else ""
    lines = newest_that_fit([line for row in rows for line in _lines(row)], 3000)
    return f"{of_day}{html.escape(strategy)} · {VENUE_BADGES[venue]}\n{pre(lines)}"


def _lines(row: Row[Any]) -> tuple[str, str]:
    """Two lines of at most WIDTH columns."""
    first = f"{ist(row.filled_at):%H:%M} {row.side:<4} {row.quantity} {short_name(row)}"
    price = f"      @ {to_rupees(row.value_paise) / row.quantity:,.2f}"
    gain = format_rupees(row.realised_paise, sign=True) if row.purpose != Purpose.ENTRY else ""
    return clipped(first, WIDTH), f"{price}{gain.rjust(WIDTH - len(price))}".rstrip()


def as_csv(rows: Sequence[Row[Any]]) -> bytes:
    """One line a fill; amounts in rupees, times in IST; safe to open in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        price = to_rupees(row.value_paise) / row.quantity
        cells = (
            *(
                ist(row.filled_at).isoformat(timespec="seconds"),
                row.venue,
                row.strategy,
                row.purpose,
                row.side,
            ),
            *(row.exchange, row.tradingsymbol, row.expiry, row.product, row.quantity, f"{price:.4f}"),
            *(to_rupees(row.value_paise), to_rupees(row.realised_paise), row.premium or ""),
            *(row.order_id, row.alert_id),
        )
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    # With a mark at its head, or Excel takes the strategies' names for another alphabet.
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


TRADES = reading("trades", "what was filled, also as CSV", _trades)
