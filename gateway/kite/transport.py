"""The HTTP session under kiteconnect: IPv4, no proxy, no redirect, one attempt, and evidence of each."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection as HttpClientConnection
from http.cookiejar import DefaultCookiePolicy
from socket import SHUT_RDWR
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from gateway.domain.checkpoints import checkpoint
from gateway.kite.outcomes import Evidence, OddAnswer, plain_words

#: A kept connection idle for longer is not used again: a POST into a dead one would be an unknown outcome.
IDLE_SECONDS = 15.0
#: Bytes of a page that are looked at for its words.
_LOOKED_AT = 10_000
_ANY_IPV4 = ("0.0.0.0", 0)  # noqa: S104  where requests leave from, not where anything listens

#: Its debug lines show addresses, and that of a logout holds the token.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class _ThisThread(threading.local):
    """The attempt that this worker thread is making."""

    evidence = Evidence()
    connections: "set[HttpClientConnection] | None" = None


_this_thread = _ThisThread()


class _Witness(HttpClientConnection):
    """A connection that says when the first byte of a request goes out, and how long it has idled."""

    _used_at = 0.0

    def send(self, data: Any) -> None:
        """Connects where needed (still nothing sent), then notes that the request leaves."""
        if self.sock is None:
            self.connect()
        if _this_thread.connections is not None:
            _this_thread.connections.add(self)
        checkpoint("kite.connected")
        _this_thread.evidence.sent = True
        self._used_at = time.monotonic()
        super().send(data)
        checkpoint("kite.request_written")

    def fresh(self) -> bool:
        """Whether it was used within the last `IDLE_SECONDS`."""
        return time.monotonic() - self._used_at < IDLE_SECONDS


class _HttpConnection(_Witness, HTTPConnection):
    @property
    def is_connected(self) -> bool:
        return self.fresh() and super().is_connected


class _HttpsConnection(_Witness, HTTPSConnection):
    @property
    def is_connected(self) -> bool:
        return self.fresh() and super().is_connected


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Ipv4Adapter(HTTPAdapter):
    """Binds each socket to an IPv4 source, so that IPv6 addresses are passed over (facts/kite.md 6.4)."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """As requests does it, with our connections."""
        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, source_address=_ANY_IPV4, **kwargs
        )
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class OneAttemptSession(requests.Session):
    """A requests session that sends each request once, to the very address asked for, from any thread."""

    def __init__(self, *, connections: int) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Ipv4Adapter(pool_maxsize=connections, max_retries=0))
        self._under_way: dict[int, set[HttpClientConnection]] = {}

    @contextmanager
    def attempt(self, evidence: Evidence) -> Iterator[None]:
        """While open, what this thread sends is noted in `evidence`."""
        key = threading.get_ident()
        connections: set[HttpClientConnection] = set()
        self._under_way[key] = connections
        _this_thread.evidence, _this_thread.connections = evidence, connections
        try:
            yield
        finally:
            _this_thread.evidence, _this_thread.connections = Evidence(), None
            del self._under_way[key]

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """One request; raises OddAnswer on a redirect and on any failure that is not Kite's own envelope."""
        kwargs["allow_redirects"] = False
        response = super().request(*args, **kwargs)
        checkpoint("kite.answer_read")
        _examine(response, _this_thread.evidence)
        return response

    def sever(self) -> None:
        """Breaks every connection on which an answer is awaited: their threads end at once."""
        for connections in list(self._under_way.values()):
            for connection in list(connections):
                with suppress(OSError, AttributeError):  # closed meanwhile
                    connection.sock.shutdown(SHUT_RDWR)


def _examine(response: requests.Response, evidence: Evidence) -> None:
    evidence.status = response.status_code
    kind = response.headers.get("content-type", "")
    if response.status_code == 200:
        if "json" in kind or "csv" in kind:
            return
        raise OddAnswer(_described(response, _beginning(response)))
    envelope = _envelope(response) if "json" in kind else {}
    if not isinstance(envelope.get("error_type"), str) or not isinstance(envelope.get("message"), str):
        raise OddAnswer(_described(response, str(envelope.get("message") or _beginning(response))))
    evidence.error_type, evidence.message = envelope["error_type"], envelope["message"]


def _envelope(response: requests.Response) -> dict[str, Any]:
    try:
        answer = json.loads(response.content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _beginning(response: requests.Response) -> str:
    return response.content[:_LOOKED_AT].decode(errors="replace")


def _described(response: requests.Response, body: str) -> str:
    return plain_words(f"HTTP {response.status_code} {body}")
