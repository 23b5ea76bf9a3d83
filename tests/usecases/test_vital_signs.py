"""The figures: what the audit trail, the queues and the outside say, as Prometheus reads it."""

import math
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from gateway.domain.order import IntentState
from gateway.vital_signs import Outside, VitalSigns
from storage import alerts, flags, notices
from storage.engine import Database
from tests.storage.rows import NOW, add_intent, arrival, bought


class House:
    def __init__(self, path):
        self.database = Database(f"sqlite:///{path}")
        self.registry = CollectorRegistry()
        self.now = NOW + timedelta(seconds=30)
        self.outside = Outside(
            alive_sessions=lambda: {"live": False},
            telegram_silence=lambda: 12.5,
            last_backup=lambda: None,
            is_trail_broken=lambda: True,
        )
        self.signs = VitalSigns(self.registry, self.database, self.outside, lambda: self.now)

    def figure(self, name, **labels):
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
async def house(tmp_path, template):
    found = House(template.copy(tmp_path))
    yield found
    await found.database.close()


async def test_events_are_counted_once_and_only_since_the_start(house):
    await house.database.write(bought)
    await house.signs.look()
    assert house.figure("manjha_events_total", event="intent.placed") is None
    await house.database.write(bought)
    await house.signs.look()
    await house.signs.look()
    assert house.figure("manjha_events_total", event="intent.placed") == 1
    assert house.figure("manjha_events_total", event="order.filled") == 1
    assert house.figure("manjha_alert_to_order_seconds_count", asked="no") == 1
    assert house.figure("manjha_alert_to_fill_seconds_count", asked="no") == 1


async def test_queues_tell_how_many_wait_and_how_long_the_oldest_has(house):
    def work(connection):
        alerts.store(connection, [arrival(), arrival(received_at=NOW + timedelta(seconds=10))])
        add_intent(connection, state=IntentState.AWAITING_APPROVAL)
        add_intent(connection, state=IntentState.UNKNOWN)
        notices.Outbox(chat_ids=(1, 2)).tell(connection, "x", at=NOW)
        flags.put(connection, flags.KILL_SWITCH, "on", by="Asha", at=NOW)

    await house.database.write(work)
    await house.signs.look()
    queues = {
        name: (
            house.figure("manjha_queue_waiting", queue=name),
            house.figure("manjha_queue_oldest_seconds", queue=name),
        )
        for name in ("planning", "approval", "execution", "outbox")
    }
    assert queues == {"planning": (2, 30), "approval": (1, 30), "execution": (0, 0), "outbox": (2, 30)}
    assert house.figure("manjha_unknown_orders") == 1
    assert house.figure("manjha_kill_switch") == 1


async def test_what_stands_outside_the_database(house):
    await house.signs.look()
    assert house.figure("manjha_session_alive", venue="live") == 0
    assert house.figure("manjha_telegram_silence_seconds") == 12.5
    assert house.figure("manjha_audit_trail_broken") == 1
    assert math.isnan(house.figure("manjha_session_age_seconds", venue="live"))
    assert math.isnan(house.figure("manjha_backup_age_seconds"))


async def test_a_database_that_cannot_be_read_leaves_the_last_figures(house):
    await house.signs.look()
    await house.database.write(lambda c: c.exec_driver_sql("ALTER TABLE notices RENAME TO gone"))
    await house.signs.look()
    assert house.figure("manjha_unknown_orders") == 0
