"""Who is let in: addresses, secrets, signatures; and who has to wait after too many failures."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from yarl import URL

from config.settings import Settings, is_loopback
from gateway.ingress import auth
from gateway.ingress.addresses import Address, Untrustworthy, bucket, is_within, parse_address, real_client
from gateway.ingress.answers import Turned
from gateway.ingress.quiet import Quiet
from gateway.ingress.throttle import Throttle
from gateway.metrics import Metrics

log = structlog.get_logger()

#: Failed authentications that one sender may have in this many seconds.
FAILURES, FAILURE_SECONDS = 10, 60.0
#: Whoever forwards a request says so in one of these; then its sender is not this machine.
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP", "Via", "CF-Connecting-IP")
_BEARER = "bearer "
_SAME_SITE = (None, "same-origin", "none")


class Gatekeeper:
    """Judges each request by the settings; keeps count of failures."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        secret = settings.webhook_secret
        self._secret = secret.get_secret_value() if secret is not None else None
        self._server = settings.server
        self._metrics = metrics
        self._clock = clock
        self._failures = Throttle(limit=FAILURES, seconds=FAILURE_SECONDS)
        self._quiet = Quiet()

    def client(self, request: web.Request) -> Address:
        """The real client. Raises Turned(400) when somebody lies about it."""
        peer = parse_address(request.remote or "")
        if peer is None:
            raise Turned(HTTPStatus.FORBIDDEN, "the sender has no address")
        proxies = self._server.trusted_proxies
        if not proxies:
            return peer
        try:
            return real_client(peer, request.headers.getall("X-Forwarded-For", ()), proxies)
        except Untrustworthy as error:
            raise Turned(HTTPStatus.BAD_REQUEST, str(error)) from error

    def admit_sender(self, request: web.Request) -> Address:
        """The client of an alert, if alerts may come from its address. Raises Turned(403)."""
        client = self.client(request)
        allowed = self._server.allowed_ips
        if allowed and not is_within(client, allowed):
            raise Turned(HTTPStatus.FORBIDDEN, "alerts are not accepted from this address")
        if self._secret is None and not self.is_this_machine(request):
            raise Turned(
                HTTPStatus.FORBIDDEN, "without webhook_secret, alerts are accepted from this machine only"
            )
        return client

    def authenticate_alert(
        self, request: web.Request, client: Address, offered: list[str], body: bytes
    ) -> str | None:
        """The alert is the owner's: returns its webhook-id if it is signed.

        `offered` are the secrets found in path and body. Whatever is offered must be right, and something
        must be offered, unless no secret is configured. Raises Turned (401; 429 after too many failures).
        """
        signature = auth.signature_of(request.headers)
        if self._secret is not None:
            right = auth.all_match(offered, self._secret)
            signed = signature is None or auth.is_authentic(signature, body, self._secret, self._clock())
            if not (right and signed and (offered or signature)):
                raise self._failed(client, "no or wrong secret")
        return signature.webhook_id if signature is not None else None

    def authenticate_owner(self, request: web.Request, *, local_is_owner: bool = False) -> None:
        """`Authorization: Bearer <webhook_secret>`; a request of this machine itself where no secret is
        configured, or `local_is_owner`. Raises Turned.
        """
        client = self.client(request)
        if (local_is_owner or self._secret is None) and self.is_this_machine(request):
            return
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        offered = header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""
        if self._secret is None:
            raise Turned(HTTPStatus.FORBIDDEN, "without webhook_secret, only this machine may ask")
        if not auth.same_secret(offered, self._secret):
            raise self._failed(client, "Authorization: Bearer <webhook_secret> is missing or wrong")

    def is_this_machine(self, request: web.Request) -> bool:
        """Whether a program of this machine asks, by this machine's name, and no foreign web page through a
        browser here (DNS rebinding, cross-site posts).
        """
        headers = request.headers
        local = self.client(request).is_loopback and self._names_this_machine(request)
        if not local:
            return False
        is_known = bool(self._server.trusted_proxies) and "X-Forwarded-For" in headers
        if not is_known and any(name in headers for name in _FORWARDED):
            return False
        origin = headers.get(hdrs.ORIGIN)
        own = origin is None or origin == f"http://{request.host}"
        return own and headers.get("Sec-Fetch-Site") in _SAME_SITE

    def _names_this_machine(self, request: web.Request) -> bool:
        try:
            host = URL(f"http://{request.host}").host or ""
        except ValueError:
            return False
        return is_loopback(host) or host == self._server.host

    def _failed(self, client: Address, error: str) -> Turned:
        """The answer to a failed authentication: 401, and 429 from the one too many on."""
        self._metrics.turned_away.labels("authentication").inc()
        wait = self._failures.count(bucket(client))
        muted = self._quiet.speak("authentication")
        if muted is not None:
            log.warning("authentication_failed", client=str(client), muted=muted)
        if wait is None:
            return Turned(HTTPStatus.UNAUTHORIZED, error, {hdrs.WWW_AUTHENTICATE: "Bearer"})
        return Turned(
            HTTPStatus.TOO_MANY_REQUESTS, "too many failed authentications", {hdrs.RETRY_AFTER: str(wait)}
        )
