"""The breaker: refusals that would only repeat stop new entries, loudly. Exits are never stopped."""

import html
import re
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from gateway.domain.errors import BrokerFault
from storage import flags
from storage.notices import Outbox, Priority

#: The flag that refuses entries; its value is the reason. `/resume` lifts it with the kill switch.
ENTRIES_HALTED = "entries_halted"
#: The same refusal so many times in a row halts entries (facts/kite.md 6.4: storms of 21 and more were seen).
SAME_REFUSALS = 3

#: What halts at the first time, and what the owner must do.
_AT_ONCE = {
    BrokerFault.STATIC_IP: "Register this machine's static IPv4 address with Kite (developer console, "
    "profile, IP whitelist; one change a week), then /resume. Open positions can be closed in the Kite app "
    "meanwhile.",
    BrokerFault.PERMISSION: "The Kite app lacks the permission for this call: check its plan in the "
    "developer console, then /resume.",
}
_REPEATED = "Find out why in the Kite app or console, then /resume."
_NUMBERS = re.compile(r"\d+(\.\d+)?")


@dataclass(kw_only=True)
class Breaker:
    """Counts refusals in a row, by their words without the numbers."""

    outbox: Outbox
    _words: str = field(default="", init=False)
    _count: int = field(default=0, init=False)

    def accepted(self) -> None:
        """The broker took an order: the row of refusals is broken."""
        self._words, self._count = "", 0

    def refused(self, connection: Connection, words: str, fault: BrokerFault, at: datetime) -> None:
        """One refusal by the broker, at once or late; halts entries when it is one too many."""
        plain = _NUMBERS.sub("#", words)
        self._count = self._count + 1 if plain == self._words else 1
        self._words = plain
        advice = _AT_ONCE.get(fault)
        if advice is None and self._count >= SAME_REFUSALS:
            advice = _REPEATED
        if advice is None or flags.value(connection, ENTRIES_HALTED) is not None:
            return
        flags.put(connection, ENTRIES_HALTED, words[:500], by="the breaker", at=at)
        text = f"🚧 <b>New entries are stopped.</b> Kite refuses: {html.escape(words)}\n{advice}"
        self.outbox.tell(connection, text, at=at, priority=Priority.QUESTION)
