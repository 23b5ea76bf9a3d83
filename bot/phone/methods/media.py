"""Photos and documents: uploads, repeats by file id, downloads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.phone import wire
from bot.phone.call import Call
from bot.phone.errors import bad_request
from bot.phone.files import MAX_DOWNLOAD_BYTES
from bot.phone.message import Attachment, Content
from bot.phone.methods.messages import post
from bot.phone.methods.texts import caption_content
from bot.phone.phone import Phone


def send_photo(phone: Phone, call: Call) -> Any:
    """sendPhoto."""
    return _send(phone, call, "photo")


def send_document(phone: Phone, call: Call) -> Any:
    """sendDocument."""
    return _send(phone, call, "document")


def get_file(phone: Phone, call: Call) -> Any:
    """getFile: the path to fetch under /file/bot<token>/."""
    attachment = phone.files.find(call.text("file_id"))
    if attachment is None:
        raise bad_request("invalid file_id")
    if attachment.size > MAX_DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return wire.file(attachment)


def input_media(phone: Phone, call: Call) -> Content:
    """The new content of editMessageMedia; raises ApiError 400."""
    media = call.structure("media")
    if not isinstance(media, Mapping) or media.get("type") not in ("photo", "document"):
        raise bad_request("can't parse InputMedia: unsupported type specified")
    content = caption_content(Call(method=call.method, fields=media))
    source = str(media.get("media", ""))
    return replace(content, attachment=_attachment(phone, call, media["type"], source))


def _send(phone: Phone, call: Call, kind: str) -> Any:
    call.chat_id()
    content = caption_content(call)
    return post(phone, call, replace(content, attachment=_attachment(phone, call, kind, call.text(kind))))


def _attachment(phone: Phone, call: Call, kind: str, source: str) -> Attachment:
    upload = call.uploads.get(source.removeprefix("attach://") or kind)
    if upload is not None:
        return phone.files.keep(
            kind=kind, name=upload.name, mime_type=upload.mime_type, content=upload.content
        )
    if not source:
        raise bad_request(f"there is no {kind} in the request")
    known = phone.files.find(source)
    if known is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if known.kind != kind:
        raise bad_request("type of file mismatch")
    return known
