"""After many trials: the database is whole, the audit chain holds, no secret is in the logs."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.audit import GENESIS, seal
from tests.acceptance.stage import API_SECRET, SECRET, TOKEN
from tests.crash.stage import ArmedStage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STOP_SECONDS = 12.0


async def audit(stage: ArmedStage) -> list[str]:
    """Stops the gateway; what is wrong with what it leaves behind."""
    began = asyncio.get_running_loop().time()
    status = 0 if stage.ended.is_set() else await stage.stop_gateway()
    took = asyncio.get_running_loop().time() - began
    faults = [] if status == 0 and took < STOP_SECONDS else [f"P11: stopped with {status} after {took:.0f} s"]
    folder = stage.folder
    return faults + broken_database(folder / "data" / "manjha.db") + leaked(folder)


def broken_database(path: Path) -> list[str]:
    """SQLite's own check, and ours of the chain (P12)."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        rows = connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
    faults = [] if verdict == "ok" else [f"P12: integrity_check says {verdict}"]
    previous = GENESIS
    for row in rows:
        values = {**dict(row), "at": _EPOCH + timedelta(microseconds=row["at"])}
        if row["previous_hash"] != previous or seal(values) != row["hash"]:
            return [*faults, f"P12: the audit chain breaks at {row['seq']}"]
        previous = row["hash"]
    return faults


def leaked(folder: Path) -> list[str]:
    """Secrets in anything the gateway wrote but its configuration (P10)."""
    logs = [*folder.glob("gateway.log*"), *folder.glob("logs/*")]
    return [
        f"P10: {name} stands in {log.name}"
        for log in logs
        for name, secret in (
            ("the webhook's secret", SECRET),
            ("the API secret", API_SECRET),
            ("the token", TOKEN),
        )
        if secret.encode() in log.read_bytes()
    ]
