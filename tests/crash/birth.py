"""The campaign's side of the nursery: a gateway as a process that can be talked to, killed and mourned."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

_ROOT = Path(__file__).parents[2]


class Child:
    """One gateway: the lines it prints, and its end."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.died: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reader = reader
        self._writer = writer

    async def line(self) -> bytes:
        """The next line it prints; empty at its end."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.readline()
        return b""

    def tell(self, line: bytes) -> None:
        """Writes a line to its standard input."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(line + b"\n")

    async def end(self, number: int) -> int:
        """Sends it a signal; its exit status."""
        if not self.died.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        return await asyncio.wait_for(asyncio.shield(self.died), 30)

    def let_go(self) -> None:
        """Nothing more is read of it."""
        self._writer.close()


class Nursery:
    """Starts the nursery's process at the first birth."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._listener: asyncio.Task[None] | None = None
        self._callers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._births: asyncio.Queue[int] = asyncio.Queue()
        self._children: dict[int, Child] = {}
        self._early: dict[int, int] = {}
        #: A birth is told in one place and calls in another: they are matched by their turn.
        self._one_at_a_time = asyncio.Lock()
        # Not below the tests' folder: a unix socket's path has room for 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="nursery-"))

    async def birth(self, argv: list[str], folder: Path, log: Path) -> Child:
        """A gateway that has just begun."""
        async with self._one_at_a_time:
            return await self._birth(argv, folder, log)

    async def _birth(self, argv: list[str], folder: Path, log: Path) -> Child:
        if self._process is None:
            await self._open()
        assert self._process is not None
        assert self._process.stdin is not None
        order = {"argv": argv, "folder": str(folder), "log": str(log), "socket": str(self._folder / "talk")}
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        pid = await asyncio.wait_for(self._births.get(), 60)
        child = self._children[pid] = Child(pid, *(await asyncio.wait_for(self._callers.get(), 60)))
        if pid in self._early:
            child.died.set_result(self._early.pop(pid))
        return child

    async def _open(self) -> None:
        self._server = await asyncio.start_unix_server(self._called, self._folder / "talk", limit=2**24)
        # Not measured: what is killed leaves no figures, and measuring would slow each start.
        environment = {name: value for name, value in os.environ.items() if "COV" not in name}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.nursery"),
            cwd=_ROOT,
            env={**environment, "PYTHONPATH": str(_ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._listener = asyncio.create_task(self._listen(self._process.stdout))

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.put_nowait((reader, writer))

    async def _listen(self, stdout: asyncio.StreamReader | None) -> None:
        assert stdout is not None
        while line := await stdout.readline():
            event: dict[str, Any] = msgspec.json.decode(line)
            if "born" in event:
                self._births.put_nowait(event["born"])
            elif (child := self._children.pop(event["died"], None)) is not None:
                child.died.set_result(event["status"])
            else:
                self._early[event["died"]] = event["status"]

    async def close(self) -> None:
        """Ends the nursery, and with it whatever still lives."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._listener is not None:
            await self._listener
        if self._server is not None:
            self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)
