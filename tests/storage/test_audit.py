"""The audit trail: each row seals the one before; what was changed afterwards shows."""

from datetime import timedelta, timezone
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from storage import audit
from storage.engine import Database
from storage.tables import audit as table
from storage.tables import metadata
from tests.storage.rows import NOW, later


def fill(connection, count=5):
    for number in range(count):
        audit.append(
            connection,
            later(seconds=number),
            "thing.happened",
            alert_id=f"a{number}",
            number=number,
            word="é",
        )


def test_an_untouched_trail_verifies(connection):
    assert audit.first_broken(connection) is None
    fill(connection)
    assert audit.first_broken(connection) is None


def test_the_first_row_is_sealed_on_the_genesis_and_each_next_on_the_one_before(connection):
    fill(connection)
    rows = list(connection.execute(select(table).order_by(table.c.seq)))
    assert rows[0].previous_hash == audit.GENESIS
    assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert len({row.hash for row in rows}) == len(rows)


@pytest.mark.parametrize(
    "change",
    [
        "detail = '{\"number\":9}'",
        "event = 'thing.else'",
        "alert_id = 'a9'",
        "alert_id = NULL",
        "intent_id = 'i'",
        "at = at + 1",
        "hash = 'f' || substr(hash, 2)",
        "previous_hash = 'f' || substr(previous_hash, 2)",
    ],
)
def test_a_changed_row_is_found(connection, change):
    fill(connection)
    connection.exec_driver_sql(f"UPDATE audit SET {change} WHERE seq = 3")
    assert audit.first_broken(connection) in {3, 4}


def test_a_row_taken_out_is_found(connection):
    fill(connection)
    connection.exec_driver_sql("DELETE FROM audit WHERE seq = 2")
    assert audit.first_broken(connection) == 3


def test_two_rows_that_changed_places_are_found(connection):
    fill(connection)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        connection.exec_driver_sql(f"UPDATE audit SET seq = {new} WHERE seq = {old}")
    assert audit.first_broken(connection) == 2


def test_a_moment_of_another_time_zone_verifies_too(connection):
    india = timezone(timedelta(hours=5, minutes=30))
    audit.append(connection, NOW.astimezone(india), "thing.happened")
    assert audit.first_broken(connection) is None


def test_several_rows_at_once_are_sealed_in_their_order(connection):
    entries = [
        {"event": f"e{number}", "alert_id": None, "intent_id": None, "detail": {"b": 1, "a": number}}
        for number in range(3)
    ]
    audit.append_all(connection, NOW, entries)
    rows = list(connection.execute(select(table.c.event, table.c.detail).order_by(table.c.seq)))
    assert [tuple(row) for row in rows] == [(f"e{n}", f'{{"a":{n},"b":1}}') for n in range(3)]
    assert audit.first_broken(connection) is None


def test_nothing_appended_is_nothing_written(connection):
    audit.append_all(connection, NOW, [])
    assert list(connection.execute(select(table))) == []


def test_an_alerts_trail_is_its_own_and_oldest_first(connection):
    audit.append(connection, NOW, "alert.received", alert_id="a", body="x")
    audit.append(connection, NOW, "alert.received", alert_id="b", body="y")
    audit.append(connection, later(seconds=1), "intent.planned", alert_id="a", intent_id="a-1", tag="T")
    assert audit.trail(connection, "a") == [
        {"at": NOW, "event": "alert.received", "intent_id": None, "body": "x"},
        {"at": later(seconds=1), "event": "intent.planned", "intent_id": "a-1", "tag": "T"},
    ]


PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"), max_size=20)


@given(first=st.tuples(PARTS, PARTS, PARTS), second=st.tuples(PARTS, PARTS, PARTS))
def test_different_rows_have_different_seals(first, second):
    def seal(parts):
        event, alert_id, detail = parts
        return audit.seal(
            {
                "previous_hash": audit.GENESIS,
                "at": NOW,
                "event": event,
                "alert_id": alert_id,
                "intent_id": None,
                "detail": detail,
            }
        )

    assert (seal(first) == seal(second)) == (first == second)


def test_two_processes_append_to_one_chain_in_turn(tmp_path):
    """Each remembers what it appended last, and sees when that is not the last any more."""
    one, other = (Database(f"sqlite:///{tmp_path / 'manjha.db'}") for _ in range(2))
    one.write_now(metadata.create_all)
    for database in (one, one, other, other) * 3:
        database.write_now(lambda connection: audit.append(connection, NOW, "test.event"))
    assert one.write_now(audit.first_broken) is None
    assert one.write_now(audit.last_seq) == 12


def test_an_append_that_was_taken_back_leaves_the_chain_whole(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'manjha.db'}")
    database.write_now(metadata.create_all)

    def fail(connection):
        audit.append(connection, NOW, "test.lost")
        raise LookupError

    database.write_now(partial(audit.append, at=NOW, event="test.first"))
    with pytest.raises(LookupError):
        database.write_now(fail)
    database.write_now(partial(audit.append, at=NOW, event="test.second"))
    assert database.write_now(audit.first_broken) is None
    assert database.write_now(audit.last_seq) == 2
