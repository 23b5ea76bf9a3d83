"""What the owners say and press: stored before Telegram forgets it, worked on once, also after a restart."""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row
from telegram import Update
from telegram.ext import Application

from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from gateway.domain.market import ist
from gateway.wakeups import Bell
from storage import updates
from storage.engine import Database, urgent

log = structlog.get_logger()

#: A lost wake-up costs at most this long.
LOOK_SECONDS = 5.0
#: So long Telegram itself keeps a press (facts/telegram.md 1.2); what lay here longer is not carried out.
LONGEST_WAIT = timedelta(seconds=150)

_Application = Application[Any, Any, Any, Any, Any, Any]


class Inbox:
    """Updates on their way from Telegram to their handlers."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        hears: Callable[[Update], bool],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._hears = hears
        self._tell = tell
        self._bell = Bell()
        #: The last piece of work of each kind: what belongs together is done one after another.
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._in_hand: set[int] = set()
        #: As they came, where something in them is not for the disk.
        self._whole: dict[int, bytes] = {}

    async def take(self, bodies: Mapping[int, bytes]) -> None:
        """Returns once they are on disk, each once however often it comes; strangers' are not kept.

        Raises StorageFailed: then Telegram has to bring them again. Raises ValueError for what is no update.
        """
        heard = {number: body for number, body in bodies.items() if self._is_heard(body)}
        if not heard:
            return
        now = self._clock()
        kept = {number: without_request_token(body) for number, body in heard.items()}
        self._whole |= {number: body for number, body in heard.items() if kept[number] != body}
        with urgent():
            await self._database.write(lambda connection: updates.store(connection, kept, now))
        checkpoint("inbox.stored")
        self._bell.ring()

    def _is_heard(self, body: bytes) -> bool:
        update = Update.de_json(json.loads(body), None)
        if not self._hears(update):
            user = update.effective_user
            log.warning("stranger_ignored", user_id=user.id if user else None, update_id=update.update_id)
            return False
        return True

    async def run(self, application: _Application) -> None:
        """Hands them to the application's handlers, for as long as it is not cancelled."""
        await self._tell_of_the_interrupted()
        try:
            while True:
                for row in await self._database.read(partial(updates.in_state, state=updates.WAITING)):
                    if row.update_id not in self._in_hand:
                        self._start(application, row)
                await self._bell.wait(LOOK_SECONDS)
        finally:
            tasks = list(self._lanes.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._lanes.clear()
            self._in_hand.clear()

    async def _tell_of_the_interrupted(self) -> None:
        """Commands that had begun when the process ended: whether they had their effect is not known."""
        for row in await self._database.read(partial(updates.in_state, state=updates.BEGUN)):
            await self._tell(
                f"❓ {_quoted(row)} was interrupted by a restart. Look whether it had its effect before you "
                "send it again."
            )
            await self._database.write(partial(updates.finish, update_id=row.update_id))

    def _start(self, application: _Application, row: Row[Any]) -> None:
        body = self._whole.pop(row.update_id, row.body)
        update = Update.de_json(json.loads(body), application.bot)
        self._in_hand.add(row.update_id)
        lane = _lane(update)
        before = self._lanes.get(lane)
        task = asyncio.create_task(self._after(before, application, row, update), name=f"update {lane}")
        self._lanes[lane] = task
        task.add_done_callback(lambda done: self._lanes.pop(lane) if self._lanes.get(lane) is done else None)

    async def _after(
        self, before: asyncio.Task[None] | None, application: _Application, row: Row[Any], update: Update
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._work(application, row, update)
        except StorageFailed as error:
            log.error("update_waits_for_the_database", update_id=row.update_id, error=str(error))
        finally:
            self._in_hand.discard(row.update_id)

    async def _work(self, application: _Application, row: Row[Any], update: Update) -> None:
        if self._clock() - row.received_at > LONGEST_WAIT:
            await self._tell(
                f"⌛ {_quoted(row)} was not carried out: Manjha was not there at "
                f"{ist(row.received_at):%H:%M:%S} IST. Send it again if it still holds."
            )
        # A press names a row that decides, hence is worked on until it is done with. A command may have had
        # its effect when the process dies within: it is never begun twice.
        elif update.callback_query is not None or await self._begin(row):
            await application.process_update(update)
        checkpoint("inbox.worked")
        await asyncio.shield(self._database.write(partial(updates.finish, update_id=row.update_id)))

    async def _begin(self, row: Row[Any]) -> bool:
        return await self._database.write(partial(updates.begin, update_id=row.update_id))


def without_request_token(body: bytes) -> bytes:
    """A `/login` without what was pasted behind it: that is a secret, and not for the disk.

    After a restart in between, it is a `/login` like any other, which shows the button.
    """
    tree = json.loads(body)
    message = tree.get("message")
    text = message.get("text") if isinstance(message, dict) else None
    words = text.split(maxsplit=1) if isinstance(text, str) else []
    if len(words) < 2 or not words[0].lower().startswith("/login"):
        return body
    entities = [
        each for each in message.get("entities", []) if each["offset"] + each["length"] <= len(words[0])
    ]
    bare = {**message, "text": words[0], "entities": entities}
    return json.dumps({**tree, "message": bare}).encode()


def _lane(update: Update) -> str:
    """What must keep its order: the presses on one question, and one user's uses of one command."""
    query = update.callback_query
    if query is not None:
        # The id behind the first letter: Half and then Approve of one card, whatever else they carry.
        return f"press {(query.data or '').partition(':')[2].partition(':')[0]}"
    user, message = update.effective_user, update.effective_message
    words = (message.text or "").split(maxsplit=1) if message is not None else []
    return f"{user.id if user else None} {words[0] if words else ''}"


def _quoted(row: Row[Any]) -> str:
    update = Update.de_json(json.loads(row.body), None)
    if update.callback_query is not None:
        return "Your press of a button"
    text = (update.effective_message.text or "") if update.effective_message else ""
    if not text.startswith("/"):
        return "Your message"  # it may be the second word
    return f"<code>{html.escape(text[:200])}</code>"
