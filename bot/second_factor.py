"""The second factor: a word only its owner knows, typed before what a phone in wrong hands must not do."""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

#: How long the word is waited for; a wish that came before a restart is forgotten, too.
LIFE_SECONDS = 120.0
#: So many wrong words, and nothing of this person is taken up again for so long.
MOST_WRONG = 3
PAUSE_SECONDS = 300.0

Deed = Callable[[], Awaitable[str]]


@dataclass(kw_only=True)
class _Person:
    """What one owner has asked for, and how often the word was wrong."""

    deed: Deed | None = None
    asked_at: float = float("-inf")
    wrong: int = 0
    shut_until: float = float("-inf")


@dataclass(kw_only=True)
class SecondFactor:
    """Without a word nothing is asked for. `above`: the premium of an order, in rupees, that needs it."""

    word: str | None = None
    above: Decimal | None = None
    clock: Callable[[], float] = time.monotonic
    _people: dict[int, _Person] = field(default_factory=dict, init=False)

    @property
    def is_on(self) -> bool:
        """Whether /resume needs the word."""
        return self.word is not None

    @property
    def guards_orders(self) -> bool:
        """Whether an order may need it."""
        return self.is_on and self.above is not None

    def covers(self, premium: Decimal | None) -> bool:
        """Whether an order of this premium needs it; one whose premium is not known does."""
        if self.above is None or not self.is_on:
            return False
        return premium is None or premium > self.above

    def ask(self, person: int, deed: Deed) -> str:
        """Keeps what is wanted until the word comes, in place of anything before; the sentence to show."""
        known = self._people.setdefault(person, _Person())
        if known.shut_until > self.clock():
            return "Too many wrong words. Try again in some minutes."
        known.deed, known.asked_at = deed, self.clock()
        return "🔑 Type your second word now. Nothing is done before it is right."

    async def hear(self, person: int, said: str) -> str | None:
        """What a typed text comes to: the deed's sentence if it is the word; None when nothing was asked."""
        known = self._people.get(person)
        if known is None or known.deed is None or self.word is None:
            return None
        if self.clock() - known.asked_at > LIFE_SECONDS:
            known.deed = None
            return "Too late: that question is over. Nothing was done; begin again."
        if hmac.compare_digest(said.strip().encode(), self.word.encode()):
            deed, known.deed, known.wrong = known.deed, None, 0
            return await deed()
        known.wrong += 1
        if known.wrong < MOST_WRONG:
            return "That is not the word. Nothing was done."
        known.deed, known.wrong, known.shut_until = None, 0, self.clock() + PAUSE_SECONDS
        return (
            "🚨 That is not the word, for the third time. Nothing was done, and nothing is for five minutes."
        )
