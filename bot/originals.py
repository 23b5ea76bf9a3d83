"""Only what was written or pressed here counts: forwarded messages and buttons of copies do nothing."""

import structlog
from telegram import Message, Update
from telegram.ext import ApplicationHandlerStop, ContextTypes

log = structlog.get_logger()

#: Before the guard of the owners: what is not an original is nobody's word.
ORIGINALS_GROUP = -2


async def originals_only(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Raises ApplicationHandlerStop for forwards, for what came by way of another bot, and for presses on a
    message that this bot did not send itself."""
    if not _is_original(update, context.bot.id):
        log.warning("copy_ignored", update_id=update.update_id)
        raise ApplicationHandlerStop


def _is_original(update: Update, bot_id: int) -> bool:
    query = update.callback_query
    if query is not None:
        pressed = query.message
        # A message too old to be seen has neither author nor origin; the rows its button names decide.
        if not isinstance(pressed, Message):
            return pressed is not None
        author = pressed.from_user
        return pressed.forward_origin is None and author is not None and author.id == bot_id
    message = update.effective_message
    return message is None or (message.forward_origin is None and message.via_bot is None)
