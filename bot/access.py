"""Who is heard: the owners, by their numeric ids, whatever kind of update and whatever chat it comes from."""

from collections.abc import Awaitable, Callable

import structlog
from telegram import Update
from telegram.ext import ApplicationHandlerStop, ContextTypes

log = structlog.get_logger()

#: Before every other handler.
GUARD_GROUP = -1


class OwnersOnly:
    """The handler that lets nobody else through: silence for them, one line in the log."""

    def __init__(self, owner_ids: frozenset[int], on_owner: Callable[[], Awaitable[None]]) -> None:
        """`on_owner`: awaited when an owner is heard; what could not be sent may be sendable now."""
        self._owner_ids = owner_ids
        self._on_owner = on_owner

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Raises ApplicationHandlerStop for everyone but the owners, and for updates without a person."""
        user = update.effective_user
        if user is None or user.id not in self._owner_ids:
            log.warning("stranger_ignored", user_id=user.id if user else None, update_id=update.update_id)
            raise ApplicationHandlerStop
        await self._on_owner()


def name_of(update: Update) -> str:
    """The owner's name for messages and the audit trail, with the id that cannot be chosen freely."""
    user = update.effective_user
    return f"{user.full_name} ({user.id})" if user else "unknown"
