"""What is typed without a command: the second word, where it was asked for; anything else is let be."""

import html
from contextlib import suppress

import structlog
from telegram import ForceReply, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.ports import Ports
from bot.second_factor import Deed

log = structlog.get_logger()


class Words:
    """Hears the second word, and takes it out of the chat again."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One text by an owner (the guard has let it through)."""
        message, user = update.message, update.effective_user
        if message is None or user is None:
            return
        answer = await self._ports.factor.hear(user.id, message.text or "")
        if answer is None:
            return
        with suppress(TelegramError):  # a bot without the right to delete leaves it standing
            await message.delete()
        if answer.startswith("🚨"):
            log.error("second_word_wrong", user_id=user.id)
        await message.chat.send_message(html.escape(answer, quote=False), parse_mode="HTML")


async def ask_for_the_word(ports: Ports, update: Update, deed: Deed) -> str:
    """Says in the chat that the word is wanted; the sentence, for a press's toast, too."""
    user, chat = update.effective_user, update.effective_chat
    if user is None or chat is None:
        return "Nothing was done."
    sentence = ports.factor.ask(user.id, deed)
    await chat.send_message(sentence, reply_markup=ForceReply(selective=True))
    return sentence
