"""Gateways born by fork from one process that has imported everything: each is a process of its own, a second
sooner. `python -m tests.crash.nursery`; orders as JSON lines on standard input.

An order is {"argv", "folder", "log", "socket"}: the child works in `folder`, logs to `log`, and has the unix
socket as its standard input and output. Births and deaths are told as JSON lines.
"""

import os
import signal
import socket
import sys
from typing import Any

import msgspec

from tests.crash import armed


def _say(event: dict[str, Any]) -> None:
    os.write(1, msgspec.json.encode(event) + b"\n")


class _Nursery:
    def __init__(self) -> None:
        self._living: set[int] = set()

    def serve(self) -> int:
        """Until its orders end; then its children end, too."""
        signal.signal(signal.SIGCHLD, lambda *_: self._bury())
        for line in armed.lines_of(0):
            order = msgspec.json.decode(line)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            pid = os.fork()
            if pid == 0:
                return self._live(order)
            self._living.add(pid)
            _say({"born": pid})
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        for pid in self._living:
            os.kill(pid, signal.SIGKILL)
        return 0

    def _bury(self) -> None:
        while self._living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._living.discard(pid)
            _say({"died": pid, "status": os.waitstatus_to_exitcode(status)})

    def _live(self, order: dict[str, Any]) -> int:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.chdir(order["folder"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        talk = socket.socket(socket.AF_UNIX)
        talk.connect(order["socket"])
        for source, target in ((talk.fileno(), 0), (talk.fileno(), 1), (log, 2)):
            os.dup2(source, target)
        talk.close()
        os.close(log)
        return armed.run(order["argv"])


if __name__ == "__main__":
    sys.exit(_Nursery().serve())
