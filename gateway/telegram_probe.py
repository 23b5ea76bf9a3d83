"""Two plain questions to Telegram while a bot is being set up: whose token this is, and who wrote to it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

TELEGRAM_API = "https://api.telegram.org"
_PATIENCE = aiohttp.ClientTimeout(total=10)
#: So long a message to the bot is waited for, in seconds.
WAIT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Name:
    """What Telegram says of a token. `known`: it may be used, as far as can be told now."""

    known: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who wrote to the bot in private."""

    user_id: int
    name: str


class Probe:
    """`root`: another Bot API server; None: Telegram's own. Updates are looked at and not taken."""

    def __init__(self, root: str | None) -> None:
        self._root = (root or TELEGRAM_API).rstrip("/")

    def name_of(self, token: str) -> Name:
        """Whose token it is. Without a network it is taken as it is, and said so."""
        try:
            answer = asyncio.run(self._call(token, "getMe"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            kind = type(error).__name__
            return Name(known=True, sentence=f"Telegram cannot be asked about it now ({kind}).")
        if not answer.get("ok"):
            return Name(known=False, sentence="Telegram does not know this token; @BotFather shows yours.")
        return Name(known=True, sentence=f"This is @{answer['result'].get('username', '?')}.")

    def first_sender(self, token: str) -> Sender | None:
        """Who wrote to the bot in private last; waits for a message. None: nobody did, or no network."""
        try:
            return asyncio.run(self._first_sender(token))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    async def _first_sender(self, token: str) -> Sender | None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            answer = await self._call(token, "getUpdates", timeout=5, limit=100)
            for update in reversed(answer.get("result") or []):
                message = update.get("message") or {}
                sender = message.get("from") or {}
                if message.get("chat", {}).get("type") == "private" and not sender.get("is_bot"):
                    return Sender(user_id=sender["id"], name=str(sender.get("first_name", "?")))
            if not answer.get("ok"):
                return None
        return None

    async def _call(self, token: str, method: str, **values: Any) -> dict[str, Any]:
        url = f"{self._root}/bot{token}/{method}"
        async with aiohttp.ClientSession(timeout=_PATIENCE) as http, http.post(url, json=values) as reply:
            answer = await reply.json(content_type=None)
        return answer if isinstance(answer, dict) else {}
