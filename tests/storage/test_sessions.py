"""The day's login, and the one-time states that begin one."""

from storage import sessions
from tests.storage.rows import NOW, later


def put(connection, venue="live", user="AB1234"):
    sessions.put(
        connection,
        at=NOW,
        venue=venue,
        user_id=user,
        user_name="Asha",
        access_token="sealed",
        expires_at=later(hours=20),
    )


def test_a_venue_has_one_session_the_newest(connection):
    put(connection)
    put(connection, user="CD5678")
    put(connection, venue="paper")
    assert sessions.get(connection, "live").user_id == "CD5678"
    assert sessions.drop(connection, "live", NOW, "died", NOW)
    assert not sessions.drop(connection, "live", NOW, "died", NOW)
    assert sessions.get(connection, "live") is None
    assert sessions.get(connection, "paper") is not None


def test_the_audit_trail_tells_of_sessions_and_never_their_tokens(connection):
    put(connection)
    sessions.drop(connection, "live", NOW, "died", NOW)
    rows = connection.exec_driver_sql("SELECT event, detail FROM audit").fetchall()
    assert [row.event for row in rows] == ["session.opened", "session.ended"]
    assert "sealed" not in str(rows)


def test_a_login_state_is_good_once(connection):
    sessions.begin_login(connection, "s1", "live", NOW)
    assert sessions.use_login_state(connection, "s1", later(seconds=5)) == "live"
    assert sessions.use_login_state(connection, "s1", later(seconds=6)) is None


def test_a_wrong_or_an_old_state_is_worth_nothing(connection):
    sessions.begin_login(connection, "s1", "live", NOW)
    assert sessions.use_login_state(connection, "s2", NOW) is None
    assert sessions.use_login_state(connection, "s1", later(minutes=15, seconds=1)) is None
    assert sessions.use_login_state(connection, "s1", later(minutes=15)) == "live"


def test_old_states_are_cleared_away_by_the_next_login(connection):
    sessions.begin_login(connection, "s1", "live", NOW)
    sessions.begin_login(connection, "s2", "live", later(minutes=16))
    rows = connection.exec_driver_sql("SELECT state FROM login_states").fetchall()
    assert [row.state for row in rows] == ["s2"]
