"""Presses of inline buttons, and the bot's answers to them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.phone.errors import stale_query
from bot.phone.store import Store
from bot.phone.updates import CALLBACK_SECONDS

MAX_PRESSES = 1000


@dataclass(frozen=True, kw_only=True)
class Press:
    """One press of a button; times in seconds since the epoch, `answered` None until the bot answers."""

    query_id: str
    message_id: int
    chat_id: int
    user_id: int
    data: str
    label: str
    pressed: float
    answered: float | None = None
    text: str | None = None
    show_alert: bool = False
    url: str | None = None

    def record(self) -> dict[str, Any]:
        """JSON-able, for the store and the page."""
        return asdict(self)


class Presses:
    """Every press, by the id of its callback query."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        known = sorted(store.all("press"), key=lambda row: float(row[1]["pressed"]))
        self._presses = {key: Press(**record) for key, record in known}

    def add(self, *, message_id: int, chat_id: int, user_id: int, data: str, label: str) -> Press:
        """A new press, not answered yet."""
        press = Press(
            query_id=str(secrets.randbits(62)),
            message_id=message_id,
            chat_id=chat_id,
            user_id=user_id,
            data=data,
            label=label,
            pressed=self._clock(),
        )
        self._keep(press)
        return press

    def answer(self, query_id: str, answer: Mapping[str, Any]) -> Press:
        """Takes the bot's answer (text, show_alert, url). ApiError 400: too late, or a second one."""
        press = self._presses.get(query_id)
        if press is None or press.answered is not None or self._clock() - press.pressed > CALLBACK_SECONDS:
            raise stale_query()
        answered = replace(press, answered=self._clock(), **answer)
        self._keep(answered)
        return answered

    def all(self) -> list[Press]:
        """Oldest first."""
        return list(self._presses.values())

    def _keep(self, press: Press) -> None:
        self._presses[press.query_id] = press
        while len(self._presses) > MAX_PRESSES:
            oldest = next(iter(self._presses))
            del self._presses[oldest]
            self._store.drop("press", oldest)
        self._store.put("press", press.query_id, press.record())
