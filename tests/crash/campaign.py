"""The crash campaign, `python -m tests.crash.campaign`: prints tables; exit status 1 after a violation."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from tests.crash import after, plan
from tests.crash.birth import Nursery
from tests.crash.broker_faults import LATE_SECONDS
from tests.crash.judge import ASKED, CLEAN, MISSED, TOLD_NO, VIOLATED, Verdict, judge
from tests.crash.stage import ArmedStage
from tests.crash.strikes import Passing
from tests.crash.trial import AUTO, Runner, Trial

#: Trials on one stage: the exchange's book and the chat stay short.
BATCH = 60
REST_SECONDS = 6.0
PLANTED_ATTEMPTS = 3
COLUMNS = (CLEAN, ASKED, TOLD_NO, MISSED, VIOLATED)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a kept file."""

    trial: Trial
    verdict: Verdict


@dataclass(kw_only=True)
class Campaign:
    """Workers that share one queue of trials."""

    folder: Path
    horizon: float
    late: float
    results: list[tuple[Trial, Verdict]] = field(default_factory=list)
    traces: dict[tuple[str, str], Sequence[Passing]] = field(default_factory=dict)
    seconds: float = 0.0
    #: Where each result is written as it comes.
    kept: Path | None = None
    _stages: int = 0
    _nursery: Nursery = field(default_factory=Nursery)

    async def run(self, trials: Sequence[Trial], workers: int) -> None:
        """All trials; the results are kept in the order of their ends."""
        began = time.monotonic()
        queue = list(reversed(trials))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=8)) as http:
            try:
                await asyncio.gather(*(self._work(queue, http) for _ in range(min(workers, len(queue)))))
            finally:
                await self._close_nursery()
        self.seconds += time.monotonic() - began

    async def _close_nursery(self) -> None:
        await self._nursery.close()
        self._nursery = Nursery()

    async def _work(self, queue: list[Trial], http: aiohttp.ClientSession) -> None:
        while queue:
            stage = self.stage(http)
            try:
                await stage.open_wide()
                await self._batch(stage, queue)
            finally:
                await stage.close()

    def stage(self, http: aiohttp.ClientSession) -> ArmedStage:
        """A stage in a folder of its own."""
        self._stages += 1
        folder = self.folder / f"stage-{self._stages}"
        folder.mkdir(parents=True)
        return ArmedStage(folder, http, "--horizon", str(self.horizon), nursery=self._nursery)

    async def _batch(self, stage: ArmedStage, queue: list[Trial]) -> None:
        """Trials on one stage until it is used up or broken; then its books are audited."""
        runner, last = Runner(stage, self.late), None
        for _ in range(BATCH):
            if not queue:
                break
            last = queue.pop()
            if not await self._trial(runner, last):
                return
        if last is not None and stage.plant is None and (faults := await after.audit(stage)):
            self._note(last, Verdict(outcome=VIOLATED, violations=tuple(faults)))

    async def _trial(self, runner: Runner, trial: Trial) -> bool:
        try:
            seen = await runner.run(trial)
        except Exception:  # noqa: BLE001  a finding, whatever it was; the stage is not to be trusted any more
            words = traceback.format_exc(limit=-4)[-1500:]
            self._note(trial, Verdict(outcome=VIOLATED, violations=(f"the trial broke off: {words}",)))
            return False
        if trial.strike is None:
            self.traces[trial.scenario, trial.fault] = seen.passed
        self._note(trial, judge(seen))
        return True

    def _note(self, trial: Trial, verdict: Verdict) -> None:
        self.results.append((trial, verdict))
        if self.kept is not None and trial.strike is not None and trial.plant is None:
            with self.kept.open("ab") as file:
                file.write(msgspec.json.encode(Result(trial=trial, verdict=verdict)) + b"\n")
        for violation in verdict.violations if trial.plant is None else ():
            say(f"VIOLATION in {trial} (stages in {self.folder})\n  {violation}")
        if len(self.results) % 50 == 0:
            say(f"{len(self.results)} trials, {dict(Counter(v.outcome for _, v in self.results))}")

    async def run_planted(self, workers: int) -> None:
        """Each planted bug until it is caught, three times at most: what a strike meets is up to luck."""
        for _ in range(PLANTED_ATTEMPTS):
            left = [trial for name, (_, trial) in plan.CAUGHT.items() if name not in self._caught]
            await self.run(left, workers)

    @property
    def _caught(self) -> set[str]:
        return {
            trial.plant
            for trial, verdict in self.results
            if trial.plant
            and any(each.startswith(plan.CAUGHT[trial.plant][0]) for each in verdict.violations)
        }

    @property
    def escaped(self) -> list[str]:
        """Planted bugs that broke nothing they should have broken, in any of their runs."""
        caught = self._caught
        return [
            f"{trial}: {verdict}"
            for trial, verdict in self.results
            if trial.plant and trial.plant not in caught
        ]

    @property
    def violations(self) -> list[tuple[Trial, Verdict]]:
        """What must not be."""
        return [pair for pair in self.results if pair[1].violations and not pair[0].plant]

    async def trace(self, workers: int) -> plan.Traces:
        """Runs everything once without a strike; looks at a gateway that starts and one that rests."""
        await self.run(plan.traced(), workers)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=8)) as http:
            stage = self.stage(http)
            try:
                await stage.open_wide()
                await Runner(stage, self.late).run(Trial(scenario=AUTO))
                await stage.arm(None)
                await asyncio.sleep(REST_SECONDS)
                at_rest = await stage.disarm()
                await stage.restart()
                await stage.until_ready()
                at_start = await stage.disarm()
            finally:
                await stage.close()
                await self._close_nursery()
        return plan.Traces(of=self.traces, at_rest=at_rest, at_start=at_start)


def table(results: Sequence[tuple[Trial, Verdict]], head: str, group: Callable[[Trial], str]) -> list[str]:
    """Markdown: a line a group, outcomes counted."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for trial, verdict in results:
        counts[group(trial)][verdict.outcome] += 1
    lines = [f"| {head} | runs | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name in [*sorted(counts), "all"]:
        each = counts[name] if name != "all" else sum(counts.values(), Counter())
        cells = [name, str(each.total()), *(str(each[column]) for column in COLUMNS)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def report(results: Sequence[tuple[Trial, Verdict]]) -> str:
    """Three tables over the trials with a strike: by checkpoint, by broker fault, by scenario and strike."""
    struck = [pair for pair in results if pair[0].strike is not None and pair[0].plant is None]
    parts = [
        table(struck, "checkpoint", lambda trial: _place(trial)),
        table(struck, "broker fault", lambda trial: trial.fault),
        table(struck, "scenario, strike", lambda trial: f"{trial.scenario}, {_strike(trial)}"),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _place(trial: Trial) -> str:
    return (trial.strike.label or "any").split(" ")[0] if trial.strike else "-"


def _strike(trial: Trial) -> str:
    mode = trial.strike.mode if trial.strike else "-"
    return f"{mode}, then {trial.second.mode} at the start" if trial.second else mode


def say(words: str) -> None:
    """To whoever watches."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


async def _main(options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="manjha-crash-"))
    kept = options.keep or folder / "results.jsonl"
    campaign = Campaign(folder=folder, horizon=options.horizon, late=options.late, kept=kept)
    say(f"seed {options.seed}, {options.workers} workers, folder {folder}, results in {kept}")
    trials = plan.whole(await campaign.trace(options.workers))
    random.Random(options.seed).shuffle(trials)
    trials = trials[: options.sample or None]
    before = [msgspec.json.decode(line, type=Result) for line in _lines(kept)]
    done = {str(result.trial) for result in before}
    campaign.results += [(result.trial, result.verdict) for result in before]
    say(f"{len(trials)} trials, {len(before)} done before")
    await campaign.run([trial for trial in trials if str(trial) not in done], options.workers)
    await campaign.run_planted(options.workers)
    say(f"{len(campaign.results)} runs, now {campaign.seconds / 60:.0f} min\n\n{report(campaign.results)}\n")
    say(f"{len(campaign.violations)} violations; stages in {folder}")
    escaped = {line.split(":")[0] for line in campaign.escaped}
    say(f"planted bugs caught: {len(plan.CAUGHT) - len(escaped)} of {len(plan.CAUGHT)}")
    say("\n".join(campaign.escaped))
    return 1 if campaign.violations or campaign.escaped else 0


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.campaign", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--sample", type=int, default=0, help="so many trials of the whole, at random")
    parser.add_argument("--horizon", type=float, default=3.0, help="seconds until the owner is asked")
    parser.add_argument(
        "--late", type=float, default=LATE_SECONDS, help="seconds by which a late book is late"
    )
    parser.add_argument("--keep", type=Path, help="results, one a line; what stands in it is not run again")
    return asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
