"""The embedded phone as one server: the Bot API, the page, and the side doors."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bot.phone import views
from bot.phone.api import BotApi
from bot.phone.callbacks import Press
from bot.phone.composer import Composer, Placeholders, SendAlert
from bot.phone.delivery import Delivery
from bot.phone.doors import Doors
from bot.phone.events import EventStream, MarketView
from bot.phone.faults import Faults
from bot.phone.files import MAX_DOCUMENT_BYTES
from bot.phone.guard import add_headers, guard
from bot.phone.identity import Identity
from bot.phone.message import Message
from bot.phone.phone import Phone

_PAGE: Final = Path(__file__).parent / "page"
_PAGE_FILES = {
    "": "index.html",
    **{path.name: path.name for path in _PAGE.iterdir() if path.suffix in (".js", ".css")},
}
_SHUTDOWN_SECONDS = 2.0


class PhoneServer:
    """Takes Telegram's place for one bot and one owner.

    `send_alert` gets (body, query string) of a composed alert; `placeholders` gives a chart's values by name;
    `market_view` gives `{"spots", "orders", "positions", "funds"}` in Kite's shapes. With `data_dir` the chat
    survives a killed process. `clock` gives seconds since the epoch. `local` delivers to webhooks
    at any address.
    """

    def __init__(
        self,
        *,
        token: str,
        owner_id: int,
        owner_name: str = "You",
        host: str = "127.0.0.1",
        port: int = 0,
        data_dir: Path | None = None,
        send_alert: SendAlert | None = None,
        placeholders: Placeholders | None = None,
        market_view: MarketView | None = None,
        clock: Callable[[], float] = time.time,
        local: bool = False,
    ) -> None:
        self.faults: Final = Faults()
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        identity = Identity(token=token, owner_id=owner_id, owner_name=owner_name)
        self._phone = Phone(identity, data_dir=data_dir, clock=clock, local=local)
        self._delivery = Delivery(self._phone) if local else None
        self._delivering: asyncio.Task[None] | None = None
        self._api = BotApi(self._phone, self.faults)
        composer = Composer(send_alert=send_alert, placeholders=placeholders)
        events = EventStream(self._phone, market_view=market_view, alerts=composer.available)
        self._doors = Doors(self._phone, api=self._api, faults=self.faults, composer=composer, events=events)

    @property
    def url(self) -> str:
        """The page's address; valid once started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def api_url(self) -> str:
        """The root before `/bot<token>/METHOD`."""
        return self.url

    async def start(self) -> None:
        """Listens; with port 0 a free one is taken. Raises OSError if the port is in use."""
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,  # its lines would hold the token
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        if self._delivery is not None:
            self._delivering = asyncio.create_task(self._delivery.run(), name="webhook delivery")

    async def stop(self) -> None:
        """Ends long polls and event streams, closes the port and the file. A stopped phone stays stopped."""
        self._phone.close()
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def say(
        self,
        text: str,
        *,
        from_id: int | None = None,
        chat_id: int | None = None,
        reply_to: int | None = None,
        forwarded: bool = False,
    ) -> Message:
        """The owner (or another user) writes to the bot: in their private chat, unless `chat_id` is given.

        `forwarded`: these are somebody else's words, passed on.
        """
        return self._phone.say(text, from_id=from_id, chat_id=chat_id, reply_to=reply_to, forwarded=forwarded)

    def correct(self, message_id: int, text: str) -> Message:
        """A human edits a message of theirs; raises UnknownButtonError if it is not."""
        return self._phone.correct(message_id, text)

    def delete(self, message_id: int) -> None:
        """A human deletes a message, the bot's own too; raises UnknownButtonError if there is none."""
        self._phone.delete(message_id)

    def press(
        self,
        message_id: int | None = None,
        *,
        label: str | None = None,
        data: str | None = None,
        from_id: int | None = None,
    ) -> Press:
        """A button is pressed; without `message_id`, on the newest message that has it.

        Raises UnknownButtonError.
        """
        return self._phone.press(message_id, label=label, data=data, from_id=from_id)

    def hand_over(self, update: Mapping[str, Any]) -> None:
        """An update as it is: repeated, forged, of a kind the page cannot make."""
        self._phone.updates.repeat(update)

    def messages(self, chat_id: int | None = None) -> Sequence[Message]:
        """Every message, oldest first; of one chat or of all."""
        return self._phone.history.all(chat_id)

    def presses(self) -> Sequence[Press]:
        """Every press of a button with the bot's answer, oldest first."""
        return self._phone.presses.all()

    def commands(self) -> Sequence[Mapping[str, Any]]:
        """The commands the owner's chat shows."""
        return self._phone.profile.commands_in_chat(self._phone.identity.owner_id)

    def calls(self, method: str) -> Sequence[Any]:
        """The last calls of a Bot API method: `{"method", "fields", "at"}`."""
        return [call for call in self._api.calls if call["method"].lower() == method.lower()]

    async def wait_for_message(self, contains: str, *, within: float = 5.0) -> Message:
        """The newest message whose plain text contains these words, waiting `within` seconds for it.

        Raises TimeoutError that says what the chat holds instead.
        """
        deadline = time.monotonic() + within
        with self._phone.bus.listen() as listener:
            while not (found := [m for m in self.messages() if contains in m.content.text]):
                left = deadline - time.monotonic()
                if left <= 0 or listener.closed:
                    said = [message.content.text for message in self.messages()]
                    raise TimeoutError(f"no message contains {contains!r}; the chat holds {said!r}")
                await listener.next(left)
        return found[-1]

    def view(self, message: Message) -> dict[str, Any]:
        """A message as `GET /_phone/messages` gives it."""
        return views.message(self._phone, message)

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[guard(self._host)], client_max_size=MAX_DOCUMENT_BYTES + 1024 * 1024
        )
        application.on_response_prepare.append(add_headers)
        application.add_routes([*self._doors.routes(), *self._api.routes(), web.get("/{name:[^/]*}", _page)])
        return application


async def _page(request: web.Request) -> web.FileResponse:
    name = _PAGE_FILES.get(request.match_info["name"])
    if name is None:
        raise web.HTTPNotFound
    return web.FileResponse(_PAGE / name, headers={"Cache-Control": "no-cache"})
