"""Buttons that show a page: Refresh, Older, another day; drawn anew in place of the page they hang on."""

from collections.abc import Mapping

from telegram import CallbackQuery, InputMediaPhoto, LinkPreviewOptions, Message, Update
from telegram.error import BadRequest, RetryAfter
from telegram.ext import ContextTypes

from bot.commands.command import VIEW, Command, Page, refreshable, send_file, show
from bot.keyboard import inline
from bot.ports import Ports

PATTERN = f"^{VIEW}"
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Pages:
    """Answers the presses of buttons that only read."""

    def __init__(self, ports: Ports, commands: Mapping[str, Command]) -> None:
        self._ports = ports
        self._commands = commands

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One press by somebody the guard has let through."""
        query = update.callback_query
        if query is None:
            return
        sentence = await self._act(update, query)
        try:
            await query.answer(sentence)
        except BadRequest:
            # Too old to be answered; the page is drawn all the same (facts/telegram.md 1.2).
            return

    async def _act(self, update: Update, query: CallbackQuery) -> str | None:
        name, *words = (query.data or "").removeprefix(VIEW).split(" ")
        command = self._commands.get(name)
        if command is None or command.draw is None:
            return "This button is not known any more."
        page = refreshable(self._ports, name, words, await command.draw(self._ports, words))
        try:
            await self._put(update, query, page)
        except RetryAfter:
            return "Telegram asks for a pause; press again in a minute."
        except BadRequest as error:
            if "not modified" in error.message.lower():
                return "Nothing new."
            await show(update, page)
        return None

    async def _put(self, update: Update, query: CallbackQuery, page: Page) -> None:
        """Edits the message in place; a page that needs another kind of message becomes a new one."""
        keyboard, message = inline(page.buttons), query.message
        has_picture = isinstance(message, Message) and bool(message.photo)
        if page.file is not None:
            # The page stays as it is; what was asked for comes below.
            await send_file(update, page)
        elif page.picture is not None and has_picture:
            media = InputMediaPhoto(page.picture, caption=page.text, parse_mode="HTML")
            await query.edit_message_media(media, reply_markup=keyboard)
        elif page.picture is None and not has_picture:
            await query.edit_message_text(
                page.text, parse_mode="HTML", reply_markup=keyboard, link_preview_options=_NO_PREVIEW
            )
        else:
            await show(update, page)
