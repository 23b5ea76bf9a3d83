"""What an exit cannot close while an order of ours is under way: kept until that is settled."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from gateway.domain.order import AlertState, new_alert_id
from gateway.domain.signal import Action
from gateway.exits import LeftOut
from gateway.lanes import Accepted
from storage import alerts, kept_exits
from storage.alerts import Arrival
from storage.kept_exits import KeptState
from storage.notices import Outbox


def keep_whole(
    connection: Connection, outbox: Outbox, alert: Accepted, venue: str, left: Sequence[LeftOut], at: datetime
) -> bool:
    """Keeps an exit that closes nothing now; False where no order of ours explains that, and for exits from
    inside, which are tried again by who sent them."""
    waits = [each.why for each in left if each.passes]
    if alert.signal.by_owner or not waits:
        return False
    _keep(connection, outbox, alert, venue, "; ".join(waits), at)
    return True


def keep_rests(
    connection: Connection, outbox: Outbox, alert: Accepted, venue: str, left: Sequence[LeftOut], at: datetime
) -> None:
    """The same for what an exit leaves out: each an alert of its own, as old as the exit, refused for now."""
    for each in left:
        if each.passes:
            rest = _rest_of(connection, alert, each)
            alerts.settle(connection, rest.alert_id, AlertState.REFUSED, each.why, at)
            _keep(connection, outbox, rest, venue, each.why, at)


def _rest_of(connection: Connection, alert: Accepted, left: LeftOut) -> Accepted:
    alert_id = new_alert_id()
    signal = replace(
        alert.signal,
        action=Action.EXIT,
        tradingsymbol=left.contract.tradingsymbol,
        product=left.product,
        quantity=left.units,
        lots=None,
    )
    arrival = Arrival(
        alert_id=alert_id,
        received_at=alert.received_at,
        source=f"rest: {alert.alert_id}",
        body=f"{left.units} {left.contract.tradingsymbol} that alert {alert.alert_id} left out".encode(),
        body_hash=hashlib.sha256(alert_id.encode()).hexdigest(),
        strategy=alert.strategy,
        dedupe_key=None,
        signal=signal,
    )
    alerts.store(connection, [arrival])
    return replace(alert, alert_id=alert_id, signal=signal)


def _keep(
    connection: Connection, outbox: Outbox, alert: Accepted, venue: str, why: str, at: datetime
) -> None:
    values = {"alert_id": alert.alert_id, "venue": venue, "strategy": alert.strategy, "why": why}
    kept_exits.add(connection, KeptState.BEHIND, values, at)
    outbox.show(connection, f"exit:{alert.alert_id}", at=at)
