"""The WebSocket: ticks, heartbeats, order updates."""

import aiohttp
import pytest
from aiohttp import WSServerHandshakeError

from gateway.paper.server import PaperServer
from tests.paper.conftest import Clock, Kite, Stream, at_the_money, logged_in, quote, running, streaming

NIFTY = 256265


@pytest.mark.parametrize("query", [{}, {"api_key": "paper", "access_token": "old"}, {"api_key": "other"}])
async def test_a_bad_token_gets_no_connection(
    paper: PaperServer, kite: Kite, http: aiohttp.ClientSession, query: dict[str, str]
) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await http.ws_connect(paper.ticker_url, params=query)
    assert refused.value.status == 403


async def test_a_subscription_brings_the_price_at_once_and_at_every_step(
    paper: PaperServer, stream: Stream
) -> None:
    contract = at_the_money(paper)
    await stream.say("subscribe", [contract.token])
    [tick] = await stream.ticks()
    assert (tick["mode"], tick["instrument_token"]) == ("quote", contract.token)
    assert tick["last_price"] == quote(paper, contract).last / 100

    paper.set_spot("NIFTY", 24_500)
    [tick] = await stream.ticks()
    assert tick["last_price"] == quote(paper, contract).last / 100


async def test_full_mode_carries_depth_and_times(paper: PaperServer, stream: Stream) -> None:
    contract = at_the_money(paper)
    await stream.say("mode", ["full", [contract.token]])
    [tick] = await stream.ticks()
    assert tick["mode"] == "full"
    assert tick["depth"]["sell"][0]["price"] == quote(paper, contract).ask / 100
    assert tick["depth"]["buy"][0]["price"] == quote(paper, contract).bid / 100
    assert tick["exchange_timestamp"].timestamp() == paper.broker.market.as_of.timestamp()


@pytest.mark.parametrize(("mode", "keys"), [("ltp", 4), ("quote", 6), ("full", 7)])
async def test_an_index_has_packets_of_its_own(
    stream: Stream, paper: PaperServer, mode: str, keys: int
) -> None:
    paper.set_spot("NIFTY", 24_100)
    paper.set_spot("NIFTY", 23_900)
    paper.set_spot("NIFTY", 24_050)
    await stream.say("mode", [mode, [NIFTY]])
    [tick] = await stream.ticks()
    assert (tick["mode"], tick["tradable"], tick["last_price"], len(tick)) == (mode, False, 24_050.0, keys)
    if mode != "ltp":
        assert tick["ohlc"] == {"open": 24013.45, "high": 24_100.0, "low": 23_900.0, "close": 24013.45}


async def test_unsubscribed_prices_stop(paper: PaperServer, stream: Stream) -> None:
    await stream.say("subscribe", [NIFTY, 265])
    assert len(await stream.ticks()) == 2
    await stream.say("unsubscribe", [NIFTY])
    await stream.say("subscribe", [265])
    await stream.ticks()
    paper.step()
    assert [tick["instrument_token"] for tick in await stream.ticks()] == [265]


async def test_a_heartbeat_comes_without_any_subscription(stream: Stream) -> None:
    assert (await stream.message()).data == b"\x00"


async def test_every_connection_hears_of_every_order_without_subscribing(
    paper: PaperServer, kite: Kite, http: aiohttp.ClientSession
) -> None:
    async with streaming(paper, kite, http) as first, streaming(paper, kite, http) as second:
        order_id = await kite.buy(at_the_money(paper))
        for stream in (first, second):
            assert [(await stream.update())["status"] for _ in range(2)] == ["OPEN", "COMPLETE"]
        row = await kite.order(order_id)
    assert row["filled_quantity"] == 65


async def test_an_update_is_the_row_of_the_order_book(paper: PaperServer, kite: Kite, stream: Stream) -> None:
    order_id = await kite.buy(at_the_money(paper), tag="MINE")
    await stream.update()
    update, row = await stream.update(), await kite.order(order_id)
    assert update.keys() == row.keys()
    assert (update["tag"], update["average_price"]) == ("MINE", row["average_price"])
    assert update["order_timestamp"] == str(row["order_timestamp"])


async def test_a_modification_comes_as_update(paper: PaperServer, kite: Kite, stream: Stream) -> None:
    order_id = await kite.buy(at_the_money(paper), order_type="LIMIT", price=1.0)
    assert (await stream.update())["status"] == "OPEN"
    await kite.modify_order("regular", order_id, price=1.5)
    update = await stream.update()
    assert (update["status"], update["price"]) == ("UPDATE", 1.5)


async def test_nonsense_is_answered_with_an_error(stream: Stream) -> None:
    for text in ("not json", '{"a": "dance", "v": [1]}', '{"v": 1}', '{"a":"mode","v":["loud",[1]]}'):
        await stream.socket.send_str(text)
        while (message := await stream.message()).type is aiohttp.WSMsgType.BINARY:
            pass
        assert message.json() == {"type": "error", "data": "Invalid request."}


async def test_a_new_login_ends_the_old_streams(paper: PaperServer, kite: Kite, stream: Stream) -> None:
    await kite.log_in(paper)
    while (message := await stream.message()).type is aiohttp.WSMsgType.BINARY:
        pass
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)


async def test_prices_move_by_themselves(clock: Clock, http: aiohttp.ClientSession) -> None:
    async with (
        running(clock=clock, price_interval=0.02) as paper,
        logged_in(paper) as kite,
        streaming(paper, kite, http) as stream,
    ):
        await stream.say("subscribe", [NIFTY])
        first = (await stream.ticks())[0]["last_price"]
        while (await stream.ticks())[0]["last_price"] == first:
            pass
