"""The gateway with its checkpoints armed: `python -m tests.crash.armed OPTIONS -- run --config FILE`.

Commands come as JSON lines on standard input; events and answers go out as JSON lines.
Nothing in the product knows of this script; it is the one place that sets what strikes at a checkpoint.
"""

import argparse
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from gateway import assembly, reconciliation
from gateway.__main__ import main
from gateway.domain import checkpoints
from tests.crash.planted import PLANTS
from tests.crash.strikes import Strike, Striker

_writing = threading.Lock()


def _say(event: dict[str, Any]) -> None:
    with _writing:
        os.write(1, msgspec.json.encode(event) + b"\n")


def lines_of(descriptor: int) -> Iterator[bytes]:
    """Lines read without Python's own buffer: its lock, held by this thread, would abort the exit."""
    rest = b""
    while data := os.read(descriptor, 65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


class _Control:
    """Answers the campaign's commands from a thread, so that a stalled loop can still be talked about."""

    def __init__(self, striker: Striker, gateways: list[assembly.Gateway]) -> None:
        self._striker = striker
        self._gateways = gateways

    def listen(self) -> None:
        """Until the campaign closes its end."""
        for line in lines_of(0):
            command = msgspec.json.decode(line)
            _say({"answer": getattr(self, f"_{command.pop('do')}")(**command)})

    def _arm(self, strike: dict[str, Any] | None) -> bool:
        self._striker.arm(msgspec.convert(strike, Strike | None))
        return True

    def _release(self) -> bool:
        self._striker.released.set()
        return True

    def _disarm(self) -> list[dict[str, Any]]:
        """What was passed since it was armed."""
        passed = list(self._striker.trace)
        self._striker.arm(None)
        return [msgspec.to_builtins(each) for each in passed]

    def _ready(self) -> bool:
        """Whether orders can go out and Telegram is heard."""
        (gateway,) = self._gateways or (None,)
        if gateway is None or not hasattr(gateway, "telephone"):
            return False
        return gateway.can_trade() and gateway.telephone.hears


def _remember_gateways() -> list[assembly.Gateway]:
    gateways: list[assembly.Gateway] = []
    start = assembly.Gateway.start

    async def remembered(self: assembly.Gateway) -> None:
        gateways.append(self)
        await start(self)

    assembly.Gateway.start = remembered  # type: ignore[method-assign]
    return gateways


def run(argv: Sequence[str]) -> int:
    """Arms, then runs the command as `manjha` would."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.armed")
    parser.add_argument("--strike", type=lambda text: msgspec.json.decode(text, type=Strike))
    parser.add_argument("--horizon", type=float, help="seconds until the owner is asked; production: 180")
    parser.add_argument("--plant", choices=sorted(PLANTS), action="append", default=[])
    at = list(argv).index("--")
    options = parser.parse_args(argv[:at])
    striker = Striker(_say)
    striker.arm(options.strike)
    checkpoints._strike = striker
    if options.horizon is not None:
        reconciliation.HORIZON = timedelta(seconds=options.horizon)
        reconciliation.UNKNOWN_INTERVAL = min(reconciliation.UNKNOWN_INTERVAL, options.horizon / 3)
    for plant in options.plant:
        PLANTS[plant]()
    control = _Control(striker, _remember_gateways())
    threading.Thread(target=control.listen, name="control", daemon=True).start()
    return main(list(argv[at + 1 :]))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
