"""The gateway on the month's clock: `python -m tests.month.steered run --config FILE`.

The whole of the product runs as it is, but for `utc_now`, and for how often it looks at a clock that jumps.
"""

import sys
from datetime import timedelta

from gateway.domain import market
from tests.month.clock import of_environment


def run() -> int:
    """Steers, then runs the command as `manjha` would."""
    # Before anything else is imported: every other module takes the function from here by its name.
    market.utc_now = of_environment()
    from gateway import (  # noqa: PLC0415
        keeper,
        login_reminder,
        reconciliation,
        schedule,
        square_off,
        trading_days,
        watchdog,
    )
    from gateway.__main__ import main  # noqa: PLC0415

    for module in (keeper, login_reminder, schedule, square_off, trading_days, watchdog):
        vars(module)["LOOK_SECONDS"] = 0.25
    keeper.RETRY_SECONDS = 1.0
    reconciliation.REST_INTERVAL = 1.0
    # The clock jumps all day long: that is no sleeping machine.
    watchdog.LAPSE = timedelta(days=30)
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
