"""The outbox: what the owner is owed, kept until Telegram has taken it."""

from storage import notices
from storage.notices import Outbox, Priority
from tests.storage.rows import NOW, later

OUTBOX = Outbox(chat_ids=(1, 2))


def due(connection, at=NOW, limit=100):
    return notices.due(connection, at, limit)


def test_every_chat_is_told(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    assert [(row.chat_id, row.text, row.card) for row in due(connection)] == [
        (1, "hello", False),
        (2, "hello", False),
    ]


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
    first, second = due(connection)
    notices.mark_sent(connection, [first.seq], later(seconds=1))
    assert [row.seq for row in due(connection)] == [second.seq]
    assert notices.waiting(connection) == 1


def test_what_telegram_did_not_take_comes_again_later_and_is_never_dropped(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    seqs = [row.seq for row in due(connection)]
    for attempt in range(1, 51):
        notices.postpone(connection, seqs, later(seconds=attempt), "429")
        assert due(connection, later(seconds=attempt - 0.001)) == []
        assert len(due(connection, later(seconds=attempt))) == 2
    assert {row.attempts for row in due(connection, later(hours=1))} == {50}


def test_what_telegram_will_never_take_is_given_up_with_the_reason(connection):
    OUTBOX.tell(connection, "hello", at=NOW)
    notices.give_up(connection, [row.seq for row in due(connection)], "blocked")
    assert due(connection) == []
    rows = connection.exec_driver_sql("SELECT state, failure FROM notices").fetchall()
    assert {tuple(row) for row in rows} == {("failed", "blocked")}


def test_a_notice_already_sent_is_neither_postponed_nor_given_up(connection):
    Outbox(chat_ids=(1,)).tell(connection, "hello", at=NOW)
    (row,) = due(connection)
    notices.mark_sent(connection, [row.seq], NOW)
    notices.postpone(connection, [row.seq], later(seconds=9), "x")
    notices.give_up(connection, [row.seq], "x")
    (kept,) = connection.exec_driver_sql("SELECT state, attempts FROM notices").fetchall()
    assert tuple(kept) == ("sent", 1)


def test_the_earliest_waiting_notice_says_when_to_look(connection):
    assert notices.next_due(connection) is None
    OUTBOX.tell(connection, "hello", at=later(seconds=5))
    OUTBOX.tell(connection, "hello", at=later(seconds=3))
    assert notices.next_due(connection) == later(seconds=3)


def test_a_subjects_card_is_one_message_a_chat(connection):
    assert notices.message_of(connection, 1, "alert:a") is None
    notices.remember_message(connection, 1, "alert:a", 10)
    notices.remember_message(connection, 2, "alert:a", 20)
    notices.remember_message(connection, 1, "alert:a", 11)
    assert notices.message_of(connection, 1, "alert:a") == 11
    notices.forget_message(connection, 1, "alert:a")
    assert notices.message_of(connection, 1, "alert:a") is None
    assert notices.message_of(connection, 2, "alert:a") == 20
