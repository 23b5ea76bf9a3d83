"""Telegram's limits as data, from the TOML file beside this one."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ChatLimits:
    """What one chat takes: messages a second in the long run, and how many at once."""

    per_second: float
    burst: int
    #: Of a burst, how many are left to questions and what concerns safety.
    kept_for_questions: int


@dataclass(frozen=True, kw_only=True)
class TelegramLimits:
    """What Telegram takes. Lengths are UTF-16 units; a group's id is negative."""

    longest_text: int
    per_second: float
    private: ChatLimits
    group: ChatLimits

    def of(self, chat_id: int) -> ChatLimits:
        """The limits of a chat."""
        return self.group if chat_id < 0 else self.private


@cache
def telegram_limits() -> TelegramLimits:
    """As the file says."""
    tree = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return TelegramLimits(
        longest_text=tree["longest_text"],
        per_second=tree["per_second"],
        private=ChatLimits(**tree["private"]),
        group=ChatLimits(**tree["group"]),
    )
