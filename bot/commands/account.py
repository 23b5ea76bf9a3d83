"""/funds and /strategies: the money there is, and who trades with it."""

import html
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.commands.command import Page, reading
from bot.ports import Ports
from config.settings import Settings
from gateway.columns import clipped, newest_that_fit, pairs
from gateway.domain.errors import BrokerError
from gateway.domain.funds import Funds
from gateway.domain.money import format_rupees
from gateway.venues import VenueAccess
from gateway.wording import VENUE_BADGES
from gateway.world import day_start
from storage import holdings, modes, strategies
from storage.strategies import Activity


async def _funds(ports: Ports, _words: Sequence[str]) -> Page:
    blocks = [await _funds_of(access) for access in ports.venues.values()]
    return Page(text="<b>Funds</b>\n" + "\n".join(blocks))


async def _funds_of(access: VenueAccess) -> str:
    badge = VENUE_BADGES[access.venue]
    try:
        funds = await access.book.funds()
    except BrokerError as error:
        return f"{badge}: not known. {html.escape(error.sentence, quote=False)}"
    return f"{badge}\n{_funds_table(funds)}"


def _funds_table(funds: Funds) -> str:
    rows = [("Available", funds.available), ("Cash", funds.cash), ("Collateral", funds.collateral)]
    rows += [("Used", funds.used), ("Option premium", funds.option_premium)]
    moved = [("Realised (Kite)", funds.realised), ("Unrealised (Kite)", funds.unrealised)]
    return pairs(
        [(name, format_rupees(paise)) for name, paise in rows]
        + [(name, format_rupees(paise, sign=True)) for name, paise in moved]
    )


async def _strategies(ports: Ports, _words: Sequence[str]) -> Page:
    since = day_start(ports.clock())
    text = await ports.database.read(lambda connection: _strategies_text(connection, ports.settings, since))
    return Page(text=text)


def _strategies_text(connection: Connection, settings: Settings, since: datetime) -> str:
    names = strategies.known(connection, settings.strategies)
    if not names:
        return "<b>Strategies</b>\nNone yet: no alert has come, and the configuration names none."
    today = strategies.activity(connection, since)
    everything = "⏸ <b>Everything is paused.</b> /unpause\n" if modes.is_paused(connection, None) else ""
    entries = [_strategy(connection, settings, name, today.get(name)) for name in names]
    shown = newest_that_fit(entries[::-1], gap=2)[::-1]
    more = f"\n\n… and {len(entries) - len(shown)} more" if len(shown) < len(entries) else ""
    return f"<b>Strategies</b>\n{everything}" + "\n\n".join(shown) + more


def _strategy(connection: Connection, settings: Settings, name: str, today: Activity | None) -> str:
    known = settings.strategy(name)
    mode = modes.approval_mode(connection, name) or known.approval
    marks = [VENUE_BADGES[known.venue], "asks first" if mode == "confirm" else "auto"]
    if not known.enabled:
        marks.append("🚫 switched off")
    if modes.is_paused(connection, name):
        marks.append("⏸ paused")
    held = holdings.open_(connection, name)
    lines = [f"<b>{html.escape(name)}</b> · {' · '.join(marks)}", f"  {_today(today)}"]
    lines += [
        f"  holds {holdings.signed(row)} {html.escape(row.tradingsymbol)} {row.product}" for row in held[:5]
    ]
    if len(held) > 5:
        lines.append(f"  and {len(held) - 5} holdings more")
    return clipped("\n".join(lines), 1000)


def _today(row: Activity | None) -> str:
    if row is None:
        return "today: no alert, no fill"
    realised = f" · {format_rupees(row.realised_paise, sign=True)} gross" if row.fills else ""
    return f"today: {_counted(row.alerts, 'alert')}, {_counted(row.fills, 'fill')}{realised}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


FUNDS = reading("funds", "the account's money", _funds)
STRATEGIES = reading("strategies", "who trades: venue, approval, today, holdings", _strategies)
