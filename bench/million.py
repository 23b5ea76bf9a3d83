"""The gateway with a million stored alerts: its start, acknowledgements and memory, beside itself without."""

import hashlib
import statistics
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import update

from bench.load import Sample, burst, quantile
from bench.orders import entry
from bench.stage import Stage
from gateway.domain.order import AlertId, AlertState
from gateway.ingress.payload import parse_body
from storage import alerts, tables
from storage.engine import Database, database_url

_BATCH = 5_000
_ROUNDS, _REQUESTS = 3, 600


async def rates(stage: Stage, clients: int) -> tuple[float, float]:
    """Median acknowledgements a second, and the median of their seconds."""
    samples: list[Sample] = []
    for _ in range(_ROUNDS):
        bodies = [entry("bench", "ATM") for _ in range(_REQUESTS if clients > 1 else _REQUESTS // 3)]
        samples.append(await burst(stage.webhook, bodies, clients))
        await stage.drained()
    latencies = [latency for sample in samples for latency in sample.latencies]
    return statistics.median(sample.rate for sample in samples), quantile(latencies, 0.5)


def fill(stage: Stage, wanted: int) -> None:
    """So many refused alerts of the last two years, with their audit trail, through the storage itself."""
    database = Database(database_url(None, stage.database.parent))
    body = entry("stored", "ATM")
    (signal,) = parse_body(body)
    began = datetime.now(UTC) - timedelta(days=730)
    step = timedelta(days=729) / wanted

    def arrival(number: int) -> alerts.Arrival:
        return alerts.Arrival(
            alert_id=AlertId(f"stored{number:012d}"),
            received_at=began + number * step,
            source="bench",
            body=body,
            body_hash=hashlib.sha256(str(number).encode()).hexdigest(),
            strategy="stored",
            dedupe_key=f"stored:{number}",
            signal=signal,
        )

    for first in range(0, wanted, _BATCH):
        batch = [arrival(number) for number in range(first, min(first + _BATCH, wanted))]
        database.write_now(partial(alerts.store, arrivals=batch))
    database.write_now(
        lambda connection: connection.execute(
            update(tables.alerts)
            .where(tables.alerts.c.strategy == "stored")
            .values(state=AlertState.REFUSED, reason="stored for the benchmark")
        )
    )
