"""An order in words from the phone: parsed, completed and kept like an alert from outside."""

import hashlib
from datetime import datetime

from config.settings import Settings
from gateway.domain.order import new_alert_id
from gateway.ingress.completion import complete
from gateway.ingress.payload import parse_words
from storage.alerts import Arrival


def arrival_of_words(words: str, settings: Settings, now: datetime, source: str) -> Arrival:
    """The alert that `buy NIFTY ATM CE 1 lot` means. Raises InvalidAlert."""
    signal = parse_words(words)
    signal = complete(signal, settings.strategy(signal.strategy))
    alert_id = new_alert_id()
    return Arrival(
        alert_id=alert_id,
        received_at=now,
        source=source[:64],
        body=words.encode(),
        # Said twice it is meant twice: no window of repetition for words typed by hand.
        body_hash=hashlib.sha256(f"{alert_id}:{words}".encode()).hexdigest(),
        strategy=signal.strategy,
        dedupe_key=None,
        signal=signal,
    )
