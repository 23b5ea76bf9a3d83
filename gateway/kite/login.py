"""The words of a Kite login: the page's address, the checksum, what the exchange of tokens grants. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gateway.domain.market import utc_now
from gateway.kite.fields import moment, one_row, optional_text, text

LOGIN_PAGE = "https://kite.zerodha.com/connect/login"


@dataclass(frozen=True, kw_only=True)
class SessionGrant:
    """A day's session. `login_time` is aware; the token dies at the next 06:00 IST (facts/kite.md 1.3)."""

    user_id: str
    user_name: str
    access_token: str = field(repr=False)
    login_time: datetime
    exchanges: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Who is logged in."""

    user_id: str
    user_name: str
    exchanges: frozenset[str]


def login_address(page: str | None, api_key: str, redirect_params: Mapping[str, str]) -> str:
    """The login page's address; Kite hands `redirect_params` back on its redirect (facts/kite.md 1.1)."""
    parts = urlsplit(page or LOGIN_PAGE)
    query = [*parse_qsl(parts.query), ("v", "3"), ("api_key", api_key)]
    if redirect_params:
        query.append(("redirect_params", urlencode(redirect_params)))
    return urlunsplit(parts._replace(query=urlencode(query)))


def login_checksum(api_key: str, request_token: str, api_secret: str) -> str:
    """SHA-256 over key, request token and secret (facts/kite.md 1.2)."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()


def parse_grant(answer: object) -> SessionGrant:
    """The answer to the exchange of tokens; raises BrokerError(UNKNOWN) without a user or a token."""
    row = one_row(answer, "login")
    return SessionGrant(
        user_id=text(row, "user_id", "login"),
        user_name=optional_text(row, "user_name") or "",
        access_token=text(row, "access_token", "login"),
        login_time=moment(row.get("login_time")) or utc_now(),
        exchanges=_exchanges(row),
    )


def parse_profile(answer: object) -> Profile:
    """The answer of `/user/profile`."""
    row = one_row(answer, "profile")
    return Profile(
        user_id=text(row, "user_id", "profile"),
        user_name=optional_text(row, "user_name") or "",
        exchanges=_exchanges(row),
    )


def _exchanges(row: Mapping[str, object]) -> frozenset[str]:
    listed = row.get("exchanges")
    return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()
