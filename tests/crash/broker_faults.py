"""What goes wrong at the broker in a trial, as faults of the paper exchange (facts/reliability.md 6.4)."""

from typing import Any

PLACE = "POST /orders/*"
TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
#: A real user's book was 83 s late (facts/reliability.md 1.2), the owner is asked after 180 s: both shrunk.
LATE_SECONDS = 20.0
SLOW_SECONDS = 3.0


def _lost(**fields: Any) -> dict[str, Any]:
    return {"kind": "drop", "route": PLACE, "accepted": True, **fields}


def _late(seconds: float) -> dict[str, Any]:
    return {"kind": "book_late", "seconds": seconds}


def broker_faults(words: str, late: float = LATE_SECONDS) -> dict[str, list[dict[str, Any]]]:
    """Faults by name. `words` make a refusal of this trial's own: three alike would stop entries."""
    refusal = f"RMS:Rule: check of {words} failed"
    return {
        "none": [],
        "accepted, answer lost": [_lost()],
        "not accepted, answer lost": [_lost(accepted=False)],
        "accepted, 502": [{"kind": "html", "route": PLACE, "accepted": True, "code": 502}],
        "not accepted, 502": [{"kind": "html", "route": PLACE, "code": 502}],
        "accepted, 400 timed out": [
            {
                "kind": "refuse",
                "route": PLACE,
                "accepted": True,
                "error_type": "OrderException",
                "message": TIMED_OUT,
            }
        ],
        "accepted, answer cut": [{"kind": "truncated", "route": PLACE, "accepted": True}],
        "accepted, no order id": [{"kind": "no_order_id"}],
        "429": [
            {
                "kind": "refuse",
                "route": PLACE,
                "code": 429,
                "error_type": "NetworkException",
                "message": "Too many requests",
            }
        ],
        "slow answer": [{"kind": "delay", "route": PLACE, "accepted": True, "seconds": SLOW_SECONDS}],
        "slow acceptance": [{"kind": "delay", "route": PLACE, "seconds": SLOW_SECONDS}],
        "late book": [_late(late)],
        "answer lost, late book": [_lost(), _late(late)],
        "refused": [{"kind": "refuse", "route": PLACE, "error_type": "MarginException", "message": refusal}],
        "rejected later": [{"kind": "reject_late", "message": refusal, "seconds": 0.2}],
    }


FAULTS = tuple(broker_faults(""))
