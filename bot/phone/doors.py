"""JSON routes under /_phone/: what the page does, and the side doors for tests against a real process."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.phone import views
from bot.phone.api import BotApi
from bot.phone.composer import Composer
from bot.phone.events import EventStream, dump
from bot.phone.faults import Faults, fault_from_json
from bot.phone.message import Message
from bot.phone.phone import Phone, UnknownButtonError

_MAX_WAIT_SECONDS = 60.0


class Doors:
    """Every route answers JSON; 400 for a body that makes no sense, 404 for a button that is not there."""

    def __init__(
        self, phone: Phone, *, api: BotApi, faults: Faults, composer: Composer, events: EventStream
    ) -> None:
        self._phone = phone
        self._api = api
        self._faults = faults
        self._composer = composer
        self._events = events

    def routes(self) -> list[web.AbstractRouteDef]:
        """To be added to an application."""
        return [
            web.post("/_phone/say", self._say),
            web.post("/_phone/edit", self._edit),
            web.post("/_phone/press", self._press),
            web.get("/_phone/messages", self._messages),
            web.get("/_phone/answers", self._answers),
            web.get("/_phone/calls", self._calls),
            web.get("/_phone/faults", self._list_faults),
            web.post("/_phone/faults", self._add_faults),
            web.delete("/_phone/faults", self._clear_faults),
            web.get("/_phone/files/{file_id}", self._file),
            web.get("/_phone/placeholders", self._placeholders),
            web.post("/_phone/alert", self._alert),
            web.get("/_phone/market", self._market),
            web.get("/_phone/events", self._events.serve),
        ]

    async def _say(self, request: web.Request) -> web.Response:
        """{"text", "from"?: user id, "chat_id"?, "reply_to"?, "forwarded"?} -> the message."""
        body = await _body(request)
        if not str(body.get("text", "")).strip():
            raise _refused(400, "text is empty")
        message = self._phone.say(
            str(body["text"]),
            from_id=_number(body, "from"),
            chat_id=_number(body, "chat_id"),
            reply_to=_number(body, "reply_to"),
            forwarded=body.get("forwarded") is True,
        )
        return _json(views.message(self._phone, message))

    async def _edit(self, request: web.Request) -> web.Response:
        """{"message_id", "text"} -> the edited message."""
        body = await _body(request)
        try:
            message = self._phone.correct(_number(body, "message_id") or 0, str(body.get("text", "")))
        except UnknownButtonError as error:
            raise _refused(404, str(error)) from error
        return _json(views.message(self._phone, message))

    async def _press(self, request: web.Request) -> web.Response:
        """{"message_id"?, "label" or "data", "from"?} -> the press; without id, on the newest message."""
        body = await _body(request)
        try:
            press = self._phone.press(
                _number(body, "message_id"),
                label=body.get("label"),
                data=body.get("data"),
                from_id=_number(body, "from"),
            )
        except UnknownButtonError as error:
            raise _refused(404, str(error)) from error
        return _json(press.record())

    async def _messages(self, request: web.Request) -> web.Response:
        """?chat_id=&contains=&wait= -> messages; `wait` seconds for the first that matches."""
        deadline = asyncio.get_running_loop().time() + min(
            float(request.query.get("wait", 0)), _MAX_WAIT_SECONDS
        )
        with self._phone.bus.listen() as listener:
            while not (found := self._matching(request.query)) and not listener.closed:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await listener.next(left)
        return _json([views.message(self._phone, message) for message in found])

    def _matching(self, query: Mapping[str, str]) -> list[Message]:
        chat_id = int(query["chat_id"]) if query.get("chat_id") else None
        contains = query.get("contains", "")
        return [message for message in self._phone.history.all(chat_id) if contains in message.content.text]

    async def _answers(self, _request: web.Request) -> web.Response:
        return _json([press.record() for press in self._phone.presses.all() if press.answered is not None])

    async def _calls(self, request: web.Request) -> web.Response:
        """?method= -> the last Bot API calls, oldest first."""
        wanted = request.query.get("method", "").lower()
        return _json([call for call in self._api.calls if wanted in ("", call["method"].lower())])

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return _json([fault.record() for fault in self._faults.pending()])

    async def _add_faults(self, request: web.Request) -> web.Response:
        """One fault or a list: {"method", "kind", "times"?, "retry_after"?, "seconds"?} -> the script."""
        body = await request.json()
        try:
            for record in body if isinstance(body, list) else [body]:
                self._faults.add(fault_from_json(record))
        except (TypeError, ValueError) as error:
            raise _refused(400, str(error)) from error
        return await self._list_faults(request)

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return _json([])

    async def _file(self, request: web.Request) -> web.Response:
        """A picture for the page, anything else only as a download: nothing uploaded can run in the page."""
        attachment = self._phone.files.find(request.match_info["file_id"])
        content = self._phone.files.content(request.match_info["file_id"])
        if attachment is None or content is None:
            raise _refused(404, "no such file")
        headers = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private"}
        if attachment.kind == "photo":
            return web.Response(body=content, content_type=attachment.mime_type, headers=headers)
        headers["Content-Disposition"] = "attachment"
        return web.Response(body=content, content_type="application/octet-stream", headers=headers)

    async def _placeholders(self, request: web.Request) -> web.Response:
        return _json(dict(self._composer.values(request.query.get("symbol", "NIFTY"))))

    async def _alert(self, request: web.Request) -> web.Response:
        """{"body", "symbol", "query"?} -> {"sent", "status", "body"}."""
        body = await _body(request)
        try:
            answer = await self._composer.send(
                template=str(body.get("body", "")),
                symbol=str(body.get("symbol", "NIFTY")),
                query=str(body.get("query", "")),
            )
        except LookupError as error:
            raise _refused(503, str(error)) from error
        return _json(answer)

    async def _market(self, _request: web.Request) -> web.Response:
        return _json(self._events.market())


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise _refused(400, "the body is not JSON") from error
    if not isinstance(body, Mapping):
        raise _refused(400, "the body is not an object")
    return body


def _number(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise _refused(400, f"{name} is not a number") from error


def _json(value: Any) -> web.Response:
    return web.Response(
        text=dump(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _refused(status: int, words: str) -> web.HTTPException:
    kind = {400: web.HTTPBadRequest, 404: web.HTTPNotFound, 503: web.HTTPServiceUnavailable}[status]
    return kind(text=dump({"ok": False, "error": words}), content_type="application/json")
