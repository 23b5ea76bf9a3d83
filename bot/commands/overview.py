"""/start, /help and /status: what runs, in which venue, what is armed."""

import html
from collections.abc import Sequence

from sqlalchemy import Connection
from telegram import Update

from bot.commands.command import Command, Page, reading, reply
from bot.ports import Ports
from gateway.domain.market import ist
from gateway.limits import in_words
from gateway.wording import seconds
from storage import alerts, flags, holdings, intents, notices


def help_command(name: str, summary: str, commands: Sequence[Command]) -> Command:
    """/start and /help list the other commands, then what runs."""

    async def run(ports: Ports, update: Update, _words: Sequence[str]) -> None:
        listed = "\n".join(f"/{command.name} · {command.summary}" for command in commands)
        status = await ports.database.read(lambda connection: status_text(connection, ports))
        await reply(update, f"<b>Manjha</b> takes your alerts to Kite.\n\n{listed}\n\n{status}")

    return Command(name=name, summary=summary, run=run, tells=True)


async def _status(ports: Ports, _words: Sequence[str]) -> Page:
    return Page(text=await ports.database.read(lambda connection: status_text(connection, ports)))


def status_text(connection: Connection, ports: Ports) -> str:
    """What runs, in which venue, and what stands in the way."""
    now = ports.clock()
    stopped = flags.value(connection, flags.KILL_SWITCH) is not None
    lines = [
        "🛑 <b>Kill switch on</b>: nothing is sent until /resume" if stopped else "🟢 <b>Armed</b>",
        *(_venue_line(ports, venue) for venue in ports.venues),
        f"Approval: {ports.settings.defaults.approval} (unless a strategy says otherwise)",
        _counts_line(connection),
        *(_limits_line(connection, ports, venue) for venue in ports.venues),
        _last_alert_line(connection),
        f"Up {seconds(now - ports.started_at)} · version {ports.version}",
    ]
    return "\n".join(lines)


def _counts_line(connection: Connection) -> str:
    return (
        f"Waiting for you: {len(intents.pending_approvals(connection))} · "
        f"holdings: {len(holdings.open_(connection))} · unsent messages: {notices.waiting(connection)}"
    )


def _limits_line(connection: Connection, ports: Ports, venue: str) -> str:
    """How much of each limit the day has used; every venue is an account of its own."""
    used = " · ".join(in_words(usage) for usage in ports.limits.used(connection, venue))
    return f"Limits today, {venue.upper()}: {used}"


def _venue_line(ports: Ports, venue: str) -> str:
    access = ports.venues[venue]
    session = access.session.view()
    listed = f"{access.instruments.count} contracts" if access.instruments.count else "no instrument list"
    mark = "✅" if session.alive and access.instruments.count else "⚠️"
    lacking = f"\n📵 Personal plan: {html.escape(access.prices.lacking)}." if access.prices.lacking else ""
    return f"{mark} <b>{venue.upper()}</b>: {html.escape(session.detail)} · {listed}{lacking}"


def _last_alert_line(connection: Connection) -> str:
    rows = alerts.latest(connection, 1)
    if not rows:
        return "No alert yet."
    row = rows[0]
    return f"Last alert: {html.escape(row.strategy)}, {ist(row.received_at):%d %b %H:%M:%S} IST, {row.state}"


STATUS = reading("status", "session, instruments, queue, limits used, last alert, kill switch", _status)
