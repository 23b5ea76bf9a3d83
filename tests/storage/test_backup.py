"""Backups: what has a backup's name is whole, private, and as new as its moment."""

import sqlite3
import stat
import threading
from contextlib import closing
from datetime import date

import pytest

from storage import backup
from storage.backup import BackupFailed, back_up
from tests.storage.rows import bought


def rows(path, table="alerts"):
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def test_a_copy_holds_what_was_committed_is_private_and_one_file(database, path, tmp_path):
    await database.write(bought)
    size = back_up(database.url, tmp_path / "folder" / "copy.db")
    (copy,) = (tmp_path / "folder").iterdir()
    assert (copy.stat().st_size, rows(copy), backup.verdict(copy)) == (size, 1, "ok")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


async def test_a_backup_is_never_overwritten(database, tmp_path):
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(BackupFailed, match="there already"):
        back_up(database.url, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


async def test_a_copy_that_does_not_verify_never_gets_its_name(database, path, tmp_path):
    await database.write(bought)
    await database.close()
    torn = bytearray(path.read_bytes())
    torn[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    path.write_bytes(torn)
    for name in ("manjha.db-wal", "manjha.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    with pytest.raises(BackupFailed, match="no good copy"):
        back_up(database.url, tmp_path / "folder" / "copy.db")
    assert list((tmp_path / "folder").iterdir()) == []


async def test_what_was_torn_before_is_no_hindrance(database, tmp_path):
    (tmp_path / "copy.db.part").write_text("the power failed here")
    assert back_up(database.url, tmp_path / "copy.db") > 0
    assert not (tmp_path / "copy.db.part").exists()


async def test_a_copy_made_under_steady_commits_is_whole(database, path, tmp_path):
    ended = threading.Event()

    def commit():
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            number = 0
            while not ended.is_set():
                number += 1
                other.execute(
                    "INSERT OR REPLACE INTO flags(name, value, set_at, set_by) VALUES (?, ?, 0, '')",
                    (f"n{number % 50}", "x" * 200),
                )

    writer = threading.Thread(target=commit)
    writer.start()
    try:
        for number in range(3):
            back_up(database.url, tmp_path / f"copy{number}.db")
    finally:
        ended.set()
        writer.join()
    assert backup.verdict(tmp_path / "copy2.db") == "ok"


def test_the_newest_are_kept_and_what_is_none_of_ours_is_left_alone(tmp_path):
    for day in range(1, 21):
        backup.daily(tmp_path, date(2026, 11, day)).touch()
    others = {"manjha-20261101T000000-before-schema-0002.db", "mine.db", "mine.db.part"}
    for name in [*others, "manjha-2026-11-01.db.part"]:
        (tmp_path / name).touch()
    assert len(backup.prune(tmp_path, 14)) == 7
    left = {path.name for path in tmp_path.iterdir()}
    assert left == others | {f"manjha-2026-11-{day:02d}.db" for day in range(7, 21)}


def test_another_database_is_not_copied_here(tmp_path):
    with pytest.raises(BackupFailed, match="only the SQLite database"):
        back_up("postgresql+psycopg://somewhere/manjha", tmp_path / "copy.db")
    assert backup.before_change("postgresql+psycopg://somewhere/manjha", tmp_path, "x", None) is None
