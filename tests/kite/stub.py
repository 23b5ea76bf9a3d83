"""A raw HTTP server that answers as it is told, however wrong; it remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    @property
    def route(self) -> str:
        return f"{self.method} {urlsplit(self.path).path}"


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: object = b"", *, status: int = 200, kind: str | None = "application/json", **headers: str
) -> Answer:
    """An answer of that status and body (JSON when it is not bytes); `kind` None: no content type."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} whatever", f"Content-Length: {len(raw)}"]
    lines += [f"Content-Type: {kind}"] if kind is not None else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return bare("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)


def data(found: object) -> Answer:
    return answer({"status": "success", "data": found})


def mock(name: str) -> Answer:
    return answer((FIXTURES / f"{name}.json").read_bytes())


def fault(error_type: str, message: str, status: int) -> Answer:
    return answer({"status": "error", "message": message, "error_type": error_type}, status=status)


def bare(raw: bytes, *, close: bool = False) -> Answer:
    """Those very bytes; then, if wanted, the connection's end."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if close:
            writer.close()
            await writer.wait_closed()

    return write


def reset(raw: bytes = b"") -> Answer:
    """Those bytes, then a hard reset."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.transport.get_extra_info("socket").setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0
        writer.transport.abort()

    return write


def silence(until: asyncio.Event, then: Answer | None = None) -> Answer:
    """Nothing, until the event; then the answer."""

    async def write(writer: asyncio.StreamWriter) -> None:
        await until.wait()
        if then is not None:
            await then(writer)

    return write


@dataclass
class StubKite:
    """`answers` are given in order, the last one for ever; `routes` come first."""

    answers: list[Answer] = field(default_factory=list)
    routes: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    url: str = ""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last(self) -> Request:
        return self.requests[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                self.arrived.set()
                await self._choose(request)(writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.ended += 1

    def _choose(self, request: Request) -> Answer:
        if request.route in self.routes:
            return self.routes[request.route]
        return self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def stub_kite(**options: object) -> AsyncIterator[StubKite]:
    """A running stub on a free port; `options` go to asyncio.start_server (ssl)."""
    stub = StubKite()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, **options)
    scheme = "https" if "ssl" in options else "http"
    stub.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    tasks_before = asyncio.all_tasks()
    try:
        yield stub
    finally:
        server.close()
        for task in asyncio.all_tasks() - tasks_before:
            if task.get_coro().__qualname__ == "StubKite.serve":
                task.cancel()
        await server.wait_closed()
