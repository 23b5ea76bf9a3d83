"""The command `manjha`: runs the gateway, or one of the short commands."""

import argparse
import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from config.logs import configure_logging
from config.settings import ConfigurationError, Settings, load_settings
from gateway import commands
from gateway.assembly import Gateway
from gateway.domain.errors import ManjhaError
from gateway.first_alert import send_first_alert
from gateway.practice import announce
from gateway.replay import replay
from gateway.wizard import Left, Questions, next_steps, write_configuration
from storage.engine import Database, database_url

EXIT_CONFIGURATION, EXIT_FAILURE = 2, 1
#: Python lets a busy thread run on for 5 ms while another waits; an order crosses threads a dozen times.
SWITCH_SECONDS = 0.0005
#: The alert that practice shows is pasted at once: an order can go out by then, or after so long.
PRACTICE_SECONDS = 10.0
#: glibc's mallopt: how many heaps there may be (malloc.h).
_M_ARENA_MAX = -8


async def _serve(settings: Settings, *, practice: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gateway = Gateway(settings)
    # SIGUSR1's default would end the process: from the first moment on it is the kill switch.
    killing: set[asyncio.Task[None]] = set()
    loop.add_signal_handler(
        signal.SIGUSR1, lambda: killing.add(asyncio.create_task(gateway.throw_kill_switch("SIGUSR1")))
    )
    await gateway.start()
    if practice:
        with suppress(TimeoutError):  # what is missing by then, /readyz and the phone say
            await gateway.until_ready(PRACTICE_SECONDS)
    # What stands now stands until the end: looked through for garbage again and again, it holds up alerts.
    gc.collect()
    gc.freeze()
    print(
        announce(settings, gateway.address, gateway.telephone.page_url, practice),
        flush=True,
    )
    await stopping.wait()
    await gateway.stop()


def run(path: Path | None) -> int:
    """`manjha run`: serves until SIGTERM or Ctrl-C. Returns the exit status."""
    os.umask(0o077)
    sys.setswitchinterval(SWITCH_SECONDS)
    _share_one_heap()
    settings = commands.settings_or_faults(path)
    if settings is None:
        return EXIT_CONFIGURATION
    try:
        configure_logging(settings, stderr=True)
        with commands.only_instance(settings.data_dir):
            asyncio.run(_serve(settings, practice=path is None and not commands.has_file()))
    except ConfigurationError as error:
        commands.print_faults(error)
        return EXIT_CONFIGURATION
    except (ManjhaError, OSError) as error:
        print(f"manjha: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _share_one_heap() -> None:
    """glibc gives each thread a heap of its own, and none of them ever shrinks: 9 MB after 5,000 alerts."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _replay(arguments: argparse.Namespace) -> int:
    """`manjha replay`: prints what becomes of a stored alert on paper. Returns the exit status."""
    settings = commands.settings_or_faults(arguments.config)
    if settings is None:
        return EXIT_CONFIGURATION
    configure_logging(settings, stderr=False)
    database = Database(database_url(settings.database_url, settings.data_dir))
    try:
        outcome = asyncio.run(replay(settings, database, arguments.alert_id))
    except ManjhaError as error:
        print(f"manjha: {error}", file=sys.stderr)
        return EXIT_FAILURE
    print(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode())
    return 0


def _init(path: Path | None) -> int:
    """`manjha init`: the questions, the file, the test alert. Returns the exit status."""
    os.umask(0o077)
    questions = Questions()
    try:
        target = write_configuration(path, questions, os.environ, print)
        print(f"{target} is written; nobody else can read it.")
        settings = load_settings(target, os.environ)
        status = 0
        if questions.agree("Send a test alert to the phone now?", default=True):
            status = _try_the_phone(settings, questions)
        print(next_steps(settings, target))
    except Left as left:
        print(left)
        return EXIT_FAILURE
    except ConfigurationError as error:
        commands.print_faults(error)
        return EXIT_CONFIGURATION
    except (ManjhaError, OSError) as error:
        print(f"manjha: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return status


def _try_the_phone(settings: Settings, questions: Questions) -> int:
    """While no gateway runs here: two of them would take each other's messages from one bot."""
    configure_logging(settings, stderr=False)

    async def seen() -> None:
        await asyncio.to_thread(questions.ask, "Enter ends the test")

    try:
        with commands.only_instance(settings.data_dir):
            asyncio.run(send_first_alert(settings, print, seen))
    except commands.AlreadyRunning:
        print("A gateway is running here: start it again to use this file, and send it the alert below.")
    except (ManjhaError, OSError) as error:
        print(f"The test alert was not seen: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command `manjha`. Returns the exit status."""
    arguments = commands.parser().parse_args(argv)
    if arguments.command == "run":
        return run(arguments.config)
    if arguments.command == "replay":
        return _replay(arguments)
    if arguments.command == "init":
        return _init(arguments.config)
    return commands.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
