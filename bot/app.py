"""The bot's life: updates heard inside our loop, stored, and worked on. Trading never waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from telegram import BotCommandScopeChat, Update
from telegram.error import BadRequest, RetryAfter, TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot import refresh
from bot.access import GUARD_GROUP, OwnersOnly, command_of
from bot.buttons import Buttons
from bot.commands import COMMANDS, Command, switches, trading
from bot.commands.command import VIEW, reply, too_old
from bot.hearing import Ear, Polling, Webhook
from bot.inbox import Inbox
from bot.menu import set_menu, set_menus
from bot.originals import ORIGINALS_GROUP, originals_only
from bot.pace import Counted, Pace, span
from bot.ports import Ports
from bot.words import Words

log = structlog.get_logger()

_Application = Application[Any, Any, Any, Any, Any, Any]


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
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        """`on_recovery` is awaited each time Telegram answers again after a silence; `tell` owes the owners
        a message."""
        self._on_recovery = on_recovery
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._owner_ids = owner_ids
        self._viewers = frozenset(ports.settings.telegram.viewer_ids) - owner_ids
        self._ports = ports
        self._pace = pace
        self._inbox = Inbox(ports.database, ports.clock, self._is_heard, tell)
        self._ear = Ear(inbox=self._inbox, tell=tell, on_recovery=on_recovery)
        public_url = ports.settings.server.public_url
        #: Where Telegram brings updates; None: they are asked for.
        self.webhook: Webhook | None = None
        if ports.settings.telegram.webhook and public_url is not None:
            self.webhook = Webhook(self._ear, token, str(public_url), ports.clock)

    @property
    def trouble(self) -> str | None:
        """What stands in the way at present; None while updates are heard."""
        return self._ear.trouble

    def _is_heard(self, update: Update) -> bool:
        return (
            update.effective_user is not None and update.effective_user.id in self._owner_ids | self._viewers
        )

    @property
    def silence(self) -> float | None:
        """Seconds since Telegram was heard; None before the first connection."""
        return self._ear.silence

    async def run(self) -> None:
        """Works on what is stored, and hears more, as soon as Telegram is there for the first time."""
        application = self._build()
        self._ports.pictures.begin()
        try:
            await self._begin(application)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inbox.run(application), name="inbox")
                group.create_task(self._show_commands(application), name="command menu")
                way = self.webhook or Polling(self._ear)
                group.create_task(way.run(application.bot), name="hearing")
        finally:
            # A picture on its way would hold up the end.
            self._ports.pictures.stop()
            await _close_connections(application)

    async def _begin(self, application: _Application) -> None:
        """The library asks Telegram who the bot is; until it knows, nothing can be worked on."""
        while True:
            try:
                await application.initialize()
                return
            except RetryAfter as error:
                pause = span(error.retry_after).total_seconds()
            except TelegramError as error:
                pause = self._ear.failed(error.message)
            await asyncio.sleep(pause)

    async def _show_commands(self, application: _Application) -> None:
        """The menu is a courtesy: what Telegram refuses costs nothing else."""
        try:
            chat_id = self._ports.settings.telegram.chat_id
            await set_menus(application.bot, self._owner_ids, COMMANDS, chat_id)
            for viewer in sorted(self._viewers):
                await set_menu(application.bot, BotCommandScopeChat(viewer), READING)
        except TelegramError as error:
            log.warning("no_command_menu", error=error.message)

    def _build(self) -> _Application:
        application = (
            Application.builder()
            .token(self._token)
            .base_url(f"{self._api_url}/bot")
            .base_file_url(f"{self._api_url}/file/bot")
            .updater(None)
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
            application.add_handler(
                CommandHandler(command.name, _handler(command, self._ports), filters.UpdateType.MESSAGE)
            )
        self._add_buttons(application)
        typed = filters.TEXT & ~filters.COMMAND & filters.UpdateType.MESSAGE
        application.add_handler(MessageHandler(typed, Words(self._ports)))
        application.add_error_handler(_log_error)
        return application

    def _add_buttons(self, application: _Application) -> None:
        """Those that show, those that switch, and all others."""
        pages = refresh.Pages(self._ports, {command.name: command for command in COMMANDS})
        application.add_handler(CallbackQueryHandler(pages, refresh.PATTERN))
        application.add_handler(CallbackQueryHandler(switches.Switches(self._ports), switches.PATTERN))
        application.add_handler(CallbackQueryHandler(trading.Singles(self._ports), trading.PATTERN))
        application.add_handler(CallbackQueryHandler(Buttons(self._ports)))


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
        if command.name == "start":
            await _show_menu(update, ports)

    return handle


async def _show_menu(update: Update, ports: Ports) -> None:
    """Whose chat was not there yet when the bot began gets the list of commands now."""
    user = update.effective_user
    if user is not None:
        shown = READING if user.id in ports.settings.telegram.viewer_ids else COMMANDS
        await set_menu(update.get_bot(), BotCommandScopeChat(user.id), shown)


async def _log_error(update: object, context: Any) -> None:
    """A supervisor's border: an error in one handler is told and costs only that update."""
    error = context.error
    log.error("handler_failed", error=repr(error), exc_info=error)
    if isinstance(error, TelegramError) and not isinstance(error, BadRequest):
        return  # it was the answer that did not get through; what changed is told by the outbox
    if isinstance(update, Update) and update.effective_chat is not None:
        text = "⚠️ That did not work; the log says why. Nothing was changed unless a message says so."
        with suppress(TelegramError):
            await update.effective_chat.send_message(text)


async def _close_connections(application: _Application) -> None:
    """Whether or not the library was initialised; closing them twice does no harm."""
    for request in application.bot._request:  # noqa: SLF001  the library has no other way to them
        await request.shutdown()
