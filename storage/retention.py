"""What is cleared away once it has served: sent messages, finished logins, runs of timed jobs.

Never the trail: alerts, intents, approvals, orders, fills, holdings, guards and the audit rows stay (an
algorithm's records are asked for up to five years back), and every hot look at them goes by an index.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from gateway.domain.market import trading_date
from storage.notices import DUE
from storage.tables import alerts, job_runs, login_states, messages, notices

#: How a message's subject begins when it is an alert's card.
_CARD = "alert:"


@dataclass(frozen=True, kw_only=True)
class Old:
    """What was there when it was looked for: notices up to a number, and what is older than a moment."""

    before: datetime
    last_notice: int


def find(connection: Connection, before: datetime) -> Old:
    """The bounds of what is older than `before`; reads alone, so that the writer is not held up."""
    last = connection.scalar(select(func.max(notices.c.seq)).where(notices.c.created_at < before))
    return Old(before=before, last_notice=last or 0)


def clear_some(connection: Connection, old: Old, count: int) -> int:
    """Takes away at most `count` rows a table, oldest first; how many went in all, 0 when none is left."""
    some_notices = (
        select(notices.c.seq)
        .where((notices.c.seq <= old.last_notice) & (notices.c.state != DUE))
        .order_by(notices.c.seq)
        .limit(count)
    )
    some_logins = (
        select(login_states.c.state)
        .where((login_states.c.created_at < old.before) & (login_states.c.venue != ""))
        .limit(count)
    )
    statements = (
        delete(notices).where(notices.c.seq.in_(some_notices)),
        delete(job_runs).where(job_runs.c.day < trading_date(old.before)),
        delete(login_states).where(login_states.c.state.in_(some_logins)),
    )
    return sum(connection.execute(statement).rowcount for statement in statements)


def old_cards(connection: Connection, before: datetime, count: int) -> list[str]:
    """At most `count` subjects of alerts older than `before` whose message is still remembered.

    Nothing about them changes any more; a card that is drawn all the same becomes a new message.
    """
    # Written so that each remembered message finds its alert by the alert's own index.
    own_alert = alerts.c.id == func.substr(messages.c.subject, len(_CARD) + 1)
    statement = (
        select(messages.c.subject)
        .distinct()
        .join(alerts, messages.c.subject.startswith(_CARD, autoescape=True) & own_alert)
        .where(alerts.c.received_at < before)
        .limit(count)
    )
    return list(connection.scalars(statement))


def forget_cards(connection: Connection, subjects: list[str]) -> int:
    """These alerts' messages are not remembered any more; how many there were."""
    return connection.execute(delete(messages).where(messages.c.subject.in_(subjects))).rowcount
