"""Child processes of the benchmark: started, asked for their first line and their memory, ended."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
_START_SECONDS, _STOP_SECONDS = 120.0, 15.0


class Child:
    """One Python process of ours; its error output goes to a file in its folder."""

    def __init__(self, name: str, *arguments: str, folder: Path) -> None:
        self._name = name
        self._arguments = arguments
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """The first line it prints. Raises RuntimeError with its last words when it prints none."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._arguments,
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _START_SECONDS)
        if not line:
            raise RuntimeError(f"{self._name} did not start:\n{self._log.read_text()[-2000:]}")
        return line.decode().strip()

    @property
    def _log(self) -> Path:
        return self._folder / f"{self._name}.log"

    @property
    def megabytes(self) -> float:
        """Its resident memory."""
        return self._status("VmRSS:")

    @property
    def most_megabytes(self) -> float:
        """The most it has ever had resident."""
        return self._status("VmHWM:")

    def _status(self, key: str) -> float:
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def settled(condition: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
    """Waits for something outside this process. Raises RuntimeError when it does not come."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.02)
