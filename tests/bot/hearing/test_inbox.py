"""What was heard outlives the process: worked on after a restart, once, or told."""

import asyncio
import json
from functools import partial
from typing import Any

from bot.hearing import Ear, Polling
from bot.inbox import Inbox
from bot.phone import Fault, FaultKind
from storage import tables, updates
from tests.bot.commands.thumb import thumb_on
from tests.bot.hearing.test_presses import asked
from tests.usecases.world import OWNER, World

TOLD: list[str] = []


def body(number: int, **kind: Any) -> dict[int, bytes]:
    return {number: json.dumps({"update_id": number, **kind}).encode()}


def pressed(number: int, data: str) -> dict[int, bytes]:
    person = {"id": OWNER, "is_bot": False, "first_name": "Asha"}
    bot = {"id": 700, "is_bot": True, "first_name": "Manjha"}
    chat = {"id": OWNER, "type": "private", "first_name": "Asha"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": bot, "text": "Approve?"}
    query = {"id": str(number), "from": person, "message": message, "chat_instance": "1", "data": data}
    return body(number, callback_query=query)


def said(number: int, text: str, world: World) -> dict[int, bytes]:
    person = {"id": OWNER, "is_bot": False, "first_name": "Asha"}
    chat = {"id": OWNER, "type": "private", "first_name": "Asha"}
    entity = {"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}
    date = int(world.clock().timestamp())
    message = {
        "message_id": 2,
        "date": date,
        "chat": chat,
        "from": person,
        "text": text,
        "entities": [entity],
    }
    return body(number, message=message)


def inbox_of(world: World) -> Inbox:
    async def tell(text: str) -> None:
        TOLD.append(text)

    return Inbox(world.database, world.clock, lambda update: update.effective_user is not None, tell)


async def states(world: World) -> list[tuple[str, bytes]]:
    return [(row.state, row.body) for row in await world.rows(tables.updates)]


async def test_a_press_that_was_stored_before_a_crash_counts_after_it(world):
    alert_id, key = await asked(world)
    await inbox_of(world).take(pressed(5, f"a:{key}"))
    await world.restart()
    await world.execute()
    async with thumb_on(world) as thumb:
        await thumb.settled()
    await world.reaches(alert_id, "filled")
    assert len(world.attempts()) == 1
    assert await states(world) == [("done", b"")]  # what was said is not kept


async def test_a_command_that_had_begun_before_a_crash_is_not_begun_again_but_told(world):
    await inbox_of(world).take(said(6, "/buy NIFTY ATM CE 1 lot", world))
    await world.write(partial(updates.begin, update_id=6))
    async with thumb_on(world) as thumb:
        words = ("/buy NIFTY ATM CE 1 lot", "interrupted by a restart")
        await world.until(lambda: world.was_told(*words), lambda: "it is told")
        await thumb.settled()
        assert thumb.words == []


async def test_what_lay_here_while_nobody_worked_is_told_and_not_done(world):
    _, key = await asked(world)
    await inbox_of(world).take(pressed(7, f"a:{key}"))
    await inbox_of(world).take(said(8, "/buy NIFTY ATM CE 1 lot", world))
    world.clock.forward(minutes=30)
    async with thumb_on(world) as thumb:
        await thumb.settled()
        assert thumb.words == []
    assert world.attempts() == []
    assert await world.was_told("press of a button", "was not carried out")
    assert await world.was_told("/buy NIFTY", "was not carried out")


async def test_strangers_leave_no_trace_on_the_disk(world):
    async def tell(text: str) -> None:
        raise AssertionError(text)

    await Inbox(world.database, world.clock, lambda update: False, tell).take(pressed(9, "a:x"))
    assert await states(world) == []


async def test_numbers_are_forgotten_after_two_days(world):
    inbox = inbox_of(world)
    await inbox.take(pressed(10, "a:x"))
    await world.write(partial(updates.finish, update_id=10))
    world.clock.forward(days=3)
    await inbox.take(pressed(11, "a:x"))
    assert [row.update_id for row in await world.rows(tables.updates)] == [11]


async def test_an_update_that_could_not_be_stored_is_brought_again(thumb, world, monkeypatch):
    from gateway.domain.errors import StorageFailed  # noqa: PLC0415

    take, failures = Inbox.take, [StorageFailed("disk full")]

    async def once_full(self: Inbox, bodies: Any) -> None:
        if failures and bodies:
            raise failures.pop()
        await take(self, bodies)

    monkeypatch.setattr(Inbox, "take", once_full)
    answer = await thumb.ask("/version")
    assert "1.2.3" in answer["text"]
    assert failures == []


async def until(world: World, condition: Any, what: str) -> None:
    async def there() -> bool:
        return bool(condition())

    await world.until(there, lambda: what)


async def test_the_token_refused_for_a_while_is_told_and_heals_by_itself(thumb, world):
    thumb.phone.faults.add(Fault(method="getUpdates", kind=FaultKind.UNAUTHORIZED))
    thumb.phone.say("/version")  # ends the poll under way
    await until(world, lambda: "refuses the bot token" in (thumb.bot.trouble or ""), "the trouble is told")
    await until(world, lambda: thumb.bot.trouble is None, "it heals")


async def test_a_second_poller_is_told_once_and_both_go_on(thumb, world):
    thumb.phone.faults.add(Fault(method="getUpdates", kind=FaultKind.CONFLICT, times=3))
    thumb.phone.say("/version")
    await until(world, lambda: "Conflict" in (thumb.bot.trouble or ""), "the trouble is told")
    await until(world, lambda: thumb.bot.trouble is None, "it heals")
    rivals = [text for text in await world.told() if "Another program hears this bot" in text]
    assert len(rivals) == 1


async def test_a_webhook_that_somebody_else_has_set_is_taken_away(thumb, world):
    thumb.phone._phone.profile.set_webhook({"url": "https://elsewhere.example/hook"}, local=False)
    thumb.phone._phone.updates.announce()
    thumb.phone.say("/version")
    await until(world, lambda: not thumb.phone._phone.profile.webhook["url"], "the webhook goes")
    answer = await thumb.ask("/version")
    assert "1.2.3" in answer["text"]


async def test_a_dead_network_is_polled_again_at_once_when_it_is_back(thumb, world):
    thumb.phone.faults.add(Fault(method="getUpdates", kind=FaultKind.DROP_BEFORE, times=3))
    thumb.phone.say("/version")
    await until(world, lambda: thumb.bot.trouble, "the trouble is told")
    await until(world, lambda: thumb.bot.trouble is None, "it heals")


async def test_starting_without_telegram_works_and_it_is_heard_when_it_comes(world):
    async with thumb_on(
        world, patient=False, faults=[Fault(method="getMe", kind=FaultKind.DROP_BEFORE)]
    ) as thumb:
        assert "1.2.3" in (await thumb.ask("/version"))["text"]


async def test_a_poll_without_end_is_given_up(world, monkeypatch):
    import bot.hearing  # noqa: PLC0415

    monkeypatch.setattr(bot.hearing, "SILENCE_SECONDS", 0.05)
    tries: list[int] = []

    class Deaf:
        async def delete_webhook(self) -> None:
            return

        async def get_updates(self, **_: Any) -> None:
            tries.append(1)
            await asyncio.Event().wait()

    async def nothing(*_: Any) -> None:
        return

    ear = Ear(inbox=inbox_of(world), tell=nothing, on_recovery=nothing)
    task = asyncio.create_task(Polling(ear).run(Deaf()))
    await until(world, lambda: len(tries) > 1, "it is tried again")
    assert ear.trouble
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
