"""The list of commands behind Telegram's menu button: shown to those who are heard, and to nobody else."""

from collections.abc import Iterable, Sequence

import structlog
from telegram import Bot, BotCommand, BotCommandScope, BotCommandScopeChat, BotCommandScopeChatMember
from telegram.error import BadRequest, Forbidden

from bot.commands.command import Command

log = structlog.get_logger()


async def set_menus(
    bot: Bot, owner_ids: Iterable[int], commands: Sequence[Command], chat_id: int | None
) -> None:
    """Each owner's own list, in the private chat and in the group where there is one; none for the rest.

    A chat that does not exist yet (nobody has pressed Start) gets its list at the next start, or at /start.
    """
    await bot.delete_my_commands()
    for owner in sorted(owner_ids):
        await set_menu(bot, BotCommandScopeChat(owner), commands)
        if chat_id is not None and chat_id < 0:
            await set_menu(bot, BotCommandScopeChatMember(chat_id, owner), commands)


async def set_menu(bot: Bot, scope: BotCommandScope, commands: Sequence[Command]) -> None:
    """The list of one scope; what Telegram refuses costs only the list."""
    try:
        await bot.set_my_commands([BotCommand(each.name, each.summary) for each in commands], scope=scope)
    except (BadRequest, Forbidden) as error:
        log.info("no_menu", scope=scope.to_dict(), error=error.message)
