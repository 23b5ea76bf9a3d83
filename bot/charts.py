"""Pictures, each drawn by a process of its own that ends with it; one at a time."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

#: A picture that takes longer is done without; matplotlib's first start builds its list of fonts.
PATIENCE_SECONDS = 30.0
_PAINTER = Path(__file__).with_name("painter.py")
_PNG = b"\x89PNG\r\n\x1a\n"


class Charts:
    """Draws; never in this process. `folder` is where matplotlib keeps its list of fonts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False

    async def draw(self, wanted: Mapping[str, Any]) -> bytes | None:
        """The PNG (see bot/painter.py); None when it could not be drawn, which the log explains."""
        async with self._one_at_a_time:
            if self._stopped:
                return None
            try:
                return await self._draw(json.dumps(wanted).encode())
            except (OSError, TimeoutError) as error:
                log.error("picture_not_drawn", error=repr(error))
                return None
            finally:
                await self._end()

    async def _draw(self, wanted: bytes) -> bytes | None:
        # -P: nothing is imported from the painter's own folder. Its environment holds no secret of ours.
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_PAINTER)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "MPLCONFIGDIR": str(self._folder.resolve())},
        )
        if self._stopped:
            return None
        async with asyncio.timeout(PATIENCE_SECONDS):
            picture, complaint = await process.communicate(wanted)
        if process.returncode == 0 and picture.startswith(_PNG):
            return picture
        words = complaint.decode("utf-8", "replace").strip().splitlines()
        log.error("picture_not_drawn", status=process.returncode, error=words[-1] if words else "")
        return None

    async def _end(self) -> None:
        """No painter outlives its picture, whatever happened."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def begin(self) -> None:
        """Draws again."""
        self._stopped = False

    def stop(self) -> None:
        """The picture that is being drawn is given up, and none is begun: nobody waits for it any more."""
        self._stopped = True
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
