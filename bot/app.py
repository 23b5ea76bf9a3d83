"""The bot's life: polling inside our loop, watched, rebuilt when it has died. Trading never waits for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from telegram import BotCommandScopeChat, Update
from telegram.error import TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    TypeHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot import refresh
from bot.access import GUARD_GROUP, OwnersOnly, command_of
from bot.buttons import Buttons
from bot.commands import COMMANDS, Command, switches
from bot.commands.command import VIEW, reply, too_old
from bot.menu import set_menu, set_menus
from bot.originals import ORIGINALS_GROUP, originals_only
from bot.pace import Counted, Pace
from bot.ports import Ports
from bot.words import Words

log = structlog.get_logger()

POLL_TIMEOUT = timedelta(seconds=20)
#: No answer to a poll for this long: the polling has died (facts/telegram.md 2.3).
SILENCE_SECONDS = 60.0
LONGEST_BACKOFF = 30.0
_UPDATES = ["message", "callback_query"]


class WatchedRequest(HTTPXRequest):
    """The polling's connection: knows when it last had an answer, and when it was told to go away."""

    def __init__(self) -> None:
        super().__init__()
        self.last_answer = time.monotonic()
        self._failed = self._recovered = False
        #: Set by an answer that ends the library's polling for good (401, 404).
        self.dismissed = asyncio.Event()

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """One request; its answer is a sign of life."""
        try:
            status, body = await super().do_request(*args, **kwargs)
        except TelegramError:
            self._failed = True
            raise
        self._recovered |= self._failed and status < 400
        self._failed = status >= 400
        if status in (401, 404):
            self.dismissed.set()
        elif status < 400:
            self.last_answer = time.monotonic()
        return status, body

    def recovered(self) -> bool:
        """Whether an answer came after a failure since this was asked last."""
        recovered, self._recovered = self._recovered, False
        return recovered


class TelegramBot:
    """Hears the owners. `run` is supervised by the caller and survives Telegram's absence."""

    def __init__(
        self,
        token: str,
        api_url: str,
        owner_ids: frozenset[int],
        ports: Ports,
        pace: Pace,
        on_recovery: Callable[[], Awaitable[None]],
    ) -> None:
        """`on_recovery` is awaited each time Telegram answers again after a silence."""
        self._on_recovery = on_recovery
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._owner_ids = owner_ids
        self._viewers = frozenset(ports.settings.telegram.viewer_ids) - owner_ids
        self._ports = ports
        self._pace = pace
        self._request: WatchedRequest | None = None
        #: What stands in the way at present; None while updates are heard.
        self.trouble: str | None = "not connected yet"

    @property
    def silence(self) -> float | None:
        """Seconds since Telegram last answered a poll; None before the first connection."""
        return time.monotonic() - self._request.last_answer if self._request else None

    async def run(self) -> None:
        """Polls, and begins anew with a growing pause whenever the polling ends."""
        backoff = 1.0
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except TelegramError as error:
                self.trouble = error.message
                log.warning("telegram_lost", error=error.message)
            backoff = 1.0 if time.monotonic() - began > SILENCE_SECONDS else min(backoff * 2, LONGEST_BACKOFF)
            await asyncio.sleep(backoff)

    async def _serve(self) -> None:
        """One life of the library's application; returns when its polling is dead."""
        request = self._request = WatchedRequest()
        self._ports.pictures.begin()
        application = self._build(request)
        try:
            await application.initialize()
            await application.start()
            chat_id = self._ports.settings.telegram.chat_id
            await set_menus(application.bot, self._owner_ids, COMMANDS, chat_id)
            for viewer in sorted(self._viewers):
                await set_menu(application.bot, BotCommandScopeChat(viewer), READING)
            assert application.updater is not None  # noqa: S101  the builder makes one
            await application.updater.start_polling(
                timeout=POLL_TIMEOUT,
                allowed_updates=_UPDATES,
                bootstrap_retries=-1,
                error_callback=_log_polling,
            )
            self.trouble = None
            await self._on_recovery()
            await self._watch(request)
        finally:
            # A picture on its way would hold up the end.
            self._ports.pictures.stop()
            await _tear_down(application)

    async def _watch(self, request: WatchedRequest) -> None:
        while time.monotonic() - request.last_answer < SILENCE_SECONDS:
            try:
                async with asyncio.timeout(2):
                    await request.dismissed.wait()
            except TimeoutError:
                before, self.trouble = self.trouble, _trouble(request)
                if request.recovered() or (before and not self.trouble):
                    await self._on_recovery()
                continue
            self.trouble = "Telegram refuses the bot token"
            return
        self.trouble = "Telegram does not answer"

    def _build(self, request: WatchedRequest) -> Application[Any, Any, Any, Any, Any, Any]:
        application = (
            Application.builder()
            .token(self._token)
            .base_url(f"{self._api_url}/bot")
            .base_file_url(f"{self._api_url}/file/bot")
            .get_updates_request(request)
            .rate_limiter(Counted(self._pace))
            .job_queue(None)
            .build()
        )
        application.add_handler(TypeHandler(Update, originals_only), group=ORIGINALS_GROUP)
        application.add_handler(
            TypeHandler(Update, OwnersOnly(self._owner_ids, self._on_recovery, self._viewers, only_reads)),
            group=GUARD_GROUP,
        )
        for command in COMMANDS:
            # What only reads may wait for the broker or a picture; no press waits behind it.
            application.add_handler(
                CommandHandler(
                    command.name,
                    _handler(command, self._ports),
                    filters.UpdateType.MESSAGE,
                    block=not command.reads,
                )
            )
        self._add_buttons(application)
        typed = filters.TEXT & ~filters.COMMAND & filters.UpdateType.MESSAGE
        application.add_handler(MessageHandler(typed, Words(self._ports)))
        application.add_error_handler(_log_error)
        return application

    def _add_buttons(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Those that show, those that switch, and all others."""
        pages = refresh.Pages(self._ports, {command.name: command for command in COMMANDS})
        application.add_handler(CallbackQueryHandler(pages, refresh.PATTERN, block=False))
        application.add_handler(CallbackQueryHandler(switches.Switches(self._ports), switches.PATTERN))
        # A press may wait for a price; whoever presses after it must not wait with it.
        application.add_handler(CallbackQueryHandler(Buttons(self._ports), block=False))


#: What viewers have.
READING = tuple(command for command in COMMANDS if command.reads)


def only_reads(update: Update) -> bool:
    """Whether an update is a command that only says what is, or the press of a button that shows a page."""
    if update.callback_query is not None:
        return (update.callback_query.data or "").startswith(VIEW)
    return command_of(update) in {command.name for command in READING}


def _handler(command: Command, ports: Ports) -> Callable[[Update, Any], Any]:
    async def handle(update: Update, context: Any) -> None:
        refusal = too_old(command, update, ports)
        if refusal is not None:
            await reply(update, refusal)
            return
        await command.run(ports, update, context.args or [])

    return handle


async def _log_error(update: object, context: Any) -> None:
    """A supervisor's border: an error in one handler is told and costs only that update."""
    log.error("handler_failed", error=repr(context.error), exc_info=context.error)
    if isinstance(update, Update) and update.effective_chat is not None:
        text = "⚠️ That did not work; the log says why. Nothing was changed unless a message says so."
        await update.effective_chat.send_message(text)


async def _close_connections(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    """A start that failed half-way leaves its connections open; closing them twice does no harm."""
    for request in application.bot._request:  # noqa: SLF001  the library has no other way to them
        await request.shutdown()


async def _tear_down(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    """Ends the library in its own order; its updater raises again what killed it, which is known by then."""
    for stop in (
        application.updater.stop if application.updater and application.updater.running else None,
        application.stop if application.running else None,
        application.shutdown,
    ):
        if stop is None:
            continue
        try:
            await stop()
        except TelegramError as error:
            log.info("telegram_teardown", error=error.message)
    await _close_connections(application)


def _log_polling(error: TelegramError) -> None:
    """One line for a poll that failed; the library tries again by itself."""
    log.warning("telegram_poll_failed", error=error.message)


def _trouble(request: WatchedRequest) -> str | None:
    silence = time.monotonic() - request.last_answer
    limit = POLL_TIMEOUT.total_seconds() + 10
    return None if silence < limit else f"Telegram has not answered for {silence:.0f} s"
