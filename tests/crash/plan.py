"""Which trials there are: every checkpoint that a trace shows, times strikes, times broker faults."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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


def _named() -> Iterator[Trial]:
    """Of facts/reliability.md 6.3 every step that exists, each with a broker fault of its own."""
    for label, hit, fault in NAMED:
        yield Trial(scenario=kinds.AUTO, fault=fault, strike=Strike(mode=KILL, label=label, hit=hit))
    for label in NAMED_OF_THE_QUESTION:
        yield Trial(scenario=kinds.CONFIRM, strike=_kill(label))


#: C1 to C7 and C16 to C24: label, hit, fault. A POST is written in two pieces: after one it is half written.
NAMED = (
    ("door.request_begun", 1, LOST),
    ("door.body_read", 1, "refused"),
    ("door.understood", 1, "accepted, 502"),
    ("intake.inserted", 1, "not accepted, 502"),
    ("door.stored", 1, "accepted, 400 timed out"),
    ("planning.begun", 1, "accepted, answer cut"),
    ("planning.inserted", 1, "accepted, no order id"),
    ("execution.chosen", 1, BOTH),
    ("execution.claimed", 1, NONE),
    ("execution.cleared", 1, NONE),
    ("kite.request_written [place]", 1, NONE),
    ("kite.request_written [place]", 2, "late book"),
    ("kite.request_written [place]", 2, "slow acceptance"),
    ("kite.answer_read [place]", 1, "accepted, 502"),
    ("execution.recording", 1, "late book"),
    ("execution.recorded", 1, BOTH),
    ("update.received", 1, "rejected later"),
    ("fill.held", 1, LOST),
    ("book.read", 1, "not accepted, answer lost"),
)
#: C8 to C15.
NAMED_OF_THE_QUESTION = (
    "planning.committed",
    "notice.chosen",
    "notice.card_taken",
    "notice.recorded",
    "press.received",
    "approval.decided",
    "approval.committed",
)


def _kill(label: str) -> Strike:
    return Strike(mode=KILL, label=label)


def bounded() -> list[Trial]:
    """What each push tries: every named step once, and each other kind of strike."""
    claimed, place = "execution.claimed", "kite.request_written [place]"
    others = [
        Trial(scenario=kinds.AUTO, strike=Strike(mode=FAIL, label="database.worked [Planner")),
        Trial(scenario=kinds.AUTO, fault="late book", strike=Strike(mode=FAIL, label="execution.recording")),
        Trial(
            scenario=kinds.AUTO,
            fault=BOTH,
            strike=Strike(mode=OUTAGE, label="execution.failed"),
        ),
        Trial(scenario=kinds.AUTO, fault=SLOW, strike=Strike(mode=CANCEL, label="execution.cleared")),
        Trial(scenario=kinds.AUTO, fault=SLOW, strike=Strike(mode=TERM, label=place, hit=2)),
        Trial(scenario=kinds.AUTO, strike=Strike(mode=STALL, label=claimed)),
        Trial(scenario=kinds.AUTO, fault="429"),
        Trial(
            scenario=kinds.SALE, fault=SLOW, strike=Strike(mode=KILL, label="kite.request_written [place]")
        ),
        Trial(scenario=kinds.TWO_SALES, fault=BOTH, strike=Strike(mode=KILL, label=claimed)),
        Trial(scenario=kinds.STOP, strike=Strike(mode=HOLD, label=claimed)),
        Trial(scenario=kinds.STOP_PRESSED, strike=Strike(mode=KILL, label="kill_switch.set")),
        Trial(scenario=kinds.LOGIN, strike=Strike(mode=KILL, label="session.granted")),
    ]
    return [Trial(scenario=kinds.AUTO), *_named(), *others]


#: For each planted bug the promise it breaks, and a trial in which it does.
CAUGHT: Mapping[str, tuple[str, Trial]] = {
    plant: (promise, replace(trial, plant=plant))
    for plant, promise, trial in (
        ("forget_unplanned_alerts", "P1", Trial(scenario=kinds.AUTO, strike=_kill("planning.begun"))),
        (
            "acknowledge_before_the_commit",
            "P1",
            Trial(scenario=kinds.AUTO, strike=Strike(mode=FAIL, label="intake.inserted")),
        ),
        ("retry_after_no_answer", "P2", Trial(scenario=kinds.AUTO, fault=LOST)),
        (
            "claim_without_a_guard",
            "P2",
            Trial(scenario=kinds.AUTO, fault="late book", strike=_kill("kite.answer_read [place]")),
        ),
        ("trade_without_asking", "P3", Trial(scenario=kinds.CONFIRM)),
        (
            "one_look_at_the_kill_switch",
            "P4",
            Trial(scenario=kinds.STOP, strike=Strike(mode=HOLD, label="execution.claimed")),
        ),
        ("sells_count_when_filled", "P5", Trial(scenario=kinds.TWO_SALES, fault=BOTH)),
        ("no_answer_means_failed", "P6", Trial(scenario=kinds.AUTO, fault=BOTH)),
        ("fills_twice", "P8", Trial(scenario=kinds.AUTO)),
        (
            "notice_struck_out_before_it_is_sent",
            "P9",
            Trial(scenario=kinds.AUTO, strike=_kill("database.committed [Courier._done")),
        ),
    )
}
