"""Postbacks: sent on every end of an order, with a checksum the app can verify."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from aiohttp import web

from tests.paper.conftest import at_the_money, logged_in, running


class Catcher:
    """A web server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.url = ""
        self._bodies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        self._bodies.put_nowait(await request.json())
        return web.Response()

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._bodies.get(), 3)


@asynccontextmanager
async def catching() -> AsyncIterator[Catcher]:
    catcher, app = Catcher(), web.Application()
    app.router.add_post("/postback", catcher.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    catcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}/postback"
    try:
        yield catcher
    finally:
        await runner.cleanup()


async def test_a_fill_is_posted_with_a_checksum_over_id_time_and_secret() -> None:
    async with catching() as caught, running(postback_url=caught.url) as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper))
        body = await caught.next()

    assert (body["order_id"], body["status"], body["tag"]) == (order_id, "COMPLETE", "T1")
    assert body["checksum"] == sha256(f"{order_id}{body['order_timestamp']}paper".encode()).hexdigest()


async def test_a_cancellation_is_posted_and_resting_is_not() -> None:
    async with catching() as caught, running(postback_url=caught.url) as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper), order_type="LIMIT", price=1.0)
        await kite.reaches(order_id, "OPEN")
        await kite.cancel_order("regular", order_id)
        body = await caught.next()

    assert (body["status"], body["cancelled_quantity"], body["unfilled_quantity"]) == ("CANCELLED", 65, 65)


async def test_an_app_that_is_down_costs_the_order_nothing() -> None:
    async with running(postback_url="http://127.0.0.1:9/nobody") as paper, logged_in(paper) as kite:
        order_id = await kite.buy(at_the_money(paper))
        await kite.reaches(order_id, "COMPLETE")
