"""The pictures of days, drawn once and kept on disk until Telegram has taken them, restarts or not."""

import asyncio
from datetime import date
from pathlib import Path

import structlog

from bot.day_picture import DayPictures

log = structlog.get_logger()

#: The newest stay; an outbox that waits longer than that tells where to get the picture.
KEPT = 30


class Album:
    """One PNG a venue and day in `folder`, readable by the owner alone."""

    def __init__(self, folder: Path, pictures: DayPictures) -> None:
        self._folder = folder
        self._pictures = pictures

    async def keep(self, venue: str, day: date) -> bool:
        """Draws the day anew; False when there is no picture, and the log says why. Raises StorageFailed."""
        picture = await self._pictures.draw(venue, day)
        if picture is None:
            return False
        try:
            await asyncio.to_thread(self._write, self._path(venue, day), picture)
        except OSError as error:
            log.error("picture_not_kept", error=repr(error))
            return False
        return True

    async def find(self, venue: str, day: date) -> bytes | None:
        """The picture, if it was kept."""
        try:
            return await asyncio.to_thread(self._path(venue, day).read_bytes)
        except OSError as error:
            log.error("picture_not_found", error=repr(error))
            return None

    def _path(self, venue: str, day: date) -> Path:
        return self._folder / f"{day}-{venue}.png"

    def _write(self, path: Path, picture: bytes) -> None:
        """Whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(picture)
        new.chmod(0o600)
        new.replace(path)
        for old in sorted(self._folder.glob("*.png"))[:-KEPT]:
            old.unlink(missing_ok=True)
