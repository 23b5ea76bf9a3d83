"""The acceptance stage with a gateway whose checkpoints can be armed, killed and started again."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.acceptance.stage import RISK, Stage
from tests.crash.birth import Child, Nursery
from tests.crash.strikes import Passing, Strike

#: Strategies with approval off and on; each trial takes a name of its own.
NAMES = 200
START_SECONDS = 60.0
#: Limits that no trial meets: other tests are about limits.
WIDE = {
    **RISK,
    "max_open_positions": 5000,
    "max_orders_per_day": 5000,
    "max_daily_loss": 10_000_000,
    "max_premium_per_order": 10_000_000,
}


class Ended(Exception):
    """The gateway's process is gone."""


class ArmedStage(Stage):
    """Exchange and phone stay; gateways come and go."""

    def __init__(
        self, folder: Path, http: aiohttp.ClientSession, *options: str, nursery: Nursery | None = None
    ) -> None:
        """`options` are the armed script's; a nursery given is shared and left open."""
        super().__init__(folder, http)
        self._nursery = nursery or Nursery()
        self._owns_nursery = nursery is None
        self._child: Child | None = None
        self.plant: str | None = None
        self.options = options
        self._talker: asyncio.Task[None] | None = None
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        #: What struck in the present gateway, if something did.
        self.struck: dict[str, Any] | None = None
        self.ended = asyncio.Event()
        self.restarts = 0

    async def open_wide(self, age: int = 600, **changes: Any) -> None:
        """Opens with limits that no trial meets, and starts a gateway that is logged in; an entry may be so
        many seconds old."""
        asking = {f"confirm-{number:04}": {"approval": "confirm"} for number in range(NAMES)}
        plain = {f"auto-{number:04}": {"approval": "auto"} for number in range(NAMES)}
        patient = {
            "approval": "auto",
            "approval_timeout_seconds": 600,
            "max_alert_age_seconds": age,
            "square_off": "none",
            # On the eve of its expiry an option costs a few paise, and a tick moves it by a sixth.
            "max_price_drift": 1000,
        }
        await self.open(risk=WIDE, defaults=patient, strategies={**asking, **plain}, **changes)
        await self.start_gateway()
        await self.log_in()
        await self.until_ready()

    async def start_gateway(self, strike: Strike | None = None) -> None:
        """Starts a gateway. Raises Ended when a strike ended it before it served."""
        options = [*self.options, *(("--plant", self.plant) if self.plant else ())]
        if strike is not None:
            options += ["--strike", msgspec.json.encode(strike).decode()]
        argv = [*options, "--", "run", "--config", str(self.write_settings())]
        self.struck, self.ended, self._answers = None, asyncio.Event(), asyncio.Queue()
        self._child = await self._nursery.birth(argv, self.folder, self.folder / "gateway.log")
        served: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._talker = asyncio.create_task(self._listen(self._child, served, self.ended))
        line = await asyncio.wait_for(served, START_SECONDS)
        self.url = line.split(" at ")[1].split("/webhook")[0]

    async def _listen(self, child: Child, served: asyncio.Future[str], ended: asyncio.Event) -> None:
        """Sorts the lines of one gateway: the announcement, what struck, the answers to commands."""
        while line := await child.line():
            if line.startswith(b'{"struck"'):
                self.struck = msgspec.json.decode(line)
            elif line.startswith(b'{"answer"'):
                self._answers.put_nowait(msgspec.json.decode(line)["answer"])
            elif b" at http" in line and not served.done():
                served.set_result(line.decode())
        await child.died
        child.let_go()
        ended.set()
        self._answers.put_nowait(Ended())
        if not served.done():
            served.set_exception(Ended())
            served.exception()  # awaited or not, it is heard

    async def kill_gateway(self) -> None:
        if self._child is not None:
            await self._child.end(signal.SIGKILL)

    async def stop_gateway(self) -> int:
        assert self._child is not None
        return await self._child.end(signal.SIGTERM)

    async def command(self, do: str, **values: Any) -> Any:
        """Asks the armed script. Raises Ended when the gateway is gone."""
        assert self._child is not None
        if self.ended.is_set():
            raise Ended
        self._child.tell(msgspec.json.encode({"do": do, **values}))
        answer = await asyncio.wait_for(self._answers.get(), START_SECONDS)
        if isinstance(answer, Ended):
            self._answers.put_nowait(answer)
            raise answer
        return answer

    async def arm(self, strike: Strike | None) -> None:
        """Counts the checkpoints passed from here on, and strikes."""
        self.struck = None
        await self.command("arm", strike=msgspec.to_builtins(strike))

    async def disarm(self) -> list[Passing]:
        """What was passed since it was armed."""
        return msgspec.convert(await self.command("disarm"), list[Passing])

    async def until_ready(self, within: float = 60.0) -> None:
        """Until orders can go out and Telegram is heard."""

        async def ready() -> bool:
            return bool(await self.command("ready"))

        await self.until(ready, "the gateway is ready", within=within)

    async def restart(self, strike: Strike | None = None) -> None:
        """Another gateway in the place of one that is gone, or is killed now."""
        await self.kill_gateway()
        await self.ended.wait()
        self.restarts += 1
        await self.start_gateway(strike)

    async def manjha(self, *words: str) -> str:
        """A short command beside the gateway, on its database; what it printed."""
        command = (sys.executable, "-m", "gateway", *words, "--config", str(self.write_settings()))
        root = str(Path(__file__).parents[2])
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env={"PYTHONPATH": root}, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
        return output.decode()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of our own database, read from outside."""
        path = self.folder / "data" / "manjha.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def owed(self) -> int:
        """Notices that Telegram has not got yet."""
        return int(self.rows("SELECT count(*) FROM notices WHERE state = 'due'")[0][0])

    async def clear_faults(self) -> None:
        async with self.http.delete(f"{self.paper['url']}/_paper/faults") as answer:
            assert answer.status == 200

    async def close(self) -> None:
        await self.kill_gateway()
        await super().close()
        if self._talker is not None:
            await self._talker
        if self._owns_nursery:
            await self._nursery.close()
