"""Logins: one-time request tokens, and the one access token that is alive (facts/kite.md 1)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_hex
from typing import Final

from gateway.paper.refusals import dead_token, spent_request_token, wrong_checksum
from gateway.paper.wire import IST, ist

REQUEST_TOKEN_LIFE: Final = timedelta(minutes=5)
TOKENS_DIE_AT: Final = time(6, 0)


@dataclass(frozen=True, kw_only=True)
class Session:
    """The login of one day; the token dies at the next 06:00 IST, or when killed."""

    access_token: str
    public_token: str
    login_time: datetime
    killed: bool = False

    def alive(self, now: datetime) -> bool:
        login = ist(self.login_time)
        end = datetime.combine(login.date(), TOKENS_DIE_AT, tzinfo=IST)
        if login >= end:
            end += timedelta(days=1)
        return not self.killed and now < end


class Sessions:
    """Exchanges request tokens for access tokens; a new session kills the one before (facts/kite.md 1.4)."""

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: str,
        now: Callable[[], datetime],
        record: Callable[[str, object], None],
    ) -> None:
        self.api_key = api_key
        self._secret = api_secret
        self._now = now
        self._record = record
        self._requested: dict[str, datetime] = {}
        self.current: Session | None = None

    def issue_request_token(self) -> str:
        """A token as the login page hands out: good once, for a few minutes."""
        token = token_hex(16)
        self._requested[token] = self._now()
        return token

    def exchange(self, api_key: str, request_token: str, checksum: str) -> Session:
        """The new session. Raises Refusal for a wrong checksum, and an unknown, used or too old token."""
        proof = sha256(f"{api_key}{request_token}{self._secret}".encode()).hexdigest()
        if api_key != self.api_key or not compare_digest(proof.encode(), checksum.encode()):
            raise wrong_checksum()
        issued = self._requested.pop(request_token, None)
        if issued is None or self._now() - issued > REQUEST_TOKEN_LIFE:
            raise spent_request_token()
        return self.begin()

    def begin(self) -> Session:
        """Starts a session; the one before is dead from now on."""
        self.current = Session(access_token=token_hex(16), public_token=token_hex(16), login_time=self._now())
        self._record("session", self.current)
        return self.current

    def check(self, api_key: str, access_token: str) -> None:
        """Raises Refusal unless this is the token that is alive."""
        session = self.current
        alive = session is not None and session.alive(self._now())
        if not alive or api_key != self.api_key or session is None or session.access_token != access_token:
            raise dead_token()

    def kill(self) -> None:
        """Ends the session, as a log-out or a master log-out does."""
        if self.current is not None:
            self.current = replace(self.current, killed=True)
            self._record("session", self.current)
