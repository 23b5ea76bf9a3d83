"""Kite's login: to its page with a one-time state, and back with a request token (facts/kite.md 1)."""

from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web

from gateway.domain.errors import BrokerError, StorageFailed
from gateway.ingress.addresses import bucket
from gateway.ingress.answers import Turned
from gateway.ingress.door import Door
from gateway.ingress.gatekeeper import Gatekeeper
from gateway.ingress.pages import HEADERS, page
from gateway.ingress.throttle import Throttle
from gateway.session import LoginRefused
from storage import sessions

log = structlog.get_logger()

#: Logins that one address, and all together, may begin a minute: each leaves a row for a quarter of an hour.
_BEGUN, _BEGUN_BY_ALL, _MINUTE = 10, 60, 60.0
_LONGEST: Final = 128
_BEGIN_AGAIN: Final = "Begin again from the login button, or at /kite/login."


class LoginPages:
    """`GET /kite/login` and `GET /kite/callback`."""

    def __init__(self, door: Door, gatekeeper: Gatekeeper) -> None:
        self._door = door
        self._gatekeeper = gatekeeper
        self._begun = Throttle(limit=_BEGUN, seconds=_MINUTE)
        self._begun_by_all = Throttle(limit=_BEGUN_BY_ALL, seconds=_MINUTE)
        self._strays = Throttle(limit=_BEGUN_BY_ALL, seconds=_MINUTE)

    async def begin(self, request: web.Request) -> web.Response:
        """To Kite's login page: of `?venue=`, else of the live venue if there is one, else of paper."""
        session = self._door.sessions.get(request.query.get("venue") or self._usual_venue())
        if session is None:
            return page(
                "No such venue", "Only a venue in use can be logged in to.", status=HTTPStatus.NOT_FOUND
            )
        self._not_too_often(request)
        try:
            address = await session.login_address()
        except StorageFailed:
            return _not_stored()
        return web.Response(status=HTTPStatus.FOUND, headers={**HEADERS, hdrs.LOCATION: address})

    async def finish(self, request: web.Request) -> web.Response:
        """Back from Kite: the state must be one we gave out, once; then the token is exchanged."""
        state, token = (request.query.get(name, "") for name in ("state", "request_token"))
        status = request.query.get("status", "success")
        if status != "success" or not 0 < len(token) <= _LONGEST:
            return page("Kite did not log in", _BEGIN_AGAIN, status=HTTPStatus.BAD_REQUEST)
        try:
            venue = await self._venue_of(state)
            if venue is None:
                return self._stray(request)
            return await self._exchange(venue, token)
        except StorageFailed:
            return _not_stored()

    async def _venue_of(self, state: str) -> str | None:
        """The venue whose login this state began; the state is used up by asking."""
        if not 0 < len(state) <= _LONGEST or not state.isascii():
            return None
        now = self._door.clock()
        return await self._door.database.write(
            lambda connection: sessions.use_login_state(connection, state, now)
        )

    async def _exchange(self, venue: str, token: str) -> web.Response:
        session = self._door.sessions.get(venue)
        if session is None:
            return page("No such venue", "This venue is not in use any more.", status=HTTPStatus.NOT_FOUND)
        try:
            await session.login(token)
        except LoginRefused as error:
            return page("Refused: another user", str(error), _BEGIN_AGAIN, status=HTTPStatus.FORBIDDEN)
        except BrokerError as error:
            log.warning("login_failed", venue=venue, error=error.sentence)
            said = f"Kite said: {error.sentence}"
            return page("The login failed", said, _BEGIN_AGAIN, status=HTTPStatus.BAD_REQUEST)
        return page("Logged in", f"{venue}: {session.view().detail}.", "You can close this page.")

    def _usual_venue(self) -> str:
        return "live" if "live" in self._door.sessions else "paper"

    def _not_too_often(self, request: web.Request) -> None:
        """A stranger's requests must not fill the database."""
        sender = bucket(self._gatekeeper.client(request))
        wait = self._begun.count(sender) or self._begun_by_all.count("all")
        if wait is not None:
            raise _too_many("too many logins were begun", wait)

    def _stray(self, request: web.Request) -> web.Response:
        """A state that is wrong, too old, or was used before."""
        wait = self._strays.count(bucket(self._gatekeeper.client(request)))
        if wait is not None:
            raise _too_many("too many logins that nobody here began", wait)
        log.warning("login_state_refused")
        return page(
            "Refused",
            "This login was not begun here, is too old, or was used before.",
            _BEGIN_AGAIN,
            status=HTTPStatus.FORBIDDEN,
        )


def _too_many(error: str, wait: int) -> Turned:
    return Turned(HTTPStatus.TOO_MANY_REQUESTS, error, {hdrs.RETRY_AFTER: str(wait)})


def _not_stored() -> web.Response:
    return page(
        "Not now",
        "The database takes nothing at the moment. Try again.",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )
