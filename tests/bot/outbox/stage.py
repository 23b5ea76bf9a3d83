"""The sender between a real database file and the phone's Bot API; time goes only when told to."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Connection

from bot.drawing import Drawings
from bot.notices import Sender
from bot.pace import Pace
from bot.phone import Fault, FaultKind, PhoneServer
from config.telegram import telegram_limits
from gateway.domain.order import IntentState
from gateway.wakeups import Bell
from storage.engine import Database
from storage.notices import Outbox
from tests.storage.rows import NOW, add_intent

OWNER, PARTNER = 42, 43
TOKEN = "700:test-token"
PATIENCE = 20.0


class Stage:
    """One life of the sender; `restart` begins the next on the same disk and the same phone."""

    def __init__(self, url: str, phone: PhoneServer, chat_ids: tuple[int, ...]) -> None:
        self.phone = phone
        self.outbox = Outbox(chat_ids=chat_ids)
        self.chat_ids = chat_ids
        self.now = NOW
        self.ticks = 1000.0
        self._url = url

    async def begin(self) -> None:
        self.database = Database(self._url)
        self.bell = Bell()
        self.pace = Pace(limits=telegram_limits(), monotonic=lambda: self.ticks)
        drawings = Drawings(self.database, cast(Any, None), lambda: self.now, cast(Any, None))
        self.sender = Sender(
            *(TOKEN, self.phone.api_url, self.chat_ids, self.database, self.bell),
            *(drawings, self.pace, lambda: self.now),
        )
        self._task = asyncio.create_task(self.sender.run())

    async def end(self) -> None:
        """The process dies: nothing is finished."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.sender.close()
        await self.database.close()

    async def restart(self) -> None:
        await self.end()
        await self.begin()

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        """A fact is committed, and the bell rings."""
        found = await self.database.write(work)
        self.bell.ring()
        return found

    async def tell(self, *texts: str, **fields: Any) -> None:
        def add(connection: Connection) -> None:
            for text in texts:
                self.outbox.tell(connection, text, at=self.now, **fields)

        await self.write(add)

    async def show(self, *subjects: str, **fields: Any) -> None:
        def add(connection: Connection) -> None:
            for subject in subjects:
                self.outbox.show(connection, subject, at=self.now, **fields)

        await self.write(add)

    async def ask(self, number: int = 1, state: IntentState = IntentState.AWAITING_APPROVAL) -> list[str]:
        """Alerts that wait for the owner's word, or came to something else; their subjects."""

        def add(connection: Connection) -> list[str]:
            rows = [
                add_intent(connection, state=state, strategy=f"Strategy {index}") for index in range(number)
            ]
            return [f"alert:{row.alert_id}" for row in rows]

        return list(await self.database.write(add))

    def fault(self, kind: FaultKind, method: str = "sendMessage", **fields: Any) -> None:
        self.phone.faults.add(Fault(method=method, kind=kind, **fields))

    async def forward(self, seconds: float) -> None:
        """Time passes for everybody, and the sender has its say."""
        await self.settled()
        self.now += timedelta(seconds=seconds)
        self.ticks += seconds
        for courier in self.sender._couriers:
            courier.bell.ring()
        await self.settled()

    async def settled(self) -> None:
        """Until the sender waits for news or for its time."""
        end = asyncio.get_running_loop().time() + PATIENCE
        quiet = 0
        while quiet < 3:
            assert not self._task.done(), self._task
            assert asyncio.get_running_loop().time() < end, "the sender never rests"
            await asyncio.sleep(0.002)
            bells = [self.bell, *(courier.bell for courier in self.sender._couriers)]
            idle = all(bell._event._waiters and not bell._event.is_set() for bell in bells)
            quiet = quiet + 1 if idle else 0

    def texts(self, chat_id: int = OWNER) -> list[str]:
        """What the chat holds, oldest first."""
        return [message.content.text for message in self.phone.messages(chat_id)]

    def sent(self, method: str = "sendMessage") -> int:
        """How often a method was called."""
        return len(self.phone.calls(method))

    async def waiting(self) -> int:
        def count(connection: Connection) -> int:
            return int(
                connection.exec_driver_sql("SELECT count(*) FROM notices WHERE state = 'due'").scalar_one()
            )

        return await self.database.read(count)
