"""kill -9 under load, in rounds: what was acknowledged is on disk, byte for byte, and is settled afterwards.

`python -m tests.crash.load --rounds 100 --seed N`.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.crash import after
from tests.crash.stage import ArmedStage
from tests.crash.trial import ENTRY, EXIT, PATIENCE_SECONDS

SENDERS = 8
LONGEST_SECONDS = 0.6
#: Of so many alerts one is a real entry; the rest are exits with nothing to close, and nonsense that is kept.
ENTRY_EVERY = 40


@dataclass(kw_only=True)
class Load:
    """Senders without a pause, a gateway that dies under them again and again."""

    stage: ArmedStage
    chance: random.Random
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    unanswered: int = 0
    lost: list[str] = field(default_factory=list)
    _number: int = 0

    async def rounds(self, count: int) -> None:
        """So many crashes; after each, what was acknowledged must be on disk."""
        for _ in range(count):
            senders = [asyncio.create_task(self._send()) for _ in range(SENDERS)]
            before = len(self.acknowledged)
            await self._until(lambda before=before: len(self.acknowledged) > before)
            # The moment of the crash is what is being tried.
            await asyncio.sleep(self.chance.uniform(0, LONGEST_SECONDS))
            await self.stage.kill_gateway()
            await asyncio.gather(*senders)
            self._look()
            await self.stage.start_gateway()
        await self._until(lambda: not self._unplanned())
        self._look()

    async def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{self._unplanned()} alerts are not planned"
            await asyncio.sleep(0.02)

    async def _send(self) -> None:
        """Alert after alert, until one is not answered: the gateway is gone."""
        while True:
            body = self._body()
            try:
                answer = await self.stage.alert(body)
            except (aiohttp.ClientError, TimeoutError):
                self.unanswered += 1
                return
            if "alert_id" in answer and answer["http"] in (200, 400):
                self.acknowledged[answer["alert_id"]] = body

    def _body(self) -> bytes:
        self._number += 1
        if self._number % ENTRY_EVERY == 0:
            return self._json(ENTRY, "auto-0001")
        if self._number % 5 == 0:
            return f'{{"action": "BUY", "strike": "{{{{close}}}}", "n": {self._number}}}'.encode()
        return self._json(EXIT, f"auto-{100 + self._number % 90:04}")

    def _json(self, signal: dict[str, object], strategy: str) -> bytes:
        return json.dumps({**signal, "strategy": strategy, "id": f"n-{self._number}"}).encode()

    def _look(self) -> None:
        """By our own disk, read from outside."""
        kept = dict(self.stage.rows("SELECT id, body FROM alerts"))
        self.lost += [alert_id for alert_id, body in self.acknowledged.items() if kept.get(alert_id) != body]

    def _unplanned(self) -> int:
        return int(self.stage.rows("SELECT count(*) FROM alerts WHERE state = 'received'")[0][0])


async def load(folder: Path, *, rounds: int, seed: int) -> tuple[list[str], str]:
    """Runs it; what was lost or is wrong on disk, and a line about how it went."""
    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        stage = ArmedStage(folder, http)
        try:
            await stage.open_wide()
            run = Load(stage=stage, chance=random.Random(seed))
            await run.rounds(rounds)
            tags = [row["tag"] for row in (await stage.book())["attempts"]]
            faults = [f"P1: lost {alert_id}" for alert_id in run.lost] + await after.audit(stage)
            faults += ["P2: a tag was sent twice"] if len(tags) != len(set(tags)) else []
        finally:
            with contextlib.suppress(TimeoutError):
                await stage.close()
    return faults, (
        f"seed {seed}: {rounds} kill -9 under {SENDERS} senders, {len(run.acknowledged)} acknowledged, "
        f"{run.unanswered} cut off, {len(run.lost)} lost, {len(tags)} orders tried, "
        f"{time.monotonic() - began:.0f} s, {len(faults)} faults"
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="manjha-load-"))
    faults, line = asyncio.run(load(folder, **vars(options)))
    sys.stdout.write("\n".join([*faults, line, ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
