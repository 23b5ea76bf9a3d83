"""`manjha check`: every outside connection tried once, one line each. Nothing is ordered, nothing is sent."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import Connection

from config.market import calendar
from config.settings import Settings, why_nobody_is_let_in
from gateway.audit_trail import ROWS, verified
from gateway.domain.errors import ManjhaError
from gateway.domain.market import Calendar, ist, utc_now
from gateway.prices import WITHOUT_MARKET_DATA
from gateway.trading_days import additions, next_days, year_warning
from storage import audit, sessions
from storage.backup import database_file, last_daily
from storage.engine import Database, database_url
from storage.migrations import migrate

KITE_API = "https://api.kite.trade"
KITE_TICKER = "https://ws.kite.trade"
TELEGRAM_API = "https://api.telegram.org"
#: A machine that is off at weekends and on a holiday is not without backups.
OLDEST_BACKUP_DAYS = 7
_PATIENCE = aiohttp.ClientTimeout(total=8)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was tried; `ok` False makes the command fail."""

    name: str
    ok: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}: {self.sentence}"


async def check_up(settings: Settings) -> list[Line]:
    """Tries all that this configuration needs."""
    steps: list[Callable[[], Awaitable[Line]]] = [
        lambda: _senders(settings),
        lambda: _database(settings),
        lambda: _backups(settings),
        lambda: _calendar(settings),
    ]
    if "live" in settings.venues():
        kite = settings.kite
        steps.append(lambda: _answers("kite api", str(kite.api_url or KITE_API)))
        if kite.market_data:
            ticker = str(kite.ticker_url or KITE_TICKER).replace("ws", "http", 1)
            steps.append(lambda: _answers("kite ticker", ticker if kite.ticker_url else KITE_TICKER))
        else:
            steps.append(_personal_plan)
        steps.append(lambda: asyncio.to_thread(_session, settings))
        steps.append(lambda: asyncio.to_thread(_egress, str(kite.api_url or KITE_API)))
    if settings.telegram.bot_token.get_secret_value():
        steps.append(lambda: _telegram(settings))
    return [await step() for step in steps]


async def _senders(settings: Settings) -> Line:
    """Who may send alerts; it fails where that is nobody."""
    if sentence := why_nobody_is_let_in(settings):
        return Line(name="senders", ok=False, sentence=f"server.allowed_ips {sentence}")
    count = len(settings.server.allowed_ips)
    who = f"from {count} addresses or networks" if count else "from everywhere"
    if settings.webhook_secret is None:
        return Line(name="senders", ok=True, sentence="this machine alone: there is no webhook_secret")
    return Line(name="senders", ok=True, sentence=f"{who}, with the secret")


async def _database(settings: Settings) -> Line:
    """In short reads beside a gateway that may be at work: its alerts wait for nothing here."""
    try:
        database = Database(database_url(settings.database_url, settings.data_dir))
        try:
            await asyncio.to_thread(migrate, database, settings.backup_dir)
            rows = await _verified_rows(database)
        finally:
            await database.close()
    except (ManjhaError, OSError) as error:
        return Line(name="database", ok=False, sentence=str(error))
    return Line(name="database", ok=True, sentence=f"writable, the audit trail is whole ({rows} rows)")


async def _backups(settings: Settings) -> Line:
    """A young installation has none; later, the newest must be young and the folder writable."""
    if database_file(database_url(settings.database_url, settings.data_dir)) is None:
        return Line(name="backups", ok=True, sentence="the database server's own tools make them, not Manjha")
    folder = settings.backup_dir
    newest = await asyncio.to_thread(last_daily, folder) if folder.is_dir() else None
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        return Line(name="backups", ok=False, sentence=f"{folder} cannot be written")
    if newest is None:
        at = f"{settings.schedule.housekeeping:%H:%M} IST"
        return Line(name="backups", ok=True, sentence=f"none yet in {folder}; the first is made at {at}")
    age = (ist(utc_now()).date() - newest).days
    sentence = f"the newest in {folder} is of {newest}"
    if age > OLDEST_BACKUP_DAYS:
        return Line(name="backups", ok=False, sentence=f"{sentence}, {age} days old; the log says why")
    return Line(name="backups", ok=True, sentence=sentence)


async def _verified_rows(database: Database) -> int:
    """Up to which row the audit trail fits; what the gateway verified itself is not verified again.

    Raises ChainBroken.
    """
    last = await database.read(verified)
    await database.read(partial(audit.check_stands, sealed=last))
    while True:
        after = last
        last = await database.read(partial(audit.verify_next, after=after, count=ROWS))
        if last == after:
            return last.seq


async def _calendar(settings: Settings) -> Line:
    """The next ten days; it fails when this year has no data."""
    always = settings.market.hours == "always"
    database = Database(database_url(settings.database_url, settings.data_dir))
    try:
        known = Calendar(data=calendar(), always=always, added=await database.read(additions))
    except ManjhaError as error:
        return Line(name="calendar", ok=False, sentence=str(error))
    finally:
        await database.close()
    now = utc_now()
    today = ist(now).date()
    words = [*next_days(known, now)]
    if warning := year_warning(known, today):
        words.append(warning)
    if always:
        words.append("market.hours is always: every day trades")
    return Line(name="calendar", ok=known.knows(today), sentence="; ".join(words))


async def _personal_plan() -> Line:
    return Line(name="kite plan", ok=True, sentence=f"kite.market_data is off: {WITHOUT_MARKET_DATA}")


async def _answers(name: str, url: str) -> Line:
    """Any answer will do: whether the login lives is another question."""
    connector = aiohttp.TCPConnector(family=socket.AF_INET)
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, connector=connector) as http,
            http.get(url) as reply,
        ):
            return Line(name=name, ok=True, sentence=f"{_host(url)} answers over IPv4 (HTTP {reply.status})")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Line(name=name, ok=False, sentence=f"{_host(url)} cannot be reached: {error}")


def _session(settings: Settings) -> Line:
    database = Database(database_url(settings.database_url, settings.data_dir))

    def read(connection: Connection) -> str:
        row = sessions.get(connection, "live")
        if row is None or row.expires_at <= utc_now():
            return "nobody is logged in; /login on the phone when the gateway runs"
        return f"{row.user_id} until {ist(row.expires_at):%d %b %H:%M} IST"

    return Line(name="kite session", ok=True, sentence=database.write_now(read))


def _egress(url: str) -> Line:
    """The address this machine would use; a UDP socket is connected, which sends nothing."""
    host, port = _host(url), urlsplit(url).port or 443
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            address = probe.getsockname()[0]
    except OSError as error:
        return Line(name="egress", ok=False, sentence=f"no IPv4 way to {host}: {error}")
    sentence = (
        f"calls leave from {address}. Kite takes orders only from the public IPv4 registered in its "
        "developer console (profile, IP whitelist); behind a router that is the router's, not this one"
    )
    return Line(name="egress", ok=True, sentence=sentence)


async def _telegram(settings: Settings) -> Line:
    """getMe; the address carries the token and is never shown."""
    root = str(settings.telegram.api_url or TELEGRAM_API).rstrip("/")
    url = f"{root}/bot{settings.telegram.bot_token.get_secret_value()}/getMe"
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as http, http.get(url) as reply:
            answer = await reply.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        kind = type(error).__name__
        return Line(name="telegram", ok=False, sentence=f"{_host(root)} cannot be reached ({kind})")
    if not isinstance(answer, dict) or not answer.get("ok"):
        return Line(
            name="telegram", ok=False, sentence="the bot token is refused: get a new one from @BotFather"
        )
    return Line(name="telegram", ok=True, sentence=f"the bot is @{answer['result'].get('username', '?')}")


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
