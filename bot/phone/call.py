"""One Bot API call: its parameters whatever their encoding, and its uploads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from bot.phone.errors import bad_request


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file part of a multipart body."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Call:
    """A method and what it was given. Telegram takes every value as text, and every text as a value."""

    method: str
    fields: Mapping[str, Any]
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A string; empty if it was not given."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A boolean; false if it was not given."""
        return self.text(name).lower() in ("true", "1", "yes", "y", "t")

    def number(self, name: str, default: int) -> int:
        """An integer, or `default`; raises ApiError 400 for anything else."""
        try:
            return int(float(self.text(name) or default))
        except ValueError as error:
            raise bad_request(f'field "{name}" must be a valid Number') from error

    def structure(self, name: str) -> Any:
        """A JSON value, sent as such or as text; None if it was not given. Raises ApiError 400."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from error

    def chat_id(self) -> int:
        """The chat meant; raises ApiError 400 in Telegram's words."""
        text = self.text("chat_id")
        if not text:
            raise bad_request("chat_id is empty")
        try:
            number = int(text)
        except ValueError as error:
            raise bad_request("chat not found") from error
        if number == 0:
            raise bad_request("chat not found")
        return number


async def read_call(request: web.Request) -> Call:
    """Reads query, JSON, form or multipart; raises ApiError 400 for a body that cannot be read."""
    fields: dict[str, Any] = dict(request.query)
    uploads: dict[str, Upload] = {}
    if request.content_type == "application/json" and request.can_read_body:
        fields.update(await _json_fields(request))
    elif request.content_type == "multipart/form-data":
        await _read_parts(request, fields, uploads)
    elif request.can_read_body:
        fields.update({name: str(value) for name, value in (await request.post()).items()})
    return Call(method=request.match_info["method"], fields=fields, uploads=uploads)


async def _json_fields(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise bad_request("can't parse JSON encoded request") from error
    if not isinstance(body, dict):
        raise bad_request("JSON encoded request must be an Object")
    return body


async def _read_parts(request: web.Request, fields: dict[str, Any], uploads: dict[str, Upload]) -> None:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            fields[part.name] = await part.text()
            continue
        mime_type = part.headers.get("Content-Type", "application/octet-stream")
        content = bytes(await part.read(decode=True))
        uploads[part.name] = Upload(name=part.filename, mime_type=mime_type, content=content)
