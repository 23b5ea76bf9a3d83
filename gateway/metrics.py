"""The figures for Prometheus: one registry, the metrics that the door itself keeps, and the text of all."""

from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
#: TradingView hangs up after 3 s (facts/tradingview.md 1).
_ACKNOWLEDGEMENT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)

#: A `_created` line beside every counter tells nobody anything here.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The process's registry (others may register more on it), and the door's metrics. Labels are few."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.alerts = Counter(
            "manjha_alerts",
            "Alerts at the door by outcome: queued, duplicate, invalid, not_stored.",
            ["outcome"],
            registry=self.registry,
        )
        self.acknowledgement = Histogram(
            "manjha_acknowledgement_seconds",
            "From an alert's headers to its commit on disk, in seconds.",
            buckets=_ACKNOWLEDGEMENT_BUCKETS,
            registry=self.registry,
        )
        self.requests = Counter(
            "manjha_http_requests",
            "HTTP requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.turned_away = Counter(
            "manjha_turned_away",
            "What was not let in: connections over the limit, malformed requests, failed authentications.",
            ["why"],
            registry=self.registry,
        )

        # Labels are looked up under a lock: once for each.
        self.answered: Callable[[str, int], Counter] = cache(
            lambda route, status: self.requests.labels(route, str(status))
        )
        self.came_to: Callable[[str], Counter] = cache(self.alerts.labels)

    def text(self) -> bytes:
        """Everything registered, in the Prometheus text format."""
        return generate_latest(self.registry)
