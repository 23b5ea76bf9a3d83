"""The connections: how many, how long one may take over its first request; garbage is answered briefly."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web

from gateway.ingress.addresses import Network, bucket, is_within, parse_address
from gateway.ingress.answers import refusal
from gateway.ingress.quiet import Quiet
from gateway.metrics import Metrics

log = structlog.get_logger()

#: The first request's headers must be complete within this time, in seconds.
HEADER_SECONDS: Final = 5.0
#: So long an answered connection may stay without a whole new request, in seconds.
KEEPALIVE_SECONDS: Final = 30.0
#: So long the rest of a refused body is still read, so that its sender sees the answer, in seconds.
LINGERING_SECONDS: Final = 1.0
#: Open connections in all (below the usual 1024 files of a process), and of one sender.
MAX_CONNECTIONS: Final = 768
MAX_CONNECTIONS_PER_SENDER: Final = 64
_OPTIONS: Final[dict[str, Any]] = {
    "keepalive_timeout": KEEPALIVE_SECONDS,
    "lingering_time": LINGERING_SECONDS,
    "max_headers": 64,
    "access_log": None,
}


class Connections:
    """Counts the open connections. Loopback and trusted proxies speak for many: only the total binds them."""

    def __init__(self, proxies: Sequence[Network], metrics: Metrics) -> None:
        self._proxies = proxies
        self._open: Counter[str] = Counter()
        self._total = 0
        self.metrics = metrics
        self.quiet = Quiet()

    def enter(self, peername: object) -> str | None:
        """The sender a new connection counts for; None: one too many."""
        sender, is_many = self._sender(peername)
        full = self._total >= MAX_CONNECTIONS
        if full or (not is_many and self._open[sender] >= MAX_CONNECTIONS_PER_SENDER):
            self.metrics.turned_away.labels("connection").inc()
            return None
        self._open[sender] += 1
        self._total += 1
        return sender

    def leave(self, sender: str) -> None:
        """A connection that was let in is closed."""
        self._total -= 1
        self._open[sender] -= 1
        if not self._open[sender]:
            del self._open[sender]

    def _sender(self, peername: object) -> tuple[str, bool]:
        text = str(peername[0]) if isinstance(peername, tuple) and peername else ""
        address = parse_address(text)
        if address is None:
            return text, False
        return bucket(address), address.is_loopback or is_within(address, self._proxies)


class DoorProtocol(web.RequestHandler):
    """aiohttp's connection, with a deadline for the first request's headers: aiohttp itself waits for ever
    (facts/reliability.md 1.7).
    """

    __slots__ = ("_connections", "_deadline", "_sender")

    def __init__(self, server: web.Server, connections: Connections) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **_OPTIONS)
        self._connections = connections
        self._sender: str | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets the connection in, or drops it."""
        self._sender = self._connections.enter(transport.get_extra_info("peername"))
        if self._sender is None:
            assert isinstance(transport, asyncio.Transport)  # noqa: S101  what a TCP server's protocol gets
            transport.abort()
            return
        super().connection_made(transport)
        self._deadline = self._loop.call_later(HEADER_SECONDS, self._give_up)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Makes room."""
        if self._sender is None:
            return
        self._connections.leave(self._sender)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP gets a short 400 and at most a line in the log (of aiohttp: a traceback)."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; no other can be given")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_failed", exc_info=exc)
            response = refusal(status, "the request could not be handled")
        else:
            self._note_garbage(exc)
            response = refusal(status, "this is no valid HTTP request")
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp reads the rest of a refused body; one that breaks off there is nobody's fault here."""
        exc = kw.get("exc_info")
        if isinstance(exc, web.RequestPayloadError | ConnectionError):
            self._note_garbage(exc)
        else:
            log.error("connection_failed", exc_info=exc)

    def _note_garbage(self, exc: BaseException | None) -> None:
        self._connections.metrics.turned_away.labels("malformed").inc()
        muted = self._connections.quiet.speak("malformed")
        if muted is not None:
            log.info("malformed_request", fault=type(exc).__name__, muted=muted)

    def _give_up(self) -> None:
        if self._request_count == 0:
            self.force_close()


class DoorSite(web.TCPSite):
    """A listening port whose connections are DoorProtocols."""

    __slots__ = ("_connections",)

    def __init__(self, runner: web.AppRunner, host: str, port: int, connections: Connections) -> None:
        super().__init__(runner, host, port)
        self._connections = connections

    async def start(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None  # noqa: S101  TCPSite refuses a runner that is not set up
        self._server = await asyncio.get_running_loop().create_server(
            lambda: DoorProtocol(server, self._connections), self._host, self._port, backlog=self._backlog
        )
        self._bound_port = self._server.sockets[0].getsockname()[1]
