"""Flags outlive a restart, and say who set them."""

from storage import audit, flags
from tests.storage.rows import NOW


def test_a_flag_is_set_read_replaced_and_taken_away(connection):
    assert flags.value(connection, "a") is None
    flags.put(connection, "a", "1", by="Asha", at=NOW)
    flags.put(connection, "a", "2", by="Ravi", at=NOW)
    assert flags.all_values(connection) == {"a": "2"}
    assert flags.clear(connection, "a", by="Asha", at=NOW)
    assert not flags.clear(connection, "a", by="Asha", at=NOW)
    assert flags.all_values(connection) == {}


def test_who_set_and_cleared_it_is_in_the_audit_trail(connection):
    flags.put(connection, "kill_switch", "on", by="Asha", at=NOW)
    flags.clear(connection, "kill_switch", by="Ravi", at=NOW)
    flags.clear(connection, "kill_switch", by="nobody", at=NOW)
    rows = connection.exec_driver_sql("SELECT event, detail FROM audit ORDER BY seq").fetchall()
    assert [tuple(row) for row in rows] == [
        ("flag.set", '{"by":"Asha","name":"kill_switch","value":"on"}'),
        ("flag.cleared", '{"by":"Ravi","name":"kill_switch"}'),
    ]
    assert audit.first_broken(connection) is None
