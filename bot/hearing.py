"""How updates come from Telegram: by polling, or to a webhook where the gateway has a public address."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut

from bot.inbox import Inbox
from bot.pace import span
from gateway.domain.errors import StorageFailed

log = structlog.get_logger()

POLL_TIMEOUT = timedelta(seconds=20)
#: No answer to a poll for so long: its connection is dead, whatever it says of itself.
SILENCE_SECONDS = 60.0
LONGEST_BACKOFF = 30.0
_UPDATES = ["message", "callback_query"]
#: A rival that is heard of again within so many seconds is the same one.
_SAME_RIVAL_SECONDS = 600.0
_RIVAL = (
    "⚠️ <b>Another program hears this bot</b>: presses and commands may go to it instead. Is there a second "
    "gateway with the same bot token? If not, have @BotFather revoke the token, and set the new one."
)
WEBHOOK_PATH = "/telegram/webhook"
#: How often the webhook is looked at, and for how long a failure that Telegram reports counts.
WEBHOOK_LOOK_SECONDS = 60.0
_RECENT = timedelta(minutes=5)


@dataclass(kw_only=True)
class Ear:
    """What both ways share: where updates go, whom to tell, and what stands in the way at present."""

    inbox: Inbox
    tell: Callable[[str], Awaitable[None]]
    #: Awaited each time Telegram answers again after a failure.
    on_recovery: Callable[[], Awaitable[None]]
    #: None while updates are heard.
    trouble: str | None = "not connected yet"
    _failures: int = field(default=0, init=False)
    _heard_at: float | None = field(default=None, init=False)

    @property
    def silence(self) -> float | None:
        """Seconds since Telegram was heard; None before the first time."""
        return time.monotonic() - self._heard_at if self._heard_at is not None else None

    async def heard(self) -> None:
        """Telegram has answered."""
        self._heard_at = time.monotonic()
        failed, self._failures, self.trouble = self._failures or self.trouble is not None, 0, None
        if failed:
            await self.on_recovery()

    def failed(self, words: str) -> float:
        """Telegram has not answered, or not well; how many seconds to wait before the next try."""
        self._failures += 1
        self.trouble = words
        log.warning("telegram_not_heard", error=words, times=self._failures)
        return min(1.5 ** (self._failures - 1), LONGEST_BACKOFF)


class Polling:
    """Asks for updates again and again; one is confirmed only after it was stored."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._rival_seen_at = float("-inf")

    async def run(self, bot: Bot) -> None:
        """For as long as it is not cancelled, whatever Telegram answers."""
        offset: int | None = None
        is_webhook_gone = False
        while True:
            pause = 0.0
            try:
                if not is_webhook_gone:
                    await bot.delete_webhook()
                    is_webhook_gone = True
                offset = await self._once(bot, offset)
            except Conflict as error:
                pause = self._ear.failed(error.message)
                is_webhook_gone = "webhook" not in error.message
                if is_webhook_gone:
                    await self._tell_of_rival()
            except InvalidToken as error:
                # Of a proxy's 404 as of a revoked token: only time shows which.
                pause = max(self._ear.failed(f"Telegram refuses the bot token: {error.message}"), 5.0)
            except RetryAfter as error:
                pause = span(error.retry_after).total_seconds()
            except (TelegramError, TimeoutError) as error:
                pause = self._ear.failed(str(error) or type(error).__name__)
            except StorageFailed as error:
                pause = self._ear.failed(f"updates cannot be stored: {error}")
            if pause:
                await asyncio.sleep(pause)

    async def _once(self, bot: Bot, offset: int | None) -> int | None:
        """One poll; the offset that confirms what it brought. Not a long one after a failure: it is over as
        soon as Telegram answers at all."""
        patience = timedelta(0) if self._ear.trouble else POLL_TIMEOUT
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                found = await bot.get_updates(offset=offset, timeout=patience, allowed_updates=_UPDATES)
        except TimedOut:
            raise TimeoutError("Telegram does not answer") from None
        await self._ear.inbox.take({update.update_id: update.to_json().encode() for update in found})
        await self._ear.heard()
        return max((update.update_id for update in found), default=(offset or 0) - 1) + 1 or None

    async def _tell_of_rival(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._rival_seen_at > _SAME_RIVAL_SECONDS:
            await self._ear.tell(_RIVAL)
        self._rival_seen_at = now


class Webhook:
    """Has Telegram bring the updates to the gateway's own door."""

    def __init__(self, ear: Ear, token: str, public_url: str, clock: Callable[[], datetime]) -> None:
        self._ear = ear
        self._clock = clock
        self.url = public_url.rstrip("/") + WEBHOOK_PATH
        #: What Telegram proves itself with; made of the token, hence the same after a restart.
        self.secret = hmac.new(token.encode(), b"manjha telegram webhook", hashlib.sha256).hexdigest()

    async def take(self, body: bytes) -> None:
        """One update, stored when this returns. Raises ValueError for what is none, StorageFailed."""
        update: Any = json.loads(body)
        number = update.get("update_id") if isinstance(update, dict) else None
        if not isinstance(number, int):
            raise ValueError("this is no update")  # noqa: TRY004  of the body, not of a type of ours
        await self._ear.inbox.take({number: body})

    async def run(self, bot: Bot) -> None:
        """Sets it, and looks after it for as long as it is not cancelled."""
        while True:
            pause = WEBHOOK_LOOK_SECONDS
            try:
                await self._look_after(bot)
            except RetryAfter as error:
                pause = span(error.retry_after).total_seconds()
            except TelegramError as error:
                pause = self._ear.failed(error.message)
            await asyncio.sleep(pause)

    async def _look_after(self, bot: Bot) -> None:
        info = await bot.get_webhook_info()
        if info.url != self.url:
            await bot.set_webhook(self.url, secret_token=self.secret, allowed_updates=_UPDATES)
            log.info("webhook_set", before=info.url or None)
        failed_at = info.last_error_date
        is_recent = failed_at is not None and self._clock() - failed_at.astimezone(UTC) < _RECENT
        if info.url == self.url and info.pending_update_count and is_recent:
            self._ear.failed(f"Telegram does not reach {self.url}: {info.last_error_message}")
        else:
            await self._ear.heard()
