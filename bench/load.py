"""The load: clients on kept connections, each sending its next request when its last one is answered."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_OK = b"HTTP/1.1 200 "
_LENGTH = b"content-length: "
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One burst: each request's seconds from sending to the whole answer, and the burst's own."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def quantile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class _Burst:
    """What the clients of one burst share."""

    def __init__(self, url: str, bodies: list[bytes]) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        self.requests: Iterator[bytes] = iter(
            [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
        )
        self.latencies: list[float] = []
        self.left = len(bodies)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, seconds: float) -> None:
        self.latencies.append(seconds)
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)

    def failed(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))


class _Client(asyncio.Protocol):
    """One connection in a closed loop; as little of HTTP as the servers measured here speak."""

    def __init__(self, burst: _Burst) -> None:
        self._burst = burst
        self._answer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send_next(self) -> None:
        request = next(self._burst.requests, None)
        if request is not None:
            self._answer = b""
            self._sent_at = time.perf_counter()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data if self._answer else data
        head = answer.find(b"\r\n\r\n")
        if head < 0 or len(answer) < head + 4 + _length(answer[:head]):
            return
        if not answer.startswith(_OK):
            self._burst.failed(f"not 200: {answer[:400]!r}")
            return
        self._burst.answered(time.perf_counter() - self._sent_at)
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._burst.failed(f"the connection broke: {exc}")


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.index(_LENGTH) + len(_LENGTH)
    return int(lower[at:].split(b"\r\n", 1)[0])


async def burst(url: str, bodies: list[bytes], clients: int) -> Sample:
    """Sends all bodies to `url` over so many connections. Raises RuntimeError on anything but 200."""
    loop = asyncio.get_running_loop()
    shared = _Burst(url, bodies)
    connections = [
        await loop.create_connection(lambda: _Client(shared), shared.host, shared.port)
        for _ in range(min(clients, len(bodies)))
    ]
    began = time.perf_counter()
    for _, client in connections:
        client.send_next()
    try:
        await asyncio.wait_for(asyncio.shield(shared.done), _TIMEOUT_SECONDS)
    finally:
        for transport, _ in connections:
            transport.abort()
    return Sample(latencies=shared.latencies, seconds=time.perf_counter() - began)
