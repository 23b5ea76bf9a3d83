"""The one door to kiteconnect: each call made once, in a thread of its own kind, each failure classified.

Cancelling the awaiting task does not call a request back: a thread that has begun goes on, and an order may
exist. Whoever must learn the outcome awaits under `asyncio.shield`; whoever is cancelled takes the outcome as
unknown. A request still waiting for a thread is dropped, and never sent.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum, unique
from types import ModuleType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.kite.api import KiteApi
from gateway.kite.login import (
    Profile,
    SessionGrant,
    login_address,
    login_checksum,
    parse_grant,
    parse_profile,
)
from gateway.kite.outcomes import Evidence, classify
from gateway.kite.transport import OneAttemptSession

T = TypeVar("T")


def _import_kite_connect() -> Any:
    """`KiteConnect` without the unused `KiteTicker`, which brings Twisted: 20 MB and 0.15 s at each start."""
    ticker = "kiteconnect.ticker"
    stand_in = ModuleType(ticker)
    stand_in.KiteTicker = None  # type: ignore[attr-defined]
    absent = sys.modules.setdefault(ticker, stand_in) is stand_in
    try:
        from kiteconnect import KiteConnect  # noqa: PLC0415
    finally:
        if absent:
            del sys.modules[ticker]
    return KiteConnect


_KiteConnect = _import_kite_connect()


@unique
class CallKind(StrEnum):
    """What a call is to Kite's rate limits (facts/kite.md 5), and which threads make it."""

    PLACE = "place"
    #: Modifying and cancelling: with PLACE under the limits on orders.
    CHANGE = "change"
    #: GTTs: not counted as orders.
    GUARD = "guard"
    READ = "read"
    QUOTE = "quote"
    DOWNLOAD = "download"
    SESSION = "session"


#: Threads of each pool: a slow read never holds up an order, nor a stalled order a cancel.
_THREADS = {"place": 16, "change": 4, "read": 6}
_POOL_OF = {CallKind.PLACE: "place", CallKind.CHANGE: "change", CallKind.GUARD: "change"}
#: Seconds granted beyond those of any call.
_EXTRA = {CallKind.DOWNLOAD: 120.0}
#: The instruments are given to anybody; without a token Kite would refuse the rest.
_WITHOUT_TOKEN = frozenset({CallKind.SESSION, CallKind.DOWNLOAD})

#: A login's refusal says nothing of the token in force; of an order its fate is written down first.
_DEATH_HEARD_ELSEWHERE = frozenset({CallKind.SESSION, CallKind.PLACE})
#: Awaited when Kite refuses a call's token: the token, Kite's words.
OnDeadToken = Callable[[str, str], Awaitable[None]]

#: Awaited before each call: may wait (pacing) or raise.
Pace = Callable[[CallKind], Awaitable[None]]
#: Told of each call after it: its kind, seconds taken, the failure if it was one.
Observe = Callable[[CallKind, float, BrokerError | None], None]


class KiteClient:
    """Kite Connect from asyncio. Every method raises BrokerError only, and none tries twice."""

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: SecretStr | str,
        api_url: str | None = None,
        login_url: str | None = None,
        timeout: tuple[float, float] = (3.05, 10.0),
        slack: float = 5.0,
        pace: Pace | None = None,
        observe: Observe | None = None,
    ) -> None:
        """`timeout`: seconds to connect, seconds of silence in an answer; `slack`: seconds that a call may
        take beyond both in all, waiting for a thread included; urls that are None are Kite's.
        """
        self._api_key = api_key
        self._secret = SecretStr(api_secret) if isinstance(api_secret, str) else api_secret
        self._login_page = login_url
        self._pace = pace
        self._observe = observe
        self._closed = False
        self.on_dead_token: OnDeadToken = _nobody
        self._deadline = sum(timeout) + slack
        self._http = OneAttemptSession(connections=sum(_THREADS.values()))
        self._kite = _connect(api_key, api_url, timeout, self._http)
        self._pools = {
            name: ThreadPoolExecutor(count, thread_name_prefix=f"kite-{name}")
            for name, count in _THREADS.items()
        }

    # the session ---------------------------------------------------------------------------------------

    def login_url(self, redirect_params: Mapping[str, str]) -> str:
        """Where the owner logs in; Kite hands `redirect_params` back on its redirect."""
        return login_address(self._login_page, self._api_key, redirect_params)

    async def create_session(self, request_token: str) -> SessionGrant:
        """Exchanges the one-time token; nothing is in force until `use_token` (the user is checked first)."""
        params = {
            "api_key": self._api_key,
            "request_token": request_token,
            "checksum": login_checksum(self._api_key, request_token, self._secret.get_secret_value()),
        }
        answer = await self.call(CallKind.SESSION, lambda kite: kite._post("api.token", params=params))  # noqa: SLF001
        return parse_grant(answer)

    def use_token(self, access_token: str) -> None:
        """From here on calls go out in that session."""
        self._kite.set_access_token(access_token)

    def drop_token(self) -> None:
        """From here on calls that need a session fail with the fault TOKEN, and are not sent."""
        self._kite.set_access_token(None)

    def credentials(self) -> tuple[str, str] | None:
        """Key and access token of the present session, for the stream."""
        token = self._kite.access_token
        return (self._api_key, token) if token else None

    async def profile(self) -> Profile:
        """Who is logged in; the cheapest proof that a token lives."""
        return parse_profile(await self.read("user.profile"))

    async def invalidate(self, access_token: str | None = None) -> None:
        """Kills a token at Kite: the one given, or the one in force, which is dropped."""
        doomed = access_token or self._kite.access_token
        if not doomed:
            return
        await self.call(CallKind.SESSION, lambda kite: kite.invalidate_access_token(doomed))
        if doomed == self._kite.access_token:
            self.drop_token()

    # the calls -----------------------------------------------------------------------------------------

    async def read(
        self,
        route: str,
        *,
        kind: CallKind = CallKind.READ,
        url_args: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> object:
        """A GET by kiteconnect's name of the route: the answer's `data` as JSON, or the bytes of a CSV."""
        found: object = await self.call(
            kind,
            lambda kite: kite._get(route, url_args=url_args, params=params),  # noqa: SLF001
        )
        return found

    async def call(self, kind: CallKind, act: Callable[[KiteApi], T]) -> T:
        """Runs `act` in a thread, once. Raises BrokerError with what the failure means for an order."""
        if self._pace is not None:
            await self._pace(kind)
        if kind not in _WITHOUT_TOKEN and not self._kite.access_token:
            raise BrokerError("not logged in to Kite", outcome=Outcome.NOT_SENT, fault=BrokerFault.TOKEN)
        started, token = time.monotonic(), self._kite.access_token
        if self._closed:
            raise BrokerError("the gateway is stopping", outcome=Outcome.NOT_SENT)
        job = self._pools[_POOL_OF.get(kind, "read")].submit(self._attempt, kind, act)
        result = await self._await(job, self._deadline + _EXTRA.get(kind, 0.0))
        failure = result if isinstance(result, BrokerError) else None
        if self._observe is not None:
            self._observe(kind, time.monotonic() - started, failure)
        if failure is not None:
            if failure.fault is BrokerFault.TOKEN and kind not in _DEATH_HEARD_ELSEWHERE and token:
                await self.on_dead_token(token, failure.sentence)
            raise failure
        return cast(T, result)

    async def _await(self, job: "Future[T | BrokerError]", seconds: float) -> T | BrokerError:
        waiter = asyncio.wrap_future(job)
        try:
            done, _ = await asyncio.wait({waiter}, timeout=seconds)
        except asyncio.CancelledError:
            job.cancel()  # only a job that no thread has begun
            raise
        if done and not waiter.cancelled():
            return waiter.result()
        if waiter.cancelled() or job.cancel():
            return BrokerError("Kite was not asked: no thread was free", outcome=Outcome.NOT_SENT)
        return BrokerError(
            f"Kite gave no clear answer: no end to it after {seconds:.0f} s", outcome=Outcome.UNKNOWN
        )

    def _attempt(self, kind: CallKind, act: Callable[[KiteApi], T]) -> T | BrokerError:
        """In the thread. The error is returned, not raised: its causes carry addresses, and those tokens."""
        evidence = Evidence(private=kind is CallKind.SESSION)
        with self._http.attempt(evidence):
            try:
                return act(self._kite)
            except Exception as error:  # noqa: BLE001  the border: whatever the library raises is classified
                return classify(error, evidence)

    async def close(self, grace: float = 5.0) -> None:
        """Takes no more calls; gives those under way `grace` seconds, then breaks their connections."""
        self._closed = True
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        ended = asyncio.create_task(asyncio.to_thread(self._join))
        await asyncio.wait({ended}, timeout=grace)
        while not ended.done():  # again and again: one may have been connecting still
            self._http.sever()
            await asyncio.wait({ended}, timeout=0.1)
        self._http.close()

    def _join(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=True)


async def _nobody(_token: str, _words: str) -> None:
    """Nobody asked to hear of dead tokens."""


def _connect(
    api_key: str, api_url: str | None, timeout: tuple[float, float], session: OneAttemptSession
) -> Any:
    """A KiteConnect on our session; never with `debug`, which logs the token.

    The library drops the path of a root (facts/kite.md 9.1): it goes in front of each route.
    """
    path = urlsplit(api_url or "").path.rstrip("/")
    kite = _KiteConnect(api_key=api_key, root=api_url, timeout=timeout)
    kite._routes = {name: path + route for name, route in kite._routes.items()}  # noqa: SLF001
    kite.reqsession.close()
    kite.reqsession = session
    return kite
