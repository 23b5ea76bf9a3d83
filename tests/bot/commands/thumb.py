"""The owner's thumb: the phone's Bot API, the real python-telegram-bot behind it, then the use cases."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.app import TelegramBot
from bot.charts import Charts
from bot.confirmations import Confirmations
from bot.day_picture import DayPictures
from bot.pace import Pace
from bot.phone.faults import Fault
from bot.phone.message import Message
from bot.phone.server import PhoneServer
from bot.ports import Ports
from config.telegram import telegram_limits
from gateway.adoption import Adoption
from gateway.domain.order import AlertId
from gateway.kept_exits import KeptExits
from gateway.profit import Profits
from storage import updates
from storage.alerts import Arrival
from tests.usecases.world import OWNER, World

TOKEN = "700:test-token"
STRANGER = 666


class Thumb:
    """Says, presses, and reads what the bot made of it."""

    def __init__(self, world: World, phone: PhoneServer, bot: TelegramBot) -> None:
        self.world = world
        self.phone = phone
        self.bot = bot
        self.words: list[str] = []

    async def ask(self, text: str, **fields: Any) -> dict[str, Any]:
        """Says something; the bot's answer."""
        said = self.phone.say(text, **fields)
        return await self.after(said.message_id)

    async def after(self, message_id: int) -> dict[str, Any]:
        """The first message of the bot after this one."""
        return (await self.all_after(message_id, 1))[0]

    async def all_after(self, message_id: int, count: int) -> list[dict[str, Any]]:
        found: list[Message] = []

        async def there() -> bool:
            found[:] = [m for m in self.phone.messages() if m.from_bot and m.message_id > message_id]
            return len(found) >= count

        await self.world.until(there, lambda: f"{count} answers, not {[m.content.text for m in found]}")
        return [self.phone.view(message) for message in found[:count]]

    async def press(self, message: dict[str, Any], label: str, **fields: Any) -> dict[str, Any]:
        """Presses, waits for the bot's answer to the press; the message as it is then."""
        press = self.phone.press(message["message_id"], label=label, **fields)

        async def answered() -> bool:
            return any(p.query_id == press.query_id and p.answered is not None for p in self.phone.presses())

        await self.world.until(answered, lambda: f"the press on {label} was not answered")
        return self.seen(message["message_id"])

    def seen(self, message_id: int) -> dict[str, Any]:
        (message,) = [m for m in self.phone.messages() if m.message_id == message_id]
        return self.phone.view(message)

    def toast(self) -> str | None:
        """What the newest press was answered with."""
        return self.phone.presses()[-1].text

    async def settled(self) -> None:
        """All that was said and pressed before is worked on."""

        async def idle() -> bool:
            inbox, undone = self.bot._inbox, partial(updates.in_state, state=updates.WAITING)
            return not (
                self.phone._phone.updates.pending()
                or inbox._in_hand
                or await self.world.database.read(undone)
            )

        await self.world.until(idle, lambda: "there is always something left to do")

    async def download(self, message: dict[str, Any]) -> bytes:
        return self.phone._phone.files.content(message["attachment"]["url"].rsplit("/", 1)[1]) or b""


def labels(message: dict[str, Any]) -> list[str]:
    return [button["text"] for row in message["keyboard"] for button in row]


def ports_of(world: World, words: list[str], **changes: Any) -> Ports:
    async def submit_words(said: str, by: str) -> str:
        words.append(said)
        body = said.encode()
        made = Arrival(
            alert_id=AlertId(f"w{len(words):06d}"),
            received_at=world.clock(),
            source=f"telegram: {by}",
            body=body,
            body_hash=hashlib.sha256(body).hexdigest(),
            strategy="manual",
            dedupe_key=None,
            signal=None,
        )
        await world.accept(made)
        return made.alert_id

    async def close(meant: frozenset[int], by: str) -> None:
        return

    profits = Profits(world.database, {"paper": world.access}, world.clock)
    charts = Charts(world.path.parent.parent / "matplotlib")
    fields: dict[str, Any] = {
        "settings": world.settings,
        "database": world.database,
        "approvals": world.approvals,
        "kill_switch": world.kill_switch,
        "unknown": world.unknown,
        "square_off": world.square_off,
        "questions": world.questions,
        "profits": profits,
        "pictures": DayPictures(world.database, profits, charts),
        "adoption": Adoption(world.database, world.outbox, world.wakeups, world.clock),
        "kept_exits": KeptExits(
            *(world.settings, world.database, world.outbox, world.wakeups, world.clock, world.intake),
            lambda _venue: None,
            lambda _venue, _name: 1800,
        ),
        "confirmations": Confirmations(),
        "submit_words": submit_words,
        "close": close,
        "venues": {"paper": world.access},
        "clock": world.clock,
        "started_at": world.clock(),
        "limits": world.limits,
        "version": "1.2.3",
    }
    return Ports(**{**fields, **changes})


@asynccontextmanager
async def thumb_on(
    world: World, *, faults: Sequence[Fault] = (), patient: bool = True, local: bool = False, **changes: Any
) -> AsyncIterator[Thumb]:
    """The bot runs for as long as the block; not `patient`: whether or not it hears already;
    `local`: the phone brings updates to webhooks."""
    phone = PhoneServer(token=TOKEN, owner_id=OWNER, owner_name="Asha", clock=_seconds(world), local=local)
    await phone.start()
    for fault in faults:
        phone.faults.add(fault)
    words: list[str] = []

    async def nothing() -> None:
        return

    async def told(text: str) -> None:
        def add(connection: Connection) -> None:
            world.outbox.tell(connection, text, at=world.clock())

        await world.database.write(add)

    ports, pace = ports_of(world, words, **changes), Pace(limits=telegram_limits())
    bot = TelegramBot(TOKEN, phone.api_url, frozenset({OWNER}), ports, pace, nothing, told)
    running = asyncio.create_task(bot.run())
    thumb = Thumb(world, phone, bot)
    thumb.words = words
    try:

        async def hears() -> bool:
            return bot.trouble is None or not patient

        await world.until(hears, lambda: str(bot.trouble))
        yield thumb
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await phone.stop()


def _seconds(world: World) -> Callable[[], float]:
    return lambda: world.clock().timestamp()
