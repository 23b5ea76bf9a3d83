"""The paper exchange as a server: Kite Connect v3 over HTTP and WebSocket, on a loopback port."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from gateway.paper import (
    routes_control,
    routes_gtt,
    routes_margins,
    routes_market,
    routes_orders,
    routes_session,
)
from gateway.paper.broker import Broker, Identity
from gateway.paper.desk import DESK, Desk
from gateway.paper.faults import Faults
from gateway.paper.guard import guard
from gateway.paper.journal import Journal
from gateway.paper.limits import Limits, Turnstile
from gateway.paper.market import Market
from gateway.paper.orders import Order, order_row
from gateway.paper.postbacks import SENT_ON, Postbacks, postback_body
from gateway.paper.ticker import Ticker
from gateway.paper.trading_days import is_open
from gateway.paper.view import live_view
from gateway.paper.wire import paise
from gateway.paper.words import Status

CASH: Final = Decimal(1_000_000)
HEARTBEAT_SECONDS: Final = 1.0
_ROUTES: Final = (
    *routes_session.ROUTES,
    *routes_market.ROUTES,
    *routes_orders.ROUTES,
    *routes_gtt.ROUTES,
    *routes_margins.ROUTES,
    *routes_control.ROUTES,
)
_log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PaperServer:
    """A Kite Connect v3 server for one paper account.

    `data_dir` None keeps the book in memory; `price_interval` is the seconds between two steps of the market
    (0: it moves only when told to); `latency` the seconds an accepted order takes to the exchange;
    `cash` in rupees; `in_session` says when it trades, where it is not always open.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        api_key: str = "paper",
        api_secret: str = "paper",  # noqa: S107 - the paper exchange's own
        user_id: str = "PAPER1",
        postback_url: str | None = None,
        redirect_url: str = "http://127.0.0.1:5001/kite/callback",
        clock: Callable[[], datetime] = _utc_now,
        always_open: bool = True,
        in_session: Callable[[datetime], bool] = is_open,
        price_interval: float = 0.5,
        latency: float = 0.01,
        cash: Decimal = CASH,
        limits: Limits | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._interval = price_interval
        self._postbacks = Postbacks(postback_url) if postback_url else None
        self._secret = api_secret
        self._journal = Journal(data_dir)
        self.faults = Faults()
        self.broker = Broker(
            identity=Identity(api_key=api_key, api_secret=api_secret, user_id=user_id),
            journal=self._journal,
            clock=clock,
            market=Market(seed, price_interval or 0.5, clock()),
            cash=paise(cash),
            always_open=always_open,
            in_session=in_session,
            tell=self._tell,
            later=self._later,
            latency=latency,
        )
        self._ticker = Ticker(self.broker, self.faults)
        self._desk = Desk(
            broker=self.broker,
            faults=self.faults,
            ticker=self._ticker,
            turnstile=Turnstile(limits or Limits()),
            redirect_url=redirect_url,
            later=self._later,
        )
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # Life

    async def start(self) -> None:
        """Reads the journal, then listens; returns when requests are answered."""
        self.broker.restore()
        app = web.Application(middlewares=[guard])
        app[DESK] = self._desk
        app.add_routes(_ROUTES)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._start_task(self._every(HEARTBEAT_SECONDS, self._ticker.beat))
        if self._interval:
            self._start_task(self._every(self._interval, self.step))

    async def stop(self) -> None:
        """Closes every connection; the journal holds the book."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._ticker.drop()
        if self._postbacks is not None:
            await self._postbacks.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._journal.close()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def ticker_url(self) -> str:
        return f"ws://{self._host}:{self._port}/ws"

    @property
    def login_url(self) -> str:
        return f"{self.url}/connect/login"

    # The owner's and the tests' side

    def issue_request_token(self) -> str:
        """As the login page's button does: a token good once, for a few minutes."""
        return self.broker.sessions.issue_request_token()

    def kill_token(self) -> None:
        """Ends the session, as a log-out elsewhere does."""
        self._desk.end_session()

    def step(self) -> None:
        """Moves the market once, and sends the ticks."""
        self.broker.move()
        self._ticker.tick()

    def spot(self, name: str) -> Decimal:
        """The index `name` (NIFTY, ...) in points."""
        return Decimal(self.broker.market.indices[name].last) / 100

    def set_spot(self, name: str, points: Decimal | float) -> None:
        """Puts an index at `points`; triggers and fills follow at once."""
        self.broker.set_spot(name, paise(points))
        self._ticker.tick()

    def drop_stream(self) -> None:
        """Breaks every WebSocket connection."""
        self._ticker.drop()

    def book(self) -> dict[str, Any]:
        """The truth about the book, as GET /_paper/book tells it."""
        return routes_control.truth(self._desk)

    def view(self) -> dict[str, Any]:
        """The live view for a web page."""
        return live_view(self._desk)

    # Inside

    def _tell(self, order: Order, status: Status) -> None:
        """Order updates go to every stream and to the postback URL, unless the order hides itself."""
        if order.order_id in self._desk.hidden:
            return
        row = order_row(order, self.broker.identity.user_id) | {"status": status}
        self._ticker.order_update(status, row)
        if self._postbacks is not None and status in SENT_ON:
            self._postbacks.send(postback_body(row, self._secret, self.broker.identity.user_id))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if seconds > 0:
            loop.call_later(seconds, action)
        else:
            loop.call_soon(action)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _every(self, seconds: float, action: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                action()
            except Exception:  # noqa: BLE001 - a supervisor's border: the exchange outlives one bad step
                _log.exception("paper_step_failed")
