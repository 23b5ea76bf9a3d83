"""The month's clock: real time plus an offset that the driver moves, shared through a file by all processes.

Only tests import this; the product's clock is `utc_now` and nothing outside can set it.
"""

import mmap
import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE = "MONTH_CLOCK"


class Clock:
    """Shows the same time wherever the file is; goes on by itself; the driver lets it jump forward."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> datetime:
        (offset,) = struct.unpack("d", self._shared[:8])
        return datetime.now(UTC) + timedelta(seconds=offset)

    def jump(self, moment: datetime) -> None:
        """From now on it is `moment`. Raises ValueError for one that has passed."""
        if moment < self():
            raise ValueError(f"{moment} has passed: it is {self()}")
        offset = (moment - datetime.now(UTC)).total_seconds()
        self._shared[:8] = struct.pack("d", offset)

    def begin(self, moment: datetime) -> None:
        """Sets it, backwards too: before anything looked at it."""
        self._shared[:8] = struct.pack("d", (moment - datetime.now(UTC)).total_seconds())


def of_environment() -> Clock:
    """The clock that the driver named."""
    return Clock(Path(os.environ[FILE]))
