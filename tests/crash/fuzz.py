"""Broken bodies by the thousand against the real process: `python -m tests.crash.fuzz --bodies 10000`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from tests.crash import after
from tests.crash.stage import ArmedStage
from tests.ingress.conftest import SECRET
from tests.ingress.test_fuzz import ALLOWED, HEADERS, PATHS, mutated

AT_ONCE = 16


async def post(
    http: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    """Status and bytes of the answer."""
    async with http.post(url, data=body, headers=headers, skip_auto_headers=["Content-Type"]) as answer:
        return answer.status, await answer.read()


async def fuzz(folder: Path, *, bodies: int, seed: int) -> tuple[list[str], str]:
    """Sends them; answers that the contract does not know, tracebacks in the log, and a line about it."""
    began, chance, statuses = time.monotonic(), random.Random(seed), Counter[int]()
    wrong: list[str] = []
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as http:
        stage = ArmedStage(folder, http)
        try:
            await stage.open_wide(webhook_secret=SECRET)

            async def one() -> None:
                path, body, headers = chance.choice(PATHS), mutated(chance), chance.choice(HEADERS)
                try:
                    status, text = await post(http, f"{stage.url}{path}", body, headers)
                except aiohttp.ClientError:
                    # A kept connection that the door has just closed (413); once more, on a fresh one.
                    status, text = await post(http, f"{stage.url}{path}", body, headers)
                statuses[status] += 1
                if status not in ALLOWED or b'"success"' not in text:
                    wrong.append(f"{status} {path} {headers} {body[:200]!r}: {text[:200]!r}")

            async def some(count: int) -> None:
                for _ in range(count):
                    await one()

            await asyncio.gather(*(some(bodies // AT_ONCE) for _ in range(AT_ONCE)))
            kept = stage.rows("SELECT count(*) FROM alerts")[0][0]
            wrong += await after.audit(stage)
        finally:
            await stage.close()
    log = (folder / "gateway.log").read_text(errors="replace")
    wrong += [f"a traceback: {log[at : at + 1500]}" for at in [log.find("Traceback")] if at >= 0]
    spread = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    return wrong, (
        f"seed {seed}: {statuses.total()} bodies, {spread}; {kept} alerts kept; "
        f"{time.monotonic() - began:.0f} s, {len(wrong)} faults"
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    faults, line = asyncio.run(fuzz(Path(tempfile.mkdtemp(prefix="manjha-fuzz-")), **vars(options)))
    sys.stdout.write("\n".join([*faults, line, ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
