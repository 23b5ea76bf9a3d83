"""The session: one day's Kite login of a venue, kept encrypted, dead at 06:00 IST or Kite's first 403."""

import base64
import hashlib
import html
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection

from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import BrokerError, ManjhaError, StorageFailed
from gateway.domain.market import ist, next_token_death
from gateway.domain.order import Venue
from gateway.kite.client import KiteClient
from storage import sessions
from storage.engine import Database
from storage.notices import Outbox

log = structlog.get_logger()

DAY = timedelta(days=1)


class LoginRefused(ManjhaError):
    """The login did not end in a session; the text says why."""


@dataclass(frozen=True, kw_only=True)
class SessionView:
    """What may be said of a session: never its token."""

    alive: bool
    user_id: str | None
    detail: str


class Session:
    """The login of one venue. Holders of the client see its token come and go."""

    def __init__(
        self,
        venue: Venue,
        client: KiteClient,
        database: Database,
        outbox: Outbox,
        clock: Callable[[], datetime],
        *,
        user_id: str,
        key_material: str,
        add_secret: Callable[[str], None],
        needs: frozenset[str] = frozenset(),
    ) -> None:
        """`needs`: the exchanges that are traded on; an account that lacks one is told of at the login."""
        self._needs = needs
        self.venue = venue
        self._client = client
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._user_id = user_id
        self._cipher = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key_material.encode()).digest()))
        self._add_secret = add_secret
        self._expires_at: datetime | None = None
        self._began_at = self._login_at = clock()
        self._logging_in = 0
        self._name: str | None = None
        self._why_dead = "nobody has logged in"
        self._deaths: list[datetime] = []
        client.on_dead_token = self._hear_of_death
        #: Called after each login, when the client has its token.
        self.on_login: list[Callable[[], None]] = []

    @property
    def alive(self) -> bool:
        """Whether calls can be made now, as far as is known."""
        return self._expires_at is not None and self._clock() < self._expires_at

    def view(self) -> SessionView:
        """For `/status` and `/readyz`."""
        if self.alive and self._expires_at is not None:
            return SessionView(
                alive=True,
                user_id=self._name,
                detail=f"{self._name} until {ist(self._expires_at):%d %b %H:%M} IST",
            )
        reason = "the login ended at 06:00 IST" if self._expires_at is not None else self._why_dead
        return SessionView(alive=False, user_id=None, detail=f"{reason}: log in")

    async def restore(self) -> None:
        """Takes up the login of an earlier run, if it still lives."""
        row = await self._database.read(lambda connection: sessions.get(connection, self.venue))
        if row is None or row.expires_at <= self._clock():
            return
        try:
            token = self._cipher.decrypt(row.access_token.encode()).decode()
        except InvalidToken:
            self._why_dead = "the kept login belongs to another api_secret"
            return
        self._begin(token, row.user_id, row.login_at, row.expires_at)

    async def login_address(self) -> str:
        """Kite's login page, carrying a fresh one-time state."""
        state = secrets.token_urlsafe(24)
        now = self._clock()
        await self._database.write(
            lambda connection: sessions.begin_login(connection, state, self.venue, now)
        )
        return self._client.login_url({"state": state})

    async def login(self, request_token: str) -> str:
        """Exchanges the request token; returns the name of who is logged in.

        Raises LoginRefused for another user than the configured one, BrokerError when Kite says no.
        """
        self._logging_in += 1
        try:
            return await self._exchange(request_token)
        finally:
            self._logging_in -= 1

    async def _exchange(self, request_token: str) -> str:
        grant = await self._client.create_session(request_token)
        if self._user_id and grant.user_id != self._user_id:
            with suppress(BrokerError):  # the stranger's token should not live on, but ours is what matters
                await self._client.invalidate(grant.access_token)
            raise LoginRefused(f"Kite logged in {grant.user_id}, but kite.user_id is {self._user_id}.")
        checkpoint("session.granted")
        now = self._clock()
        expires_at = next_token_death(now)
        sealed = self._cipher.encrypt(grant.access_token.encode()).decode()

        def keep(connection: Connection) -> None:
            sessions.put(
                connection,
                at=now,
                venue=self.venue,
                user_id=grant.user_id,
                user_name=grant.user_name,
                access_token=sealed,
                expires_at=expires_at,
            )
            # Kite names the account's exchanges at the login (facts/kite.md 1.2).
            if grant.exchanges and (missing := self._needs - grant.exchanges):
                self._outbox.tell(connection, _lacking(self.venue, missing), at=now)

        await self._database.write(keep)
        checkpoint("session.stored")
        self._begin(grant.access_token, grant.user_id, now, expires_at)
        log.info("session_opened", venue=self.venue, user_id=grant.user_id)
        return grant.user_id

    async def mark_dead(self, reason: str, asked_at: datetime) -> None:
        """Kite said that the token is dead, to a call made at `asked_at`; told once.

        A call made before the present login speaks of an older token, and says nothing of this one.
        """
        if self._may_have_died() and asked_at >= self._began_at:
            await self._die(reason)

    def expire(self) -> None:
        """After 06:00 IST the client forgets the token: Kite's refusals of it would be no news."""
        if self._expires_at is not None and not self.alive:
            self._client.drop_token()

    def _may_have_died(self) -> bool:
        """Not of age, which is no news; nor by the login under way, which ends the token before it."""
        self.expire()
        return self.alive and not self._logging_in

    async def _hear_of_death(self, token: str, reason: str) -> None:
        """Kite refused a call made with `token`. Never raises: its maker hears the call's own failure."""
        current = self._client.credentials()
        if not self._may_have_died() or current is None or current[1] != token:
            return
        try:
            await self._die(reason)
        except StorageFailed as error:
            log.error("session_loss_not_stored", error=str(error))

    async def _die(self, reason: str) -> None:
        self._expires_at = None
        self._why_dead = reason
        self._client.drop_token()
        now, began = self._clock(), self._login_at
        self._deaths = [at for at in self._deaths if now - at < DAY] + [now]
        text = _lost(self.venue, reason, len(self._deaths))
        await self._database.write(
            lambda connection: self._record_death(connection, began, text, reason, now)
        )
        log.warning("session_lost", venue=self.venue, reason=reason)

    def _record_death(
        self, connection: Connection, login_at: datetime, text: str, reason: str, now: datetime
    ) -> None:
        """Of the login that died; the next one may have been written down meanwhile."""
        if sessions.drop(connection, self.venue, login_at, reason, now):
            self._outbox.tell(connection, text, at=now)

    def _begin(self, token: str, user_id: str, login_at: datetime, expires_at: datetime) -> None:
        self._add_secret(token)
        self._login_at = login_at
        self._began_at = self._clock()
        self._client.use_token(token)
        self._expires_at = expires_at
        self._name = user_id
        for hook in self.on_login:
            hook()


def _lost(venue: Venue, reason: str, times: int) -> str:
    """A token that dies before 06:00 IST was ended by somebody (facts/kite.md 1.4)."""
    why = html.escape(reason.rstrip("."))
    text = (
        f"🔑 <b>Kite session lost</b> ({venue}): {why}. It should have lived until 06:00 IST: "
        "somebody logged in elsewhere with the same api_key (a second gateway, a script), or logged out of "
        "all devices. Until you log in again (/login) entries are refused and exits are kept."
    )
    if times > 1:
        text += (
            f"\nIt is the {times}. time within a day: two programs that share one api_key end each other's "
            "logins. Give the other one an app of its own."
        )
    return text


def _lacking(venue: Venue, missing: frozenset[str]) -> str:
    return (
        f"⚠️ <b>The account has no {' and no '.join(sorted(missing))}</b> ({venue}): Kite will refuse orders "
        "there. The segment is switched on in Kite's console."
    )
