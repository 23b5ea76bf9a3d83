"""The outbox: what the owner is owed, kept until Telegram has taken it."""

from storage import notices
from storage.notices import Outbox, Priority
from tests.storage.rows import NOW, later

OUTBOX = Outbox(chat_ids=(1, 2))


def due(connection, chat_id=1, limit=100):
    return notices.due(connection, chat_id, limit)


def test_every_chat_is_told(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    for chat_id in (1, 2):
        assert [(row.text, row.card) for row in due(connection, chat_id)] == [("hello", False)]


def test_nobody_to_tell_is_no_fault(connection):
    Outbox(chat_ids=()).tell(connection, "hello", at=NOW)
    assert due(connection) == []


def test_questions_go_before_facts_and_facts_before_chatter(connection):
    one = Outbox(chat_ids=(1,))
    for text, priority in (("chatter", 9), ("fact", 5), ("question", 0), ("fact 2", 5)):
        one.tell(connection, text, at=NOW, priority=Priority(priority))
    assert [row.text for row in due(connection)] == ["question", "fact", "fact 2", "chatter"]
    assert [row.text for row in due(connection, limit=2)] == ["question", "fact"]


def test_a_card_has_no_text_until_it_is_drawn(connection):
    Outbox(chat_ids=(1,)).show(connection, "alert:a", at=NOW)
    (row,) = due(connection)
    assert (row.card, row.subject, row.text) == (True, "alert:a", None)


def test_what_is_sent_is_not_due_again(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    notices.mark_sent(connection, [row.seq for row in due(connection)], later(seconds=1))
    assert due(connection) == []
    assert len(due(connection, 2)) == 1
    assert notices.waiting(connection) == 1


def test_what_telegram_did_not_take_stays_due_and_is_never_dropped(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    seqs = [row.seq for row in due(connection)]
    for attempt in range(1, 51):
        notices.postpone(connection, seqs, later(seconds=attempt), "429")
    assert [row.attempts for row in due(connection)] == [50]


def test_until_when_a_chat_is_left_alone_outlives_a_restart(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    assert notices.closed_until(connection, 1) is None
    notices.postpone(connection, [row.seq for row in due(connection)], later(seconds=60), "429")
    assert notices.closed_until(connection, 1) == later(seconds=60)
    assert notices.closed_until(connection, 2) is None


def test_what_telegram_will_never_take_is_given_up_with_the_reason(connection):
    Outbox(chat_ids=(1,)).tell(connection, "hello", at=NOW)
    notices.give_up(connection, [row.seq for row in due(connection)], "malformed")
    assert due(connection) == []
    rows = connection.exec_driver_sql("SELECT state, failure FROM notices").fetchall()
    assert {tuple(row) for row in rows} == {("failed", "malformed")}


def test_who_is_no_owner_any_more_gets_nothing_of_what_waited(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    assert notices.give_up_foreign(connection, [2]) == 1
    assert due(connection, 1) == []
    assert len(due(connection, 2)) == 1


def test_a_notice_already_sent_is_neither_postponed_nor_given_up(connection):
    Outbox(chat_ids=(1,)).tell(connection, "hello", at=NOW)
    (row,) = due(connection)
    notices.mark_sent(connection, [row.seq], NOW)
    notices.postpone(connection, [row.seq], later(seconds=9), "x")
    notices.give_up(connection, [row.seq], "x")
    (kept,) = connection.exec_driver_sql("SELECT state, attempts FROM notices").fetchall()
    assert tuple(kept) == ("sent", 1)


def test_a_subjects_card_is_one_message_a_chat(connection):
    def place(chat_id):
        return notices.places_of(connection, chat_id, ["alert:a"]).get("alert:a")

    assert place(1) is None
    notices.remember_message(connection, 1, "alert:a", 10)
    notices.remember_message(connection, 2, "alert:a", 20)
    notices.remember_message(connection, 1, "alert:a", 11)
    assert (place(1), place(2)) == (11, 20)


def test_one_message_can_be_the_card_of_several_subjects(connection):
    for subject in ("alert:b", "alert:a"):
        notices.remember_message(connection, 1, subject, 10)
    notices.remember_message(connection, 2, "alert:c", 10)
    assert notices.subjects_in(connection, 1, 10) == ["alert:a", "alert:b"]
