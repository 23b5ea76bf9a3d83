"""One day of the month: what owner, TradingView and misfortune do in it; what is asked after it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.acceptance.stage import SEED_ALERT
from tests.month.stage import MonthStage

#: Jobs of a trading day, and those of every day.
TRADING_JOBS = frozenset(
    {"calendar", "login reminder", "morning message", "square-off notice", "square-off", "summary"}
)
DAILY_JOBS = frozenset({"backup", "audit trail", "clearing away"})
DOWN = "the gateway is down from 15:05 to 15:24"
#: So long a day without trading is watched at each of its hours, seconds of real time.
WATCHED = 0.8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is special about a day."""

    #: After which phase the gateway is killed and started again.
    restart: str | None = None
    #: The name of a misfortune.
    event: str | None = None
    #: The session as the owner added it, where the calendar's file has none: when its square-off is.
    short: str | None = None


@dataclass(kw_only=True)
class Report:
    """One row of the table."""

    day: date
    kind: str
    entries: int = 0
    exits: int = 0
    squared_off: int = 0
    told: int = 0
    special: str = ""
    seconds: float = 0.0
    jobs: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Day:
    """Lives one day on the stage."""

    def __init__(self, stage: MonthStage, day: date, plan: Plan, *, trades: bool) -> None:
        self._stage = stage
        self._day = day
        self._plan = plan
        self._trades = trades
        kind = "trading" if trades else ("special session" if plan.short else "closed")
        self.report = Report(day=day, kind=kind)
        self._messages_before = 0

    async def live(self) -> Report:
        """From the night before to the night after."""
        began = time.monotonic()
        self._messages_before = len(await self._stage.messages())
        self._note_specials()
        try:
            await self._hours()
            await self._evening()
        except AssertionError as error:  # the day is spoilt; the month goes on
            self.report.faults.append(str(error).split("\n")[0])
            self._stage.exchange.faults.clear()
            await self._stage.telegram_up()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _hours(self) -> None:
        self._to("05:50")
        await self._passed("night")
        if self._trades:
            await self._morning()
            await self._trading()
            await self._afternoon()
        elif self._plan.short:
            await self._short_day(self._plan.short)
        else:
            await self._closed_day()

    def _note_specials(self) -> None:
        words = [self._plan.event or "", f"kill -9 after: {self._plan.restart}" if self._plan.restart else ""]
        self.report.special = "; ".join(word for word in words if word)

    def _to(self, clock: str) -> None:
        self._stage.jump(self._day, clock)

    async def _passed(self, phase: str) -> None:
        if self._plan.restart == phase:
            await self._stage.restart()

    def _is(self, event: str) -> bool:
        return self._plan.event == event

    # a trading day

    async def _morning(self) -> None:
        stage = self._stage
        asked = len(await stage.messages("Log in to Kite"))
        self._to("08:00:02")
        await stage.job_done(self._day, "login reminder")
        await self._until(lambda: self._more("Log in to Kite", asked), "the reminder is on the phone")
        self._to("08:05:02")
        await stage.job_done(self._day, "calendar")
        await self._passed("reminder")
        if self._is("no instrument list until 09:05"):
            html = {"kind": "html", "route": "GET /instruments/*", "code": 502, "times": None}
            await stage.faults(html)
        self._to("08:40")
        await stage.log_in()
        self._to("08:45:02")
        await stage.job_done(self._day, "morning message")
        await self._passed("login")
        if self._is("no instrument list until 09:05"):
            await self._until(lambda: self._more("No new instrument list"), "the old list is told of")
            self._to("09:05")
            stage.exchange.faults.clear()
        await self._until(self._listed_today, "the day's instrument list is there", within=60)

    async def _listed_today(self) -> bool:
        (fetched,) = self._stage.rows("SELECT min(fetched_at) FROM instruments WHERE venue = 'live'")[0]
        published = self._stage.now.replace(hour=8, minute=30, second=0, microsecond=0)
        return bool(fetched / 1_000_000 >= published.timestamp())

    async def _trading(self) -> None:
        """Three holdings by 09:25, one sold by alert; the rest is left to the square-off."""
        stage = self._stage
        self._to("09:20")
        symbol = await self._buy("plain")
        self._check_expiry(symbol)
        await self._passed("entry")
        asked = await stage.alert({**SEED_ALERT, "strategy": "asking", "strike": 24100})
        await stage.settled(asked["alert_id"], "awaiting_approval")
        await self._passed("question")
        await self._until(lambda: self._more("Approve?"), "the question is on the phone")
        await stage.press("Approve")
        await stage.settled(asked["alert_id"], "filled", within=40)
        self.report.entries += 1
        await self._buy("intraday", strike=23900, stop_loss="-30%", target="+40%")
        await self._until(self._guarded, "the stop rests at the exchange")
        await self._passed("held")
        self._to("11:00")
        if self._is("the token dies at 11:00"):
            await self._dead_token()
        else:
            await self._sell("plain")
        await self._passed("exit")

    async def _guarded(self) -> bool:
        return any(row["status"] == "TRIGGER PENDING" for row in self._stage.exchange.book()["orders"])

    async def _buy(self, strategy: str, **fields: Any) -> str:
        answer = await self._stage.alert({**SEED_ALERT, "strategy": strategy, **fields})
        life = await self._stage.settled(answer["alert_id"], "filled", within=40)
        self.report.entries += 1
        return str(life["intents"][0]["tradingsymbol"])

    async def _sell(self, strategy: str) -> None:
        answer = await self._stage.alert({"action": "EXIT", "strategy": strategy})
        await self._stage.settled(answer["alert_id"], "filled", within=40)
        self.report.exits += 1

    def _check_expiry(self, symbol: str) -> None:
        """The nearest expiry that has not passed, which a holiday may have moved."""
        query = "SELECT expiry FROM intents WHERE tradingsymbol = ? ORDER BY planned_at DESC LIMIT 1"
        (expiry,) = self._stage.rows(query, symbol)[0]
        expected = self._nearest_expiry()
        if str(expiry) != str(expected):
            self.report.faults.append(f"bought {symbol} of {expiry}, the nearest expiry is {expected}")

    def _nearest_expiry(self) -> date:
        """A Tuesday, or the trading day before it."""
        day = self._day
        while True:
            tuesday = day + timedelta(days=(1 - day.weekday()) % 7)
            moved = tuesday
            while moved in HOLIDAYS:
                moved -= timedelta(days=1)
            if moved >= self._day:
                return moved
            day = tuesday + timedelta(days=1)

    async def _dead_token(self) -> None:
        """Entries are refused and told; the exit is kept, and runs after the login."""
        stage = self._stage
        stage.exchange.kill_token()
        await self._until(lambda: self._more("Kite session lost"), "the dead token is told")
        await self._until(lambda: self._more("and the market is open"), "the login is asked for at once")
        entry = await stage.alert({**SEED_ALERT, "strategy": "plain", "strike": 24300})
        life = await stage.settled(entry["alert_id"], "refused")
        if "logged in" not in str(life):
            self.report.faults.append(f"the entry with a dead token was not refused for it: {life}")
        exit_ = await stage.alert({"action": "EXIT", "strategy": "plain"})
        self._to("11:00:20")
        await stage.log_in()
        await stage.settled(exit_["alert_id"], "filled", within=40)
        self.report.exits += 1

    async def _afternoon(self) -> None:
        stage = self._stage
        if self._is("Telegram out from 13:00 to 15:30"):
            self._to("13:00")
            await stage.telegram_down()
        self._to("15:00:02")
        await stage.job_begun(self._day, "square-off notice")
        await self._until(lambda: self._more("This will be closed"), "the square-off is announced")
        await self._passed("notice")
        held = sum(1 for _ in stage.net())
        if self._is("the machine sleeps from 15:10 to 15:21"):
            self._to("15:10")
            stage.freeze()
            self._to("15:21")
            stage.thaw()
        elif self._is(DOWN):
            await stage.kill_gateway()
            self._to("15:24")
            stage.restarts += 1
            await stage.start_gateway()
        elif self._plan.restart == "square-off":
            self._to("15:15:01")
            await asyncio.sleep(0.3)
            await stage.restart()
        self._to("15:15:02")
        await self._until(self._flat, "everything is squared off", within=60)
        self.report.squared_off = held
        if self._is("Telegram out from 13:00 to 15:30"):
            self._to("15:30")
            await stage.telegram_up()
        self._to("15:40:01")
        await stage.job_done(self._day, "square-off")
        await self._passed("close")

    async def _flat(self) -> bool:
        """At the exchange, and proven so by us."""
        query = "SELECT state FROM closings WHERE kind = 'square_off' ORDER BY began_at DESC LIMIT 1"
        states = self._stage.rows(query)
        return not self._stage.net() and states == [("flat",)]

    # other days

    async def _short_day(self, square_off: str) -> None:
        """A session that only the owner's calendar knows: its jobs run at its hours."""
        self._to("08:00:02")
        await self._stage.job_done(self._day, "login reminder")
        await self._stage.log_in()
        self._to("08:05:02")
        await self._stage.job_done(self._day, "calendar")
        self._to("08:45:02")
        await self._stage.job_done(self._day, "morning message")
        notice = f"{int(square_off[:2]):02}:{int(square_off[3:]) - 15:02}:02"
        self._to(notice)
        await self._stage.job_begun(self._day, "square-off notice")
        self._to(f"{square_off}:02")
        await asyncio.sleep(WATCHED)
        self._to("12:00:01")
        await self._stage.job_done(self._day, "square-off")

    async def _closed_day(self) -> None:
        """Nothing may run, at none of the hours at which it would."""
        for clock in ("08:00:05", "08:31", "09:20", "15:00:05", "15:15:05", "15:45:05"):
            self._to(clock)
            await asyncio.sleep(WATCHED)
        await self._passed("holiday")

    # its end

    async def _evening(self) -> None:
        stage = self._stage
        self._to("15:45:02")
        if self._trades or self._plan.short:
            await stage.job_done(self._day, "summary")
        self._to("16:30:02")
        for name in sorted(DAILY_JOBS):
            await stage.job_done(self._day, name)
        await self._passed("evening")
        self._to("22:00")
        await self._until(self._all_told, "every message has reached the phone", within=60)
        self.report.faults += await stage.nothing_open()
        self._judge_jobs()
        self.report.told = len(await stage.messages()) - self._messages_before

    def _judge_jobs(self) -> None:
        """Each job once on its days, by our own table and by the audit trail; none on others."""
        stage = self._stage
        jobs, counts = stage.jobs(self._day), stage.done_count(self._day)
        works = self._trades or self._plan.short is not None
        expected = DAILY_JOBS | (TRADING_JOBS if works else frozenset())
        self.report.jobs = counts
        unknown = set(jobs) - TRADING_JOBS - DAILY_JOBS
        if not works and unknown:
            self.report.faults.append(f"ran on a day without trading: {sorted(unknown)}")
        for name in sorted(expected | set(jobs)):
            state, _ = jobs.get(name, ("never begun", 0))
            if name not in expected | unknown:
                self.report.faults.append(f"{name} ran on a day that is not its own")
            elif (name, state) == ("square-off notice", "missed") and self._is(DOWN):
                continue  # it watches until the square-off begins, which it did not live to see
            elif state != "done" or counts.get(name) != 1:
                self.report.faults.append(f"{name}: {state}, done {counts.get(name, 0)} times")

    async def _all_told(self) -> bool:
        (owed,) = self._stage.rows("SELECT count(*) FROM notices WHERE state = 'due'")[0]
        if owed:
            # Messages that wait for their next try wait on this clock.
            self._stage.clock.jump(self._stage.now + timedelta(seconds=30))
            await asyncio.sleep(0.3)
        return not owed

    async def _more(self, words: str, than: int = 0) -> bool:
        found = await self._stage.messages(words)
        return len(found) > max(than, 0)

    async def _until(
        self, condition: Callable[[], Awaitable[bool]], what: str, *, within: float = 30.0
    ) -> None:
        await self._stage.until(condition, f"{self._day}: {what}", within=within)


#: The holidays in the month, and what moved for them (facts/kite.md 7.5, 8.3).
HOLIDAYS = frozenset({date(2026, 11, 24), date(2026, 12, 25)})
