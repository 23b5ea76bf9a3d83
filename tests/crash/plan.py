"""Which trials there are: every checkpoint that a trace shows, times strikes, times broker faults."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.crash import trial as kinds
from tests.crash.broker_faults import FAULTS
from tests.crash.strikes import CANCEL, FAIL, HOLD, KILL, OUTAGE, STALL, TERM, Passing, Strike
from tests.crash.trial import Trial

NONE, LOST, BOTH, SLOW = "none", "accepted, answer lost", "answer lost, late book", "slow answer"
MOST_HITS = 2

#: Of each scenario: which faults are traced, and which strikes meet which faults.
PLAN: Mapping[str, Mapping[str, Sequence[str]]] = {
    kinds.AUTO: {
        KILL: FAULTS,
        FAIL: (NONE, LOST, "accepted, 400 timed out", "not accepted, 502", "429", "late book", "refused"),
        OUTAGE: (NONE, LOST, BOTH),
        CANCEL: (NONE, LOST, SLOW, "slow acceptance", BOTH),
        STALL: (NONE, LOST, SLOW, BOTH),
        TERM: (NONE, LOST, SLOW, "slow acceptance"),
    },
    kinds.CONFIRM: {KILL: (NONE, LOST), FAIL: (NONE,), OUTAGE: (NONE,), CANCEL: (NONE,), STALL: (NONE,)},
    kinds.SALE: {KILL: (NONE, LOST, BOTH, "429", "rejected later"), FAIL: (NONE, LOST), CANCEL: (NONE,)},
    kinds.TWO_SALES: {KILL: (NONE, BOTH), FAIL: (NONE,)},
    kinds.STOP: {HOLD: (NONE, SLOW)},
    kinds.STOP_PRESSED: {KILL: (NONE,), FAIL: (NONE,)},
    kinds.LOGIN: {KILL: (NONE,), FAIL: (NONE,)},
}
#: The last step before each of these crashes; then the new process crashes, too, at each of its own steps.
FIRST_CRASHES = (
    Strike(mode=KILL, label="intake.committed"),
    Strike(mode=KILL, label="execution.claimed"),
    Strike(mode=KILL, label="kite.request_written [place]", hit=2),
    Strike(mode=KILL, label="execution.answered"),
)
SECOND_FAULTS = (NONE, BOTH)


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What was passed: in each scenario under each fault, at rest, and by a gateway that starts."""

    of: Mapping[tuple[str, str], Sequence[Passing]]
    at_rest: Sequence[Passing]
    at_start: Sequence[Passing]


def traced() -> list[Trial]:
    """The trials without a strike, whose traces the plan is made from."""
    pairs = {
        (scenario, fault) for scenario, modes in PLAN.items() for faults in modes.values() for fault in faults
    }
    return [Trial(scenario=scenario, fault=fault) for scenario, fault in sorted(pairs)]


def whole(traces: Traces) -> list[Trial]:
    """Every trial."""
    noise = {passing.label for passing in traces.at_rest}
    found = [
        Trial(scenario=scenario, fault=fault, strike=strike)
        for scenario, modes in PLAN.items()
        for mode, faults in modes.items()
        for fault in faults
        for strike in strikes(mode, traces.of.get((scenario, fault), ()), noise if fault != NONE else ())
    ]
    return found + _second_crashes(traces.at_start)


def sample(trials: Sequence[Trial], count: int, chance: random.Random) -> list[Trial]:
    """So many of them; each strike and each fault as often as in the whole."""
    return chance.sample(trials, min(count, len(trials)))


def strikes(mode: str, trace: Sequence[Passing], without: Iterable[str] = ()) -> list[Strike]:
    """At every checkpoint of the trace that the mode can strike at."""
    counts = Counter(passing.label for passing in trace)
    in_task = {passing.label for passing in trace if passing.in_task}
    labels = [
        label for label in counts if label not in set(without) and _can_strike(mode, label, label in in_task)
    ]
    most = MOST_HITS if mode == KILL else 1
    return [
        Strike(mode=mode, label=label, hit=hit)
        for label in labels
        for hit in range(1, min(counts[label], most) + 1)
    ]


def _can_strike(mode: str, label: str, in_task: bool) -> bool:
    if mode == FAIL:
        return label.startswith("database.")
    if mode == OUTAGE:
        return label.startswith("database.begun")
    if mode == CANCEL:
        return in_task
    if mode == HOLD:  # in a transaction it would hold up the kill switch's own
        return in_task or label.startswith("kite.")
    return True


def _second_crashes(at_start: Sequence[Passing]) -> list[Trial]:
    return [
        Trial(scenario=kinds.AUTO, fault=fault, strike=first, second=second)
        for first in FIRST_CRASHES
        for fault in SECOND_FAULTS
        for second in strikes(KILL, at_start)
        if second.hit == 1
    ]
