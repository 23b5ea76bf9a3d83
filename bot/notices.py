"""The outbox's sender: takes notices to Telegram until it has taken them, whatever happens."""

import asyncio
import html
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.courier import LOOK_SECONDS, Courier, Obstacle, Post
from bot.drawing import Drawings
from bot.pace import Pace
from gateway.wakeups import Bell
from storage import notices
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()


class Sender:
    """A courier for every chat: one that cannot be reached holds up no other."""

    def __init__(
        self,
        token: str,
        api_url: str,
        chat_ids: Sequence[int],
        database: Database,
        bell: Bell,
        drawings: Drawings,
        pace: Pace,
        clock: Callable[[], datetime],
    ) -> None:
        # Its own connections, apart from the polling's: a dead polling must not hold up the outbox.
        self._connections = HTTPXRequest()
        bot = Bot(
            token,
            base_url=f"{api_url.rstrip('/')}/bot",
            request=self._connections,
            get_updates_request=self._connections,
        )
        self._database = database
        self._bell = bell
        self._clock = clock
        post = Post(
            bot=bot, database=database, drawings=drawings, pace=pace, clock=clock, on_change=self._tell_others
        )
        self._couriers = [Courier(chat_id, post) for chat_id in chat_ids]

    @property
    def trouble(self) -> str | None:
        """What stands in the way at present, of whom; None while every chat is served."""
        troubles = [(each.chat_id, each.trouble) for each in self._couriers if each.trouble]
        if len(self._couriers) == 1:
            return troubles[0][1] if troubles else None
        return "; ".join(f"chat {chat_id}: {trouble}" for chat_id, trouble in troubles) or None

    @property
    def last_sent_at(self) -> datetime | None:
        """When Telegram took a message last."""
        return max((each.last_sent_at for each in self._couriers if each.last_sent_at), default=None)

    async def run(self) -> None:
        """Sends for as long as it is not cancelled."""
        served = [each.chat_id for each in self._couriers]
        foreign = await self._database.write(lambda connection: notices.give_up_foreign(connection, served))
        if foreign:
            log.warning("notices_of_former_chats_dropped", number=foreign)
        async with asyncio.TaskGroup() as group:
            for courier in self._couriers:
                group.create_task(courier.run(), name=f"outbox {courier.chat_id}")
            while True:
                await self._bell.wait(LOOK_SECONDS)
                for courier in self._couriers:
                    courier.bell.ring()

    async def close(self) -> None:
        """Lets go of its connections; once `run` has ended."""
        await self._connections.shutdown()

    async def retry_now(self) -> None:
        """Telegram answers again, or an owner was heard: what waits for that is tried at once."""
        for courier in self._couriers:
            courier.hurry()

    async def _tell_others(self, courier: Courier) -> None:
        """The other owners hear that one of them hears nothing, and when that is over."""
        others = tuple(each.chat_id for each in self._couriers if each is not courier)
        if courier.obstacle is Obstacle.PERSON:
            why = html.escape(courier.trouble or "")
            text = (
                f"⚠️ <b>Chat {courier.chat_id} hears nothing</b>: {why}. What it is owed waits, and is sent "
                "once the bot may write there again (open the chat with the bot, unblock it, press Start)."
            )
        else:
            text = f"✅ Chat {courier.chat_id} is reached again."
        now, outbox = self._clock(), Outbox(chat_ids=others)
        if others:
            await self._database.write(
                lambda connection: outbox.tell(connection, text, at=now, priority=Priority.FACT)
            )
            self._bell.ring()
