"""The page's event stream: the whole chat at first, then whatever changes, and the market every second."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from bot.phone import views
from bot.phone.bus import News
from bot.phone.callbacks import Press
from bot.phone.message import Message
from bot.phone.phone import Phone

MarketView = Callable[[], Mapping[str, Any]]

_TICK_SECONDS = 1.0
_HEARTBEAT_TICKS = 15
_SNAPSHOT_MESSAGES = 300


def dump(value: Any) -> str:
    """JSON; Decimals and times as text."""
    return json.dumps(value, default=str)


class EventStream:
    """Serves server-sent events to any number of pages."""

    def __init__(self, phone: Phone, *, market_view: MarketView | None, alerts: bool) -> None:
        self._phone = phone
        self._market_view = market_view
        self._alerts = alerts

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /_phone/events."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        try:
            await self._run(response)
        except ConnectionResetError:
            return response  # the page was closed
        return response

    def snapshot(self) -> dict[str, Any]:
        """All a page needs to begin."""
        newest = self._phone.history.all(self._phone.identity.owner_id)[-_SNAPSHOT_MESSAGES:]
        return {
            "profile": views.profile(self._phone),
            "messages": [views.message(self._phone, message) for message in newest],
            "alerts": self._alerts,
            "market": self._market_view is not None,
        }

    def market(self) -> Mapping[str, Any] | None:
        """The exchange as it is now; None if there is none to show."""
        return None if self._market_view is None else self._market_view()

    async def _run(self, response: web.StreamResponse) -> None:
        shown, idle = "", 0
        with self._phone.bus.listen() as listener:
            await _write(response, "snapshot", dump(self.snapshot()))
            while not listener.closed:
                market = dump(self.market())
                if market != shown:
                    shown = market
                    await _write(response, "market", market)
                news = await listener.next(_TICK_SECONDS)
                idle = 0 if news else idle + 1
                if news is not None:
                    await self._tell(response, news)
                elif idle % _HEARTBEAT_TICKS == 0:
                    await response.write(b":\n\n")

    async def _tell(self, response: web.StreamResponse, news: News) -> None:
        event = self._event(news)
        if event is not None:
            await _write(response, news.kind, dump(event))

    def _event(self, news: News) -> Any:
        """What the page is told; None for what happens in other chats."""
        owner_id = self._phone.identity.owner_id
        if isinstance(news.data, Message):
            return views.message(self._phone, news.data) if news.data.chat_id == owner_id else None
        if isinstance(news.data, Press):
            return news.data.record() if news.data.chat_id == owner_id else None
        if news.kind == "profile":
            return views.profile(self._phone)
        return news.data if news.data.get("chat_id") == owner_id else None


async def _write(response: web.StreamResponse, kind: str, data: str) -> None:
    await response.write(f"event: {kind}\ndata: {data}\n\n".encode())
