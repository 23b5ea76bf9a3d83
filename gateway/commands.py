"""The commands beside `run`: they work on the database alone, also while the gateway is down."""

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from config.settings import DEFAULT_PATH, ConfigurationError, Settings, load_settings, settings_warnings
from gateway import calendar_command, kill_switch
from gateway.checkup import check_up
from gateway.domain.errors import ManjhaError
from gateway.domain.market import ist, utc_now
from gateway.recovery import go_back, restore
from storage import alerts, flags, holdings, intents, notices, sessions
from storage.backup import back_up
from storage.engine import Database, database_url
from storage.migrations import migrate
from storage.notices import Outbox

_BY = "the command line"


class AlreadyRunning(ManjhaError):
    """Another gateway holds the data directory."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="manjha", description="From a TradingView alert to a Kite order.")
    below = top.add_subparsers(dest="command", required=True)
    for name, summary in (
        ("run", "the gateway"),
        ("init", "asks the few questions, writes the configuration, sends a test alert to the phone"),
        ("kill", "the kill switch on: nothing is sent any more (so does SIGUSR1 to the gateway)"),
        ("resume", "the kill switch off"),
        ("status", "what the database says"),
        ("check", "tries every outside connection, one line each"),
        ("backup", "a verified copy of the database, made while it is in use"),
        ("restore", "a backup put in the database's place, while the gateway is down"),
        ("downgrade", "the database taken back to an older Manjha's schema, a copy made first"),
        ("replay", "a stored alert run again on the paper exchange"),
    ):
        command = below.add_parser(name, help=summary, description=summary)
        command.add_argument("--config", type=Path, default=None, help="the configuration file")
        if name == "kill":
            command.add_argument("--flatten", action="store_true", help="and close every holding")
        if name == "backup":
            command.add_argument("dest", type=Path, help="the file to write")
        if name == "restore":
            command.add_argument("file", type=Path, help="the backup")
        if name == "downgrade":
            command.add_argument("schema", help="such as 0002: what the older Manjha said it knows")
        if name == "replay":
            command.add_argument("alert_id", help="the id the webhook answered with")
    calendar_command.add_parser(below)
    return top


def has_file() -> bool:
    """Whether there is a configuration file in its usual place."""
    return DEFAULT_PATH.exists()


def settings_or_faults(path: Path | None) -> Settings | None:
    """The settings; None after the faults were printed, one line each."""
    try:
        settings = load_settings(path, os.environ)
    except ConfigurationError as error:
        print_faults(error)
        return None
    for warning in settings_warnings(settings, path or (DEFAULT_PATH if has_file() else None)):
        print(f"warning: {warning.key or 'configuration'}: {warning.sentence}", file=sys.stderr)
    return settings


def print_faults(error: ConfigurationError) -> None:
    """One line per fault, naming the key."""
    for fault in error.faults:
        print(f"{fault.key or 'configuration'}: {fault.sentence}", file=sys.stderr)


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Two gateways on one database would share one tag space. Raises AlreadyRunning."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "manjha.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(f"another gateway is running on {data_dir}") from error
        yield


def run(arguments: argparse.Namespace) -> int:
    """One of the short commands. Returns the exit status."""
    settings = settings_or_faults(arguments.config)
    if settings is None:
        return 2
    os.umask(0o077)
    if arguments.command == "check":
        return _check(settings)
    if arguments.command == "backup":
        return _backup(settings, arguments.dest)
    if arguments.command in {"restore", "downgrade"}:
        return _go_back(settings, arguments)
    database = Database(database_url(settings.database_url, settings.data_dir))
    try:
        migrate(database, settings.backup_dir)
        print(database.write_now(_work(settings, arguments)))
    except ManjhaError as error:
        print(f"manjha: {error}", file=sys.stderr)
        return 1
    return 0


def _work(settings: Settings, arguments: argparse.Namespace) -> Callable[[Connection], str]:
    outbox = _outbox(settings)
    if arguments.command == "calendar":
        always = settings.market.hours == "always"
        return lambda connection: calendar_command.run(connection, outbox, arguments, always=always)
    return _COMMANDS[arguments.command](outbox, arguments)


def _check(settings: Settings) -> int:
    lines = asyncio.run(check_up(settings))
    print("\n".join(str(line) for line in lines))
    return 0 if all(line.ok for line in lines) else 1


def _backup(settings: Settings, destination: Path) -> int:
    try:
        size = back_up(database_url(settings.database_url, settings.data_dir), destination)
    except ManjhaError as error:
        print(f"manjha: {error}", file=sys.stderr)
        return 1
    print(f"{destination}: {size / 1_000_000:.1f} MB, verified")
    return 0


def _go_back(settings: Settings, arguments: argparse.Namespace) -> int:
    url, folder = database_url(settings.database_url, settings.data_dir), settings.backup_dir
    try:
        with only_instance(settings.data_dir):
            if arguments.command == "restore":
                print(restore(url, arguments.file, folder, utc_now()))
            else:
                print(go_back(url, arguments.schema, folder))
    except (ManjhaError, OSError) as error:
        print(f"manjha: {error}", file=sys.stderr)
        return 1
    return 0


def _outbox(settings: Settings) -> Outbox:
    owners = tuple(sorted(settings.telegram.owner_ids)) or (1,)
    chat_id = settings.telegram.chat_id
    chats = (chat_id,) if chat_id is not None else owners
    return Outbox(chat_ids=chats, level=settings.notice_level)


def _kill(outbox: Outbox, arguments: argparse.Namespace) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        stopped = kill_switch.throw(connection, outbox, _BY, utc_now(), flatten=arguments.flatten)
        return (
            f"Kill switch on. Questions made void: {stopped.voided}; orders stopped before sending: "
            f"{stopped.stopped}; already on the way: {stopped.in_flight}. "
            "A running gateway now cancels what works at the broker"
            + (", and closes every holding." if arguments.flatten else ".")
        )

    return work


def _resume(outbox: Outbox, _: argparse.Namespace) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        was_on = kill_switch.lift(connection, outbox, _BY, utc_now())
        return "Kill switch off." if was_on else "The kill switch was not on."

    return work


def _status(_outbox: Outbox, _: argparse.Namespace) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        stopped = flags.value(connection, flags.KILL_SWITCH) is not None
        lines = [
            f"kill switch: {'on' if stopped else 'off'}",
            f"holdings: {len(holdings.open_(connection))}",
            f"waiting for approval: {len(intents.pending_approvals(connection))}",
            f"unsent messages: {notices.waiting(connection)}",
        ]
        for venue in ("paper", "live"):
            if row := sessions.get(connection, venue):
                alive = "until" if row.expires_at > utc_now() else "ended"
                lines.append(
                    f"session ({venue}): {row.user_id}, {alive} {ist(row.expires_at):%d %b %H:%M} IST"
                )
        lines += [
            f"last alert: {row.id}, {row.strategy}, {ist(row.received_at):%d %b %H:%M:%S} IST, {row.state}"
            for row in alerts.latest(connection, 1)
        ]
        return "\n".join(lines)

    return work


_COMMANDS: dict[str, Callable[[Outbox, argparse.Namespace], Callable[[Connection], str]]] = {
    "kill": _kill,
    "resume": _resume,
    "status": _status,
}
