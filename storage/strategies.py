"""Strategies as the tables know them: who ever spoke, and what each did since a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from storage.tables import alerts, fills, holdings

#: Who spoke among so many of the newest alerts is known; a table of a million is not read for a list.
REMEMBERED = 20_000


@dataclass(frozen=True, kw_only=True)
class Activity:
    """How many alerts came, how many fills, and what these realised before charges (paise)."""

    alerts: int = 0
    fills: int = 0
    realised_paise: int = 0


def known(connection: Connection, configured: Iterable[str]) -> list[str]:
    """Every strategy that the configuration names, in its order, then every other that spoke or holds."""
    names = list(configured)
    newest = select(alerts.c.strategy).order_by(alerts.c.seq.desc()).limit(REMEMBERED).subquery()
    spoke = set(connection.scalars(select(newest.c.strategy).distinct()))
    holding = select(holdings.c.strategy).where(holdings.c.quantity > 0).distinct()
    return names + sorted((spoke | set(connection.scalars(holding))) - set(names))


def activity(connection: Connection, since: datetime) -> dict[str, Activity]:
    """What each strategy did since then; one that did nothing is missing."""
    # Alerts are numbered as they come: from the newest back to the first older one, not through all of them.
    older = select(alerts.c.seq).where(alerts.c.received_at < since).order_by(alerts.c.seq.desc()).limit(1)
    last_before = connection.scalar(older) or 0
    heard = select(alerts.c.strategy, func.count()).where(alerts.c.seq > last_before)
    filled = select(fills.c.strategy, func.count(), func.sum(fills.c.realised_paise))
    counts = {row[0]: row[1] for row in connection.execute(heard.group_by(alerts.c.strategy))}
    done = {
        name: (count, realised)
        for name, count, realised in connection.execute(
            filled.where(fills.c.filled_at >= since).group_by(fills.c.strategy)
        )
    }
    return {
        name: Activity(
            alerts=counts.get(name, 0),
            fills=done.get(name, (0, 0))[0],
            realised_paise=int(done.get(name, (0, 0))[1] or 0),
        )
        for name in counts.keys() | done.keys()
    }
