"""Who is heard: owners by their numeric ids, whatever the update and the chat; viewers, where they read."""

from collections.abc import Awaitable, Callable

import structlog
from telegram import Update
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop, ContextTypes

log = structlog.get_logger()

#: Before every other handler.
GUARD_GROUP = -1
DECLINED = "You may look, not decide: this needs an owner."


def _nothing(_update: Update) -> bool:
    return False


class OwnersOnly:
    """The handler that lets owners through, viewers where they read, and nobody else: silence for those, one
    line in the log."""

    def __init__(
        self,
        owner_ids: frozenset[int],
        on_owner: Callable[[], Awaitable[None]],
        viewer_ids: frozenset[int] = frozenset(),
        reads: Callable[[Update], bool] = _nothing,
    ) -> None:
        """`on_owner`: awaited when an owner is heard; what could not be sent may be sendable now. `reads`:
        whether an update changes nothing."""
        self._owner_ids = owner_ids
        self._on_owner = on_owner
        self._viewer_ids = viewer_ids
        self._reads = reads

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Raises ApplicationHandlerStop for everyone but those, and for updates without a person."""
        user = update.effective_user
        if user is not None and user.id in self._owner_ids:
            await self._on_owner()
            return
        if user is not None and user.id in self._viewer_ids:
            if self._reads(update):
                return
            log.warning("viewer_declined", user_id=user.id, update_id=update.update_id)
            await _decline(update)
            raise ApplicationHandlerStop
        log.warning("stranger_ignored", user_id=user.id if user else None, update_id=update.update_id)
        raise ApplicationHandlerStop


async def _decline(update: Update) -> None:
    """Politely: a press or a command is answered, small talk is not."""
    try:
        if update.callback_query is not None:
            await update.callback_query.answer(DECLINED, show_alert=True)
        elif update.message is not None and command_of(update) is not None:
            await update.message.chat.send_message(f"{DECLINED} /help lists what you can look at.")
    except TelegramError as error:
        log.info("viewer_not_answered", error=error.message)


def command_of(update: Update) -> str | None:
    """The command that a message is, without its slash and the bot's name; None when it is none."""
    text = update.message.text if update.message is not None else None
    if not text or not text.startswith("/"):
        return None
    return text.split()[0][1:].partition("@")[0].lower()


def name_of(update: Update) -> str:
    """The owner's name for messages and the audit trail, with the id that cannot be chosen freely."""
    user = update.effective_user
    return f"{user.full_name} ({user.id})" if user else "unknown"
