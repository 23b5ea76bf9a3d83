"""The command `manjha`: runs the gateway, or one of the short commands."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from config.logs import configure_logging
from config.settings import ConfigurationError, Settings
from gateway import commands
from gateway.assembly import Gateway
from gateway.domain.errors import ManjhaError
from gateway.practice import announce

EXIT_CONFIGURATION, EXIT_FAILURE = 2, 1


async def _serve(settings: Settings, *, practice: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gateway = Gateway(settings)
    await gateway.start()
    print(
        announce(settings, gateway.address, gateway.phone.url if gateway.phone else None, practice),
        flush=True,
    )
    await stopping.wait()
    await gateway.stop()


def run(path: Path | None) -> int:
    """`manjha run`: serves until SIGTERM or Ctrl-C. Returns the exit status."""
    os.umask(0o077)
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


def main(argv: Sequence[str] | None = None) -> int:
    """The command `manjha`. Returns the exit status."""
    arguments = commands.parser().parse_args(argv)
    if arguments.command == "run":
        return run(arguments.config)
    return commands.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
