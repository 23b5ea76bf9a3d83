"""What a Confirm button would close: kept here under a random word for a few minutes, not in the button."""

import secrets
import time
from dataclasses import dataclass, field

LIFE_SECONDS = 300.0


@dataclass(kw_only=True)
class Confirmations:
    """Each is taken once; one that is old, or from before a restart, is not known any more."""

    _kept: dict[str, tuple[float, frozenset[int]]] = field(default_factory=dict, init=False)

    def put(self, holdings: frozenset[int]) -> str:
        """Keeps which holdings (their numbers) are meant; returns the word for the button."""
        now = time.monotonic()
        self._kept = {word: kept for word, kept in self._kept.items() if now - kept[0] < LIFE_SECONDS}
        word = secrets.token_urlsafe(9)
        self._kept[word] = (now, holdings)
        return word

    def take(self, word: str) -> frozenset[int] | None:
        """The holdings behind the word, once."""
        at, holdings = self._kept.pop(word, (float("-inf"), frozenset()))
        return holdings if time.monotonic() - at < LIFE_SECONDS else None
