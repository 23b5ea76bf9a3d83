"""Bringing updates to a webhook, as Telegram does: in order, again until they are taken or expire."""

import asyncio
from typing import Any

import aiohttp

from bot.phone.phone import Phone

_TIMEOUT_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class Delivery:
    """Runs beside the Bot API while a webhook is set."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    async def run(self) -> None:
        """For as long as it is not cancelled."""
        pause = _FIRST_PAUSE
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as http:
            while True:
                pending, news = self._phone.updates.pending(), self._phone.updates.news
                webhook = self._phone.profile.webhook
                if not pending or not webhook["url"]:
                    await news.wait()
                    continue
                failure = await self._bring(http, webhook, pending[0])
                if failure is None:
                    self._phone.updates.confirm(pending[0]["update_id"] + 1)
                    pause = _FIRST_PAUSE
                    continue
                self._phone.profile.note_failure(failure, self._phone.clock())
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _bring(self, http: aiohttp.ClientSession, webhook: Any, update: Any) -> str | None:
        """None when it was taken; else Telegram's words for what went wrong."""
        secret = webhook.get("secret_token")
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        try:
            async with http.post(webhook["url"], json=update, headers=headers) as answer:
                if answer.status // 100 == 2:
                    return None
                return f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except aiohttp.ClientError:
            return "Connection refused"
        except TimeoutError:
            return "Read timeout expired"
