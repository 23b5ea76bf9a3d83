"""Approval: the owner decides once, in time; nobody's press after that changes anything."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from config.notices import NoticeEvent
from gateway import wording
from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import IllegalMove
from gateway.wakeups import Wakeups
from storage import flags, intents
from storage.engine import Database
from storage.notices import Outbox, Priority

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a press came to: the sentence for the phone's toast."""

    sentence: str
    changed: bool


class Approvals:
    """Decides, expires, and asks again after a restart."""

    def __init__(
        self, database: Database, outbox: Outbox, wakeups: Wakeups, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._wakeups = wakeups
        self._clock = clock

    async def decide(
        self, approval_id: str, *, approve: bool, by: str, version: int | None = None
    ) -> Decision:
        """The press of a button by an owner. Late, second and stray presses change nothing and say why.

        `version`: what the card showed that was pressed; approving something else than that is refused.
        """
        now = self._clock()
        decision, alert_id = await self._database.write(
            lambda connection: self._decide(connection, approval_id, approve, by, now, version)
        )
        checkpoint("approval.committed")
        if alert_id:
            self._wakeups.executor.ring()
            self._wakeups.told(alert_id)
        return decision

    def _decide(
        self,
        connection: Connection,
        approval_id: str,
        approve: bool,
        by: str,
        now: datetime,
        version: int | None,
    ) -> tuple[Decision, str | None]:
        row = intents.approval(connection, approval_id)
        if row is None:
            return Decision(sentence=_UNKNOWN, changed=False), None
        if approve and flags.value(connection, flags.KILL_SWITCH) is not None:
            return Decision(sentence="The kill switch is on: nothing is sent.", changed=False), None
        goal = intents.APPROVED if approve else intents.REJECTED
        if row.decision == intents.PENDING and row.deadline <= now:
            goal = intents.EXPIRED
        try:
            intents.decide(connection, approval_id, goal, by=by, at=now, version=version)
        except IllegalMove:
            return self.why_not(connection, approval_id, version), None
        checkpoint("approval.decided")
        self._outbox.show(connection, f"alert:{row.alert_id}", at=now, priority=Priority.QUESTION)
        return Decision(sentence=_SENTENCES[goal], changed=True), row.alert_id

    def why_not(self, connection: Connection, approval_id: str, version: int | None) -> Decision:
        """Why a press on the card of that version changes nothing, for the phone's toast."""
        row = intents.approval(connection, approval_id)
        if row is None:
            return Decision(sentence=_UNKNOWN, changed=False)
        if row.decision == intents.PENDING and version is not None and version != row.version:
            return Decision(sentence=_CHANGED, changed=False)
        if row.decision == intents.PENDING:
            return Decision(sentence=_SENTENCES[intents.EXPIRED], changed=False)
        return Decision(sentence=_already(row.decision, row.decided_by), changed=False)

    async def ask_again(self) -> None:
        """At start: cards of open questions are shown anew, and the owner is called back to them, since a
        press while we were down may be lost (facts/telegram.md 1.2); those whose time is over expire."""
        now = self._clock()
        await self._database.write(lambda connection: self._ask_again(connection, now))
        self._wakeups.outbox.ring()

    def _ask_again(self, connection: Connection, now: datetime) -> None:
        for row in intents.pending_approvals(connection):
            subject = f"alert:{row.alert_id}"
            if row.deadline <= now:
                self._expire_one(connection, row, now)
                continue
            self._outbox.show(connection, subject, at=now, priority=Priority.QUESTION)
            text = wording.still_asked(row.deadline)
            self._outbox.tell(connection, text, at=now, subject=subject, priority=Priority.QUESTION)

    async def run(self) -> None:
        """Expires questions at their deadline, for as long as it is not cancelled."""
        while True:
            deadline = await self._expire_due()
            left = (deadline - self._clock()).total_seconds() if deadline else None
            await self._wakeups.approvals.wait(None if left is None else max(left, 0.0) + 0.01)

    async def _expire_due(self) -> datetime | None:
        """Expires what is due; the next deadline, if there is one."""
        now = self._clock()
        expired, following = await self._database.write(lambda connection: self._expire(connection, now))
        if expired:
            self._wakeups.told(*expired)
        return following

    def _expire_one(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        intents.decide(connection, row.id, intents.EXPIRED, by="time", at=now)
        about = intents.of_alert(connection, row.alert_id)[0]
        self._outbox.show(
            connection,
            f"alert:{row.alert_id}",
            at=now,
            loud=True,
            event=NoticeEvent.EXPIRED,
            strategy=about.strategy,
        )

    def _expire(self, connection: Connection, now: datetime) -> tuple[list[str], datetime | None]:
        expired = []
        pending = intents.pending_approvals(connection)
        for row in pending:
            if row.deadline <= now:
                self._expire_one(connection, row, now)
                expired.append(row.alert_id)
        following = [row.deadline for row in pending if row.deadline > now]
        return expired, following[0] if following else None


_UNKNOWN = "This question is not known any more."
_CHANGED = "The card has changed since: look at it again, then press."
_SENTENCES = {
    intents.APPROVED: "Approved. Sending it now.",
    intents.REJECTED: "Rejected. Nothing is sent.",
    intents.EXPIRED: "Too late: the time to approve is over. Nothing is sent.",
}


def _already(decision: str, by: str | None) -> str:
    return {
        intents.APPROVED: f"Already approved by {by}.",
        intents.REJECTED: f"Already rejected by {by}.",
        intents.EXPIRED: "Too late: the time to approve is over.",
        intents.VOID: f"No longer open: {by}.",
    }.get(decision, "Already decided.")[:200]
