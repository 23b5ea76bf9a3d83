"""The Bot API over HTTP: token, faults, the call, the answer."""

import asyncio
import inspect
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.phone.call import Call, read_call
from bot.phone.errors import ApiError, not_found, unauthorized
from bot.phone.faults import Fault, FaultKind, Faults
from bot.phone.methods import METHODS
from bot.phone.phone import Phone

_REMEMBERED_CALLS = 2000


class BotApi:
    """Serves `/bot<token>/METHOD` and `/file/bot<token>/PATH`; remembers the last calls for tests."""

    def __init__(self, phone: Phone, faults: Faults) -> None:
        self._phone = phone
        self._faults = faults
        self.calls: deque[Mapping[str, Any]] = deque(maxlen=_REMEMBERED_CALLS)

    def routes(self) -> list[web.AbstractRouteDef]:
        """To be added to an application."""
        return [
            web.route("*", "/bot{token:[^/]+}/{method}", self._serve),
            web.get("/file/bot{token:[^/]+}/{kind}/{file_id}", self._download),
        ]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            call = await read_call(request)
            self.calls.append({"method": call.method, "fields": call.fields, "at": self._phone.clock()})
            fault = self._faults.take(call.method, _chat_of(call))
            result = await self._perform(call, fault)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        if result is _CUT_OFF:
            return _cut(request)
        return web.json_response({"ok": True, "result": result})

    async def _perform(self, call: Call, fault: Fault | None) -> Any:
        if fault is not None:
            await asyncio.sleep(fault.seconds)
            if error := fault.error():
                raise error
            if fault.kind is FaultKind.DROP_BEFORE:
                return _CUT_OFF
        method = METHODS.get(call.method.lower())
        if method is None:
            raise not_found()
        result = method(self._phone, call)
        result = await result if inspect.isawaitable(result) else result
        return _CUT_OFF if fault is not None and fault.kind is FaultKind.DROP_AFTER else result

    async def _download(self, request: web.Request) -> web.Response:
        try:
            self._check_token(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        content = self._phone.files.content(request.match_info["file_id"])
        if content is None:
            return web.json_response(not_found().body(), status=404)
        return web.Response(body=content, content_type="application/octet-stream")

    def _check_token(self, request: web.Request) -> None:
        if not self._phone.identity.owns(request.match_info["token"]):
            raise unauthorized()


_CUT_OFF = object()


def _chat_of(call: Call) -> int | None:
    text = call.text("chat_id")
    return int(text) if text.removeprefix("-").isdecimal() else None


def _cut(request: web.Request) -> web.Response:
    """Closes the connection without an answer, as a broken network does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
