"""The WebSocket side: subscriptions, ticks, heartbeats and order updates (facts/kite.md 4.2)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from gateway.paper.broker import Broker
from gateway.paper.faults import STREAM_ROUTE, Fault, FaultKind, Faults
from gateway.paper.ticks import HEARTBEAT, Mode, frame, packet

_BACKLOG: Final = 200


@dataclass(eq=False, kw_only=True)
class _Connection:
    request: web.Request
    socket: web.WebSocketResponse
    modes: dict[int, Mode] = field(default_factory=dict)
    outgoing: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)

    def send(self, message: str | bytes) -> None:
        self.outgoing.put_nowait(message)

    async def pump(self) -> None:
        """Writes what is queued, in order."""
        while not self.socket.closed:
            message = await self.outgoing.get()
            if isinstance(message, str):
                await self.socket.send_str(message)
            else:
                await self.socket.send_bytes(message)


class Ticker:
    """Every open connection of the account."""

    def __init__(self, broker: Broker, faults: Faults) -> None:
        self._broker = broker
        self._faults = faults
        self._connections: set[_Connection] = set()
        self._kept_back: list[str] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, from the upgrade to its end. Raises Refusal (403) for a dead token."""
        query = request.query
        self._broker.sessions.check(query.get("api_key", ""), query.get("access_token", ""))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = _Connection(request=request, socket=socket)
        self._connections.add(connection)
        pump = asyncio.create_task(connection.pump())
        connection.send(HEARTBEAT)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._obey(connection, message.data)
        finally:
            self._connections.discard(connection)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return socket

    def tick(self) -> None:
        """Sends each connection the prices it has subscribed to."""
        for connection in self._connections:
            self._send_ticks(connection, list(connection.modes))

    def beat(self) -> None:
        """The heartbeat: one byte."""
        for connection in self._connections:
            connection.send(HEARTBEAT)

    def order_update(self, status: str, row: dict[str, Any]) -> None:
        """Tells every connection of an order, subscribed or not, unless a fault has it otherwise."""
        text = msgspec.json.encode({"type": "order", "data": row}).decode()
        kinds = [fault.kind for fault in self._struck(status)]
        if FaultKind.STREAM_DROP in kinds:
            self.drop()
        elif FaultKind.STREAM_LATE in kinds:
            self._kept_back.append(text)
        elif FaultKind.STREAM_SILENT not in kinds:
            copies = 2 if FaultKind.STREAM_TWICE in kinds else 1
            self._broadcast([text] * copies + self._kept_back)
            self._kept_back = []

    def drop(self) -> None:
        """Closes every connection without a closing handshake, as a broken line does."""
        for connection in list(self._connections):
            connection.modes.clear()
            if connection.request.transport is not None:
                connection.request.transport.abort()

    def _struck(self, status: str) -> list[Fault]:
        return self._faults.strike(f"{STREAM_ROUTE} {status}")

    def _broadcast(self, texts: list[str]) -> None:
        for connection in self._connections:
            for text in texts:
                connection.send(text)

    def _obey(self, connection: _Connection, text: str) -> None:
        """`{"a": "subscribe" | "unsubscribe" | "mode", "v": ...}`; anything else gets an error."""
        try:
            wish = msgspec.json.decode(text)
            tokens = _apply(connection.modes, wish["a"], wish["v"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            connection.send('{"type":"error","data":"Invalid request."}')
            return
        self._send_ticks(connection, tokens)

    def _send_ticks(self, connection: _Connection, tokens: list[int]) -> None:
        if connection.outgoing.qsize() > _BACKLOG:
            return
        contracts = self._broker.listing.by_token
        packets = [
            packet(
                contracts[token], self._broker.market.quote(contracts[token]), mode, self._broker.market.as_of
            )
            for token in tokens
            if token in contracts and (mode := connection.modes.get(token))
        ]
        if packets:
            connection.send(frame(packets))


def _apply(modes: dict[int, Mode], action: str, value: Any) -> list[int]:
    """Changes the subscriptions; the tokens whose price is to be sent at once."""
    if action == "mode":
        mode, tokens = Mode(value[0]), [int(token) for token in value[1]]
        modes |= dict.fromkeys(tokens, mode)
        return tokens
    tokens = [int(token) for token in value]
    if action == "subscribe":
        modes |= {token: modes.get(token, Mode.QUOTE) for token in tokens}
        return tokens
    if action == "unsubscribe":
        for token in tokens:
            modes.pop(token, None)
        return []
    raise ValueError(action)
