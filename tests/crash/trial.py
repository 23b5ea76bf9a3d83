"""One trial: an alert, a fault of the broker, a strike at a checkpoint; and all that it is judged by."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from gateway.domain.order import make_tag
from tests.acceptance.stage import SECRET
from tests.crash.broker_faults import SLOW_SECONDS, broker_faults
from tests.crash.stage import ArmedStage, Ended
from tests.crash.strikes import CANCEL, HOLD, TERM, Passing, Strike

#: Of the expiry after the nearest: on the eve of an expiry its options cost a few paise, and no order fills.
ENTRY = {
    "action": "BUY",
    "symbol": "NIFTY",
    "option_type": "CE",
    "strike": 24500,
    "expiry": "next",
    "lots": 1,
}
EXIT = {"action": "SELL", "symbol": "NIFTY", "option_type": "CE"}
#: Nothing more happens by itself.
FINAL = frozenset({"invalid", "stale", "refused", "rejected", "expired", "filled", "failed"})
PATIENCE_SECONDS = 120.0
#: So long a message may be on its way when the evidence is taken.
OWED_SECONDS = 10.0
#: A planted bug may leave an alert unsettled for ever.
PLANTED_PATIENCE_SECONDS = 8.0
PRESS_AGAIN_SECONDS = 3.0
#: More parts than any alert here has: its slice, and that one's rests when it is sent anew.
PARTS = tuple(100 * chase + part for chase in range(8) for part in range(3))

#: An entry, with approval off and on; an exit; two at once; the kill switch by command line while the gateway
#: is held, and by the phone while a question is open; a login.
AUTO, CONFIRM, SALE, TWO_SALES = "entry", "asked", "exit", "two exits"
STOP, STOP_PRESSED, LOGIN = "kill switch", "kill switch pressed", "login"
SCENARIOS = (AUTO, CONFIRM, SALE, TWO_SALES, STOP, STOP_PRESSED, LOGIN)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`second` strikes while the gateway starts again after `strike`; `plant` is a bug put into it."""

    scenario: str
    fault: str = "none"
    strike: Strike | None = None
    second: Strike | None = None
    plant: str | None = None

    def __str__(self) -> str:
        strikes = [f"{each.mode} at {each.label} #{each.hit}" for each in (self.strike, self.second) if each]
        planted = f"{self.plant}: " if self.plant else ""
        return f"{planted}{self.scenario}, broker: {self.fault}, {', then '.join(strikes) or 'no strike'}"


@dataclass(kw_only=True)
class Sent:
    """An alert as its sender knows it."""

    body: bytes
    alert_id: str = ""
    answers: list[int] = field(default_factory=list)

    @property
    def action(self) -> str:
        return str(json.loads(self.body)["action"])

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that an order for this alert can carry."""
        return frozenset(make_tag(self.alert_id, part) for part in PARTS)


@dataclass(kw_only=True)
class Evidence:
    """What was seen of one trial from outside, and what our own books say."""

    trial: Trial
    strategy: str
    before: dict[str, Any]
    after: dict[str, Any] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    lives: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    passed: list[Passing] = field(default_factory=list)
    held: int = 0
    owed: int = 0
    struck: bool = False
    #: POSTs seen before the owner pressed Approve.
    unasked: int = 0
    press_again_at: float = 0.0
    #: When the kill switch was on for certain, and how many calls its thrower was told to be under way.
    stopped_at: datetime | None = None
    complaints: list[str] = field(default_factory=list)

    def new(self, name: str) -> list[dict[str, Any]]:
        """What this trial added to the exchange's books: attempts, accepted, orders or trades."""
        return list(self.after[name][len(self.before[name]) :])


class Runner:
    """Runs trials one after another on one stage."""

    def __init__(self, stage: ArmedStage, late: float) -> None:
        self._stage = stage
        self._patience = PATIENCE_SECONDS
        self._late = late
        self._count = 0
        self._second: Strike | None = None
        #: Two senders may find the gateway dead: one of them starts it again.
        self._looking_after = asyncio.Lock()

    async def run(self, trial: Trial) -> Evidence:
        """The trial from the first byte to the last message."""
        stage = self._stage
        self._second = trial.second
        self._patience = PATIENCE_SECONDS if trial.plant is None else PLANTED_PATIENCE_SECONDS
        await stage.clear_faults()
        if stage.ended.is_set() or stage.plant != trial.plant:
            stage.plant = trial.plant
            await stage.restart()
        await stage.until_ready()
        await stage.until(self._nothing_is_owed, "the messages of before are sent", within=30)
        self._count += 1
        kind = "confirm" if trial.scenario in (CONFIRM, STOP, STOP_PRESSED) else "auto"
        seen = Evidence(trial=trial, strategy=f"{kind}-{self._count:04}", before=await stage.book())
        if trial.scenario in (SALE, TWO_SALES):
            await self._send(seen, ENTRY)
            await self._settle(seen)
        await self._begin(seen)
        try:
            await self._act(seen)
            await self._settle(seen)
        finally:
            await self._end(seen)
        return seen

    async def _nothing_is_owed(self) -> bool:
        return not self._stage.owed()

    async def _begin(self, seen: Evidence) -> None:
        words = "".join(chr(ord("a") + int(digit)) for digit in f"{self._count:04}")
        await self._stage.faults(*broker_faults(words, self._late)[seen.trial.fault])
        await self._stage.arm(seen.trial.strike)

    async def _act(self, seen: Evidence) -> None:
        scenario = seen.trial.scenario
        if scenario == LOGIN:
            await self._log_in_again(seen)
        if scenario in (SALE, TWO_SALES):
            await asyncio.gather(*(self._send(seen, EXIT) for _ in range(2 if scenario == TWO_SALES else 1)))
        else:
            await self._send(seen, ENTRY)
        if scenario == STOP:
            await self._stop(seen)
        if scenario == STOP_PRESSED:
            await self._press_stop(seen)

    # the sender ----------------------------------------------------------------------------------------

    async def _send(self, seen: Evidence, signal: dict[str, Any]) -> None:
        """Like TradingView, that sends again what was not taken; half of the alerts carry an id."""
        number = len(seen.sent)
        body: dict[str, Any] = {**signal, "strategy": seen.strategy}
        if self._count % 2 or number:
            body["id"] = f"{seen.strategy}-{number}"
        sent = Sent(body=json.dumps(body).encode())
        seen.sent.append(sent)
        deadline = time.monotonic() + self._patience
        while not sent.alert_id and time.monotonic() < deadline:
            await self._look_after(seen)
            await self._post(seen, sent)

    async def _post(self, seen: Evidence, sent: Sent) -> None:
        url = f"{self._stage.url}/webhook/tradingview/{SECRET}"
        try:
            async with self._stage.http.post(url, data=sent.body) as answer:
                words = await answer.json()
                sent.answers.append(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            sent.answers.append(0)
            await asyncio.sleep(0.05)
            return
        if answer.status == 200:
            sent.alert_id = words["alert_id"]
        elif answer.status == 503:
            await asyncio.sleep(0.3)
        else:
            seen.complaints.append(f"P1: a good alert was answered {answer.status}: {words}")
            sent.alert_id = "-"

    # the owner -----------------------------------------------------------------------------------------

    async def _approve(self, seen: Evidence) -> None:
        """Presses Approve; a press may be lost (facts/telegram.md 1.2): then it is pressed again."""
        if time.monotonic() < seen.press_again_at:
            return
        for message in await self._stage.messages(seen.strategy):
            labels = [button["text"] for row in message["keyboard"] for button in row]
            for label in labels:
                if "Approve" in label:
                    if not seen.press_again_at:
                        posts = (await self._stage.book())["attempts"]
                        seen.unasked = len(posts) - len(seen.before["attempts"])
                    seen.press_again_at = time.monotonic() + PRESS_AGAIN_SECONDS
                    pressed = {"message_id": message["message_id"], "label": label}
                    async with self._stage.http.post(
                        f"{self._stage.phone['url']}/_phone/press", json=pressed
                    ) as answer:
                        await answer.read()
                    return

    async def _stop(self, seen: Evidence) -> None:
        """The kill switch by command line, while the gateway is held at a checkpoint."""
        await self._settle(seen, until_held=True)
        await self._stage.manjha("kill")
        seen.stopped_at = datetime.now(UTC)
        if not self._stage.ended.is_set():
            with contextlib.suppress(Ended):
                await self._stage.command("release")

    async def _press_stop(self, seen: Evidence) -> None:
        """The kill switch by phone while the question is open: pressed until it is on, whatever crashes."""
        asked_at = 0.0
        while not self._stage.rows("SELECT 1 FROM flags WHERE name = 'kill_switch'"):
            await self._look_after(seen)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, AssertionError):
                if time.monotonic() > asked_at + PRESS_AGAIN_SECONDS:
                    asked_at = time.monotonic()
                    await self._stage.say("/killswitch")
                await self._stage.press("🛑 Stop")
            await asyncio.sleep(0.1)
        seen.stopped_at = datetime.now(UTC)

    async def _log_in_again(self, seen: Evidence) -> None:
        """The session dies at the broker; the owner logs in, twice if need be."""
        async with self._stage.http.delete(f"{self._stage.paper['url']}/_paper/token") as answer:
            await answer.read()
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            await self._look_after(seen)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, AssertionError, Ended):
                await self._stage.log_in()
                return
            await asyncio.sleep(0.2)

    # the machine ---------------------------------------------------------------------------------------

    async def _look_after(self, seen: Evidence) -> None:
        """Starts what a strike has ended; ends what a strike has left half alive."""
        async with self._looking_after:
            await self._revive(seen)

    async def _revive(self, seen: Evidence) -> None:
        stage = self._stage
        mode = stage.struck["struck"] if stage.struck else None
        if mode is not None:
            seen.struck = True
        if mode == CANCEL and not stage.ended.is_set():
            await asyncio.sleep(0.3)
            await stage.stop_gateway()
        if mode in (TERM, CANCEL):
            began = time.monotonic()
            await asyncio.wait_for(stage.ended.wait(), 30)
            if (took := time.monotonic() - began) > 12:
                seen.complaints.append(f"P11: SIGTERM took {took:.0f} s")
        if stage.ended.is_set():
            seen.struck = True
            await self._start_again()

    async def _start_again(self) -> None:
        second, self._second = self._second, None
        try:
            await self._stage.restart(second)
        except Ended:
            await self._stage.restart()

    async def _settle(self, seen: Evidence, *, until_held: bool = False) -> None:
        """Until nothing more happens by itself, and Telegram has all messages."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            await self._look_after(seen)
            if until_held and self._stage.struck and self._stage.struck["struck"] == HOLD:
                return
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, Ended, AssertionError):
                seen.lives = [await self._stage.life(sent.alert_id) for sent in seen.sent]
                if any(life["status"] == "awaiting_approval" for life in seen.lives):
                    await self._approve(seen)
                elif not await self._is_moving(seen) and not self._stage.owed():
                    return
            await asyncio.sleep(0.05)
        states = [life["status"] for life in seen.lives]
        seen.complaints.append(f"P1: after {self._patience:.0f} s: {states}, owed {self._stage.owed()}")

    async def _is_moving(self, seen: Evidence) -> bool:
        """Whether an alert is neither final nor with the owner, or the exchange is not done with it."""
        book = await self._stage.book()
        for sent, life in zip(seen.sent, seen.lives, strict=True):
            accepted = any(order["tag"] in sent.tags for order in book["accepted"])
            asked = any(verdict["event"] == "intent.questioned" for verdict in life["verdicts"])
            at_rest = life["status"] in FINAL or (life["status"] == "unknown" and asked and not accepted)
            if not at_rest or self._may_be_accepted_yet(sent.tags, book["attempts"]):
                return True
        return False

    def _may_be_accepted_yet(self, tags: frozenset[str], attempts: Sequence[dict[str, Any]]) -> bool:
        now = datetime.now(UTC)
        ours = [each for each in attempts if each["tag"] in tags and each["order_id"] is None]
        return any(
            (now - datetime.fromisoformat(each["at"])).total_seconds() < SLOW_SECONDS + 0.5 for each in ours
        )

    async def _end(self, seen: Evidence) -> None:
        """Takes the evidence, and puts the stage in order for the next trial."""
        stage = self._stage
        if not stage.ended.is_set():
            with contextlib.suppress(Ended):
                seen.passed = await stage.disarm()
        await self._look_after(seen)
        await stage.clear_faults()
        try:  # a gateway that was started again has cards to draw anew
            await stage.until(self._nothing_is_owed, "the last messages are sent", within=OWED_SECONDS)
        except AssertionError:
            seen.owed = stage.owed()
        seen.after = await stage.book()
        seen.messages = await stage.messages(seen.strategy)
        seen.held = int(
            stage.rows("SELECT coalesce(sum(quantity), 0) FROM holdings WHERE strategy = ?", seen.strategy)[
                0
            ][0]
        )
        if stage.rows("SELECT 1 FROM flags WHERE name IN ('kill_switch', 'entries_halted')"):
            await stage.manjha("resume")
