"""Uploaded files: kept, measured, and given out again."""

import secrets
import struct
from dataclasses import asdict

from bot.phone.errors import bad_request
from bot.phone.message import Attachment
from bot.phone.store import Store

MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_DOCUMENT_BYTES = 50 * 1024 * 1024
MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
_JPEG_SIZE_MARKERS = frozenset(
    {*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
)


class Files:
    """Attachments by file id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, *, kind: str, name: str, mime_type: str, content: bytes) -> Attachment:
        """Keeps an upload; raises ApiError 400 for one that is empty, too big, or no picture."""
        if not content:
            raise bad_request("file must be non-empty")
        if len(content) > (MAX_PHOTO_BYTES if kind == "photo" else MAX_DOCUMENT_BYTES):
            raise bad_request(f"file of size {len(content)} bytes is too big for a {kind}")
        width, height, picture_type = image_size(content) if kind == "photo" else (0, 0, mime_type)
        attachment = Attachment(
            kind=kind,
            file_id=f"{kind[:2].upper()}{secrets.token_urlsafe(24)}",
            name=name or kind,
            mime_type=picture_type,
            size=len(content),
            width=width,
            height=height,
        )
        self._store.put_blob(attachment.file_id, content)
        self._store.put("file", attachment.file_id, asdict(attachment))
        return attachment

    def find(self, file_id: str) -> Attachment | None:
        """The attachment with this id, if it is still kept."""
        record = self._store.get("file", file_id)
        return None if record is None else Attachment(**record)

    def content(self, file_id: str) -> bytes | None:
        """The bytes of an attachment."""
        return self._store.get_blob(file_id)

    def drop(self, file_id: str) -> None:
        """Forgets an attachment."""
        self._store.drop_blob(file_id)
        self._store.drop("file", file_id)


def image_size(content: bytes) -> tuple[int, int, str]:
    """Width and height in pixels and the media type of a PNG or JPEG; ApiError 400 for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height, "image/png"
    if content.startswith(b"\xff\xd8"):
        size = _jpeg_size(content)
        if size is not None:
            return *size, "image/jpeg"
    raise bad_request("IMAGE_PROCESS_FAILED")


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4])
        if marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            return width, height
        position += 2 + length
    return None
