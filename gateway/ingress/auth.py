"""Proofs that an alert is the owner's: the secret itself, or a signature made with it. Constant in time."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

#: How far a signature's timestamp may lie from now, to either side (the contract).
TOLERANCE = timedelta(minutes=5)
_LONGEST_ID = 256
_TIMESTAMP_DIGITS = 12
_MOST_SIGNATURES = 8
_VERSION = "v1"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The Standard Webhooks headers of one request, as they came."""

    webhook_id: str
    timestamp: str
    signatures: str


def same_secret(offered: str, secret: str) -> bool:
    """Whether both are the same, in a time that tells neither the length nor the letters.

    Hashes are compared: they have one length, and are bytes (`compare_digest` raises on non-ASCII text).
    """
    return hmac.compare_digest(_digest(offered), _own_digest(secret))


def all_match(offered: Iterable[str], secret: str) -> bool:
    """Whether every one of the offered secrets is right; each is compared, whatever the others came to."""
    verdicts = [same_secret(each, secret) for each in offered]
    return all(verdicts)


def signature_of(headers: Mapping[str, str]) -> Signature | None:
    """The signature a request carries; None where `webhook-signature` is missing."""
    signatures = headers.get("webhook-signature")
    if signatures is None:
        return None
    return Signature(
        webhook_id=headers.get("webhook-id", ""),
        timestamp=headers.get("webhook-timestamp", ""),
        signatures=signatures,
    )


def is_authentic(signature: Signature, body: bytes, secret: str, now: datetime) -> bool:
    """Whether one of the signatures is HMAC-SHA256 over `id.timestamp.body`, keyed with the secret's UTF-8
    bytes, and made within TOLERANCE of `now`.

    The standardwebhooks package does not serve: it takes text for a body, decodes the key from base64, reads
    the clock itself, and raises bare ValueErrors on malformed headers.
    """
    head = f"{signature.webhook_id}.{signature.timestamp}.".encode("utf-8", "surrogatepass")
    expected = hmac.new(secret.encode(), head + body, hashlib.sha256).digest()
    offered = [_decoded(each) for each in signature.signatures.split(" ")[:_MOST_SIGNATURES]]
    matches = [hmac.compare_digest(expected, each) for each in offered]
    return any(matches) and _is_timely(signature.timestamp, now) and _is_id(signature.webhook_id)


@lru_cache(maxsize=4)
def _own_digest(secret: str) -> bytes:
    return _digest(secret)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _decoded(versioned: str) -> bytes:
    version, _, encoded = versioned.partition(",")
    if version != _VERSION:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_timely(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _TIMESTAMP_DIGITS):
        return False
    return abs(now.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


def _is_id(webhook_id: str) -> bool:
    return 0 < len(webhook_id) <= _LONGEST_ID
