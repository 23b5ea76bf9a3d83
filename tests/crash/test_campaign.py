"""The bounded crash campaign; the whole is `make crash` (docs/reliability.md)."""

from pathlib import Path

import pytest

from tests.crash import plan
from tests.crash.campaign import Campaign
from tests.crash.judge import MISSED
from tests.crash.planted import PLANTS
from tests.crash.trial import AUTO

HORIZON, LATE = 1.5, 2.0


@pytest.mark.timeout(600)
async def test_no_crash_breaks_a_promise_and_each_planted_bug_does(tmp_path: Path) -> None:
    assert plan.CAUGHT.keys() == PLANTS.keys()
    campaign = Campaign(folder=tmp_path, horizon=HORIZON, late=LATE)
    await campaign.run(plan.bounded(), workers=2)
    await campaign.run_planted(workers=2)
    assert [(str(trial), verdict.violations) for trial, verdict in campaign.violations] == []
    assert campaign.escaped == []
    missed = [str(trial) for trial, verdict in campaign.results if verdict.outcome == MISSED]
    assert len(missed) <= 3, f"these strikes never came; have their checkpoints moved? {missed}"
    labels = [passing.label for passing in campaign.traces[AUTO, "none"]]
    assert labels.index("intake.committed") < labels.index("execution.claimed") < labels.index("fill.held")
