"""Chaos: many alerts at once, random faults of broker and Telegram, kill -9; then three books are compared.

`python -m tests.crash.chaos --alerts 500 --kills 3 --seed N`.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import string
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from gateway.domain.money import to_paise
from tests.crash import after
from tests.crash.broker_faults import broker_faults
from tests.crash.judge import NO_ORDER, TRUTH
from tests.crash.stage import ArmedStage, Ended
from tests.crash.trial import ENTRY, EXIT, FINAL, Sent

STRATEGIES = 12
ASKING_STRATEGIES = 3
FAULT_EVERY_SECONDS = 0.7
SENT_A_SECOND = 7.0
PATIENCE_SECONDS = 240.0
#: Beside the faults of placing: reading fails, the stream misbehaves.
OTHER_FAULTS = [
    {"kind": "drop", "route": "GET /orders", "times": 3},
    {"kind": "html", "route": "GET /orders", "code": 502, "times": 2},
    {"kind": "untagged"},
    {"kind": "stream_silent", "times": 6},
    {"kind": "stream_twice", "times": 6},
    {"kind": "stream_late", "times": 6},
    {"kind": "stream_drop"},
]
PHONE_FAULTS = [
    {"method": "sendMessage", "kind": "flood", "retry_after": 1},
    {"method": "sendMessage", "kind": "drop_before"},
    {"method": "sendMessage", "kind": "server_error"},
    {"method": "editMessageText", "kind": "drop_after"},
    {"method": "getUpdates", "kind": "conflict"},
    {"method": "getUpdates", "kind": "drop_before"},
]


@dataclass(kw_only=True)
class Chaos:
    """One run of it."""

    stage: ArmedStage
    chance: random.Random
    alerts: int
    kills: int
    late: float = 4.0
    sent: list[tuple[str, Sent]] = field(default_factory=list)
    lives: dict[str, dict[str, Any]] = field(default_factory=dict)
    _pressed: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Sends, breaks, kills; returns when nothing moves any more."""
        helpers = [asyncio.create_task(work) for work in (self._break_things(), self._press())]
        try:
            await self._send_all()
            await self._quiet()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        await self._settle()

    async def _send_all(self) -> None:
        sending = []
        kill_after = set(self.chance.sample(range(self.alerts // 10, self.alerts), self.kills))
        for number in range(self.alerts):
            sending.append(asyncio.create_task(self._send(number)))
            await asyncio.sleep(self.chance.expovariate(SENT_A_SECOND))
            if number in kill_after:
                await self.stage.restart()
        await asyncio.gather(*sending)

    async def _send(self, number: int) -> None:
        """One alert, sent again until it is taken."""
        index = self.chance.randrange(STRATEGIES)
        strategy = f"{'confirm' if index < ASKING_STRATEGIES else 'auto'}-{index:04}"
        signal = ENTRY if self.chance.random() < 0.6 else EXIT
        body = json.dumps({**signal, "strategy": strategy, "id": f"chaos-{number}"}).encode()
        sent = Sent(body=body)
        self.sent.append((strategy, sent))
        while not sent.alert_id:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                answer = await self.stage.alert(body)
                sent.answers.append(answer["http"])
                sent.alert_id = answer["alert_id"] if answer["http"] == 200 else ""
            if not sent.alert_id:
                await asyncio.sleep(0.2)

    async def _break_things(self) -> None:
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / FAULT_EVERY_SECONDS))
            words = "".join(self.chance.choices(string.ascii_lowercase, k=8))
            placing = broker_faults(words, self.late)
            faults = self.chance.choice(
                [*placing.values(), OTHER_FAULTS[:1], *([each] for each in OTHER_FAULTS)]
            )
            if faults:
                await self.stage.faults(*faults)
            if self.chance.random() < 0.3:
                await self._phone("POST", json=self.chance.choice(PHONE_FAULTS))

    async def _phone(self, method: str, **options: Any) -> None:
        url = f"{self.stage.phone['url']}/_phone/faults"
        async with self.stage.http.request(method, url, **options) as answer:
            await answer.read()

    async def _press(self) -> None:
        """The owner: approves most, rejects some, presses some twice."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                for message in await self.stage.messages("Approve?"):
                    await self._decide(message)
            await asyncio.sleep(0.25)

    async def _decide(self, message: dict[str, Any]) -> None:
        labels = [button["text"] for row in message["keyboard"] for button in row]
        if not labels:
            return
        label = labels[0] if self.chance.random() < 0.8 else labels[-1]
        pressed = {"message_id": message["message_id"], "label": label}
        async with self.stage.http.post(f"{self.stage.phone['url']}/_phone/press", json=pressed) as answer:
            await answer.read()

    async def _quiet(self) -> None:
        await self.stage.clear_faults()
        await self._phone("DELETE")

    async def _settle(self) -> None:
        """Until every alert is final or with the owner, and Telegram has all messages."""
        await self._quiet()
        presses = asyncio.create_task(self._press())
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while await self._moving() or self.stage.owed():
                if time.monotonic() > deadline:
                    raise AssertionError(f"still moving: {await self._moving()}, owed {self.stage.owed()}")
                await asyncio.sleep(0.2)
        finally:
            presses.cancel()

    async def _moving(self) -> list[str]:
        moving = []
        for _, sent in self.sent:
            if self.lives.get(sent.alert_id, {}).get("status") not in FINAL:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, Ended):
                    life = self.lives[sent.alert_id] = await self.stage.life(sent.alert_id)
                    asked = any(each["event"] == "intent.questioned" for each in life["verdicts"])
                    if life["status"] in FINAL or (life["status"] == "unknown" and asked):
                        continue
                moving.append(sent.alert_id)
        return moving

    async def faults(self) -> list[str]:
        """What the exchange's book, ours and the phone do not say alike; and what the audit finds."""
        book, messages = await self.stage.book(), await self.stage.messages()
        self.lives = {sent.alert_id: await self.stage.life(sent.alert_id) for _, sent in self.sent}
        found = [*self._by_the_exchange(book), *self._by_our_book(book), *self._by_phone(book, messages)]
        return found + await after.audit(self.stage)

    def _by_the_exchange(self, book: dict[str, Any]) -> Iterator[str]:
        owners = {tag: (strategy, sent) for strategy, sent in self.sent for tag in sent.tags}
        for name in ("attempts", "accepted"):
            counts = Counter(row["tag"] for row in book[name])
            yield from (f"P2: {count} {name} of tag {tag}" for tag, count in counts.items() if count > 1)
            yield from (f"P2: a stranger among the {name}: {tag}" for tag in counts if tag not in owners)
        buys = Counter(
            owners[row["tag"]][1].alert_id
            for row in book["accepted"]
            if row["tag"] in owners and owners[row["tag"]][1].action == "BUY"
        )
        filled = Counter(
            owners[row["tag"]][1].alert_id
            for row in book["orders"]
            if row["tag"] in owners and row["filled_quantity"]
        )
        yield from (
            f"P2: {count} orders for {alert}" for alert, count in (buys & filled).items() if filled[alert] > 1
        )
        yield from self._oversold(book, owners)

    def _oversold(self, book: dict[str, Any], owners: dict[str, Any]) -> Iterator[str]:
        tags = {row["order_id"]: row["tag"] for row in book["orders"]}
        held: Counter[str] = Counter()
        for trade in book["trades"]:
            strategy = owners.get(tags[trade["order_id"]], ("?", None))[0]
            held[strategy] += trade["quantity"] if trade["transaction_type"] == "BUY" else -trade["quantity"]
            if held[strategy] < 0:
                yield f"P5: {strategy} sold {-held[strategy]} units that it did not hold"
        for strategy, quantity in held.items():
            rows = self.stage.rows(
                "SELECT coalesce(sum(quantity), 0) FROM holdings WHERE strategy = ?", strategy
            )
            if rows[0][0] != quantity:
                yield f"P8: we say {strategy} holds {rows[0][0]}, the trades leave {quantity}"

    def _by_our_book(self, book: dict[str, Any]) -> Iterator[str]:
        orders, trades = defaultdict(list), defaultdict(list)
        for row in book["orders"]:
            orders[row["tag"]].append(row)
        for trade in book["trades"]:
            trades[trade["order_id"]].append(trade)
        for _, sent in self.sent:
            life = self.lives[sent.alert_id]
            ours = [row for tag in sent.tags for row in orders[tag]]
            if life["body"].encode() != sent.body:
                yield f"P1: {sent.alert_id} is kept as {life['body']!r}"
            yield from _contradiction(life, ours)
            theirs = [trade for row in ours for trade in trades[row["order_id"]]]
            yield from _miscounted(life, theirs)

    def _by_phone(self, book: dict[str, Any], messages: list[dict[str, Any]]) -> Iterator[str]:
        """Each fill, question and end has its message; no message tells of a fill that never was."""
        texts = [text for message in messages if message["from_bot"] for text in _texts(message["text"])]
        fills = [text for text in texts if text.startswith("✅ Filled · ") and "Alert to fill" in text]
        for row in book["orders"]:
            told = sum(row["order_id"] in text for text in fills)
            if row["status"] == "COMPLETE" and not told:
                yield f"P9: the fill of {row['order_id']} was not told"
            if row["status"] != "COMPLETE" and told:
                yield f"P9: {row['order_id']} is {row['status']}, and a fill was told"
        for strategy, sent in self.sent:
            life = self.lives[sent.alert_id]
            # What the owner rejected by hand in a message of many shows there, by its strategy.
            if life["status"] == "rejected" and any(strategy in text for text in texts):
                continue
            ours = {row["order_id"] for row in book["orders"] if row["tag"] in sent.tags}
            if not any(name in text for name in {sent.alert_id, *ours} for text in texts):
                yield f"P9: no message about {sent.alert_id}, which is {life['status']}"
            tags = [intent["tag"] for intent in life["intents"] if intent["state"] == "unknown"]
            for tag in tags:
                if not any("Please look in Kite" in text and tag in text for text in texts):
                    yield f"P9: {tag} is unknown, and the owner was not asked"


def _texts(text: str) -> list[str]:
    """What one message tells; a rush becomes one message, each part behind the time of its fact."""
    head, *parts = text.split("\n\n")
    if not head.startswith("📬"):
        return [text]
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", part) for part in parts]


def _contradiction(life: dict[str, Any], orders: list[dict[str, Any]]) -> Iterator[str]:
    status, name = life["status"], life["alert_id"]
    if not orders and status not in NO_ORDER:
        yield f"P6: {name} is {status}, the exchange has no order"
    if orders:
        filled = any(row["filled_quantity"] for row in orders)
        allowed = {"filled"} if filled else set().union(*(TRUTH.get(row["status"], set()) for row in orders))
        if status not in allowed:
            yield f"P6: {name} is {status}, the exchange says {[row['status'] for row in orders]}"


def _miscounted(life: dict[str, Any], trades: list[dict[str, Any]]) -> Iterator[str]:
    theirs = sum(trade["quantity"] for trade in trades)
    value = sum(to_paise(Decimal(str(trade["average_price"])) * trade["quantity"]) for trade in trades)
    ours = sum(fill["quantity"] for fill in life["fills"])
    paise = sum(fill["value_paise"] for fill in life["fills"])
    if ours != theirs or abs(value - paise) > len(trades):
        yield f"P8: {life['alert_id']}: we count {ours} units for {paise}, the exchange {theirs} for {value}"


async def chaos(
    folder: Path, *, alerts: int, kills: int, seed: int, late: float = 4.0
) -> tuple[list[str], str]:
    """Runs it; the faults found, and a line about how it went."""
    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        stage = ArmedStage(folder, http, "--horizon", "6")
        try:
            # An entry behind an exit that was rejected waits for it until it is too old.
            await stage.open_wide(age=60)
            run = Chaos(stage=stage, chance=random.Random(seed), alerts=alerts, kills=kills, late=late)
            await run.run()
            faults = await run.faults()
        finally:
            await stage.close()
    ends = Counter(life["status"] for life in run.lives.values())
    posted = sum(len(sent.answers) for _, sent in run.sent)
    return faults, (
        f"seed {seed}: {alerts} alerts, {posted} answers, {kills} kill -9, {dict(ends)}, "
        f"{time.monotonic() - began:.0f} s, {len(faults)} faults"
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos", description=__doc__)
    parser.add_argument("--alerts", type=int, default=500)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="manjha-chaos-"))
    sys.stdout.write(f"seed {options.seed}, folder {folder}\n")
    sys.stdout.flush()
    faults, line = asyncio.run(chaos(folder, **vars(options)))
    sys.stdout.write("\n".join([*faults, line, ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
