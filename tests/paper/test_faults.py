"""Scripted misfortune, as the real client meets it."""

from typing import Any

import aiohttp
import pytest
import requests
from kiteconnect.exceptions import (
    DataException,
    InputException,
    NetworkException,
    PermissionException,
    TokenException,
)

from gateway.paper.faults import TIMED_OUT, Fault, FaultKind
from gateway.paper.server import PaperServer
from tests.paper.conftest import Kite, Stream, at_the_money, eventually

RESTING = {"order_type": "LIMIT", "price": 1.0}
PLACE = "POST /orders/*"


def accepted(paper: PaperServer) -> list[str]:
    return [order["tag"] for order in paper.book()["accepted"]]


async def buy(paper: PaperServer, kite: Kite, tag: str = "T1", **changes: Any) -> str:
    return await kite.buy(at_the_money(paper), tag=tag, **changes)


@pytest.mark.parametrize("was_accepted", [True, False])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": FaultKind.DROP}, requests.ConnectionError),
        ({"kind": FaultKind.HTML, "code": 502}, DataException),
        ({"kind": FaultKind.HTML, "code": 200}, DataException),
        ({"kind": FaultKind.REFUSE, "code": 503, "error_type": "NetworkException"}, NetworkException),
        ({"kind": FaultKind.REFUSE, "message": TIMED_OUT}, InputException),
        ({"kind": FaultKind.REFUSE, "code": 403, "error_type": "PermissionException"}, PermissionException),
        ({"kind": FaultKind.BODY, "code": 200, "body": "[]"}, AttributeError),
    ],
)
async def test_a_failed_answer_says_nothing_about_acceptance(
    paper: PaperServer, kite: Kite, fault: dict[str, Any], error: type[Exception], was_accepted: bool
) -> None:
    paper.faults.add(Fault(route=PLACE, accepted=was_accepted, **fault))
    with pytest.raises(error):
        await buy(paper, kite, "LOST")
    assert accepted(paper) == (["LOST"] if was_accepted else [])
    assert [attempt["tag"] for attempt in paper.book()["attempts"]] == ["LOST"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.TRUNCATED, DataException),
        (FaultKind.NO_ORDER_ID, KeyError),
        (FaultKind.AUTOSLICE_LIST, TypeError),
    ],
)
async def test_an_odd_success_hides_an_order_that_is_there(
    paper: PaperServer, kite: Kite, kind: FaultKind, error: type[Exception]
) -> None:
    paper.faults.add(Fault(kind=kind, route=PLACE))
    with pytest.raises(error):
        await buy(paper, kite, "ODD")
    assert accepted(paper) == ["ODD"]


async def test_a_429_by_script_has_its_own_words(paper: PaperServer, kite: Kite) -> None:
    fault = Fault(
        kind=FaultKind.REFUSE,
        route=PLACE,
        code=429,
        error_type="NetworkException",
        message="Too many requests",
    )
    paper.faults.add(fault)
    with pytest.raises(NetworkException, match="Too many requests") as refused:
        await buy(paper, kite)
    assert refused.value.code == 429


async def test_a_fault_waits_for_its_turn_strikes_its_times_and_is_spent(
    paper: PaperServer, kite: Kite
) -> None:
    paper.faults.add(Fault(kind=FaultKind.REFUSE, route=PLACE, after=1, times=2))
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(bool(await buy(paper, kite)))
        except InputException:
            outcomes.append(False)
    assert outcomes == [True, False, False, True]
    assert paper.faults.report()[0]["struck"] == 2


async def test_a_fault_strikes_its_own_route_alone(paper: PaperServer, kite: Kite) -> None:
    paper.faults.add(Fault(kind=FaultKind.REFUSE, route="GET /portfolio/positions", times=None))
    assert await kite.orders() == []
    for _ in range(2):
        with pytest.raises(InputException, match="Something went wrong"):
            await kite.positions()


@pytest.mark.parametrize("was_accepted", [True, False])
async def test_a_delay_outlives_the_client(paper: PaperServer, kite: Kite, was_accepted: bool) -> None:
    """The client gives up; an order not yet accepted is accepted all the same, later."""
    paper.faults.add(Fault(kind=FaultKind.DELAY, route=PLACE, seconds=0.3, accepted=was_accepted))
    kite.real.timeout = 0.1
    with pytest.raises(requests.ReadTimeout):
        await buy(paper, kite, "SLOW")
    assert accepted(paper) == (["SLOW"] if was_accepted else [])
    kite.real.timeout = 7

    async def tags() -> list[str]:
        return accepted(paper)

    assert await eventually(tags, bool) == ["SLOW"]


async def test_a_late_book_shows_neither_order_nor_trade_nor_update_until_later(
    paper: PaperServer, kite: Kite, stream: Stream
) -> None:
    paper.faults.add(
        Fault(kind=FaultKind.BOOK_LATE, seconds=0.3),
        Fault(kind=FaultKind.REFUSE, route=PLACE, message=TIMED_OUT, accepted=True),
    )
    with pytest.raises(InputException, match="check the order book"):
        await buy(paper, kite, "LATE")
    assert (await kite.orders(), await kite.trades()) == ([], [])
    [order_id] = [order["order_id"] for order in paper.book()["accepted"]]
    update = await stream.update()
    assert (update["order_id"], update["status"]) == (order_id, "COMPLETE")
    assert [row["tag"] for row in await kite.orders()] == ["LATE"]


async def test_a_book_without_tags(paper: PaperServer, kite: Kite) -> None:
    await buy(paper, kite, "GONE", **RESTING)
    paper.faults.add(Fault(kind=FaultKind.UNTAGGED))
    [bare] = await kite.orders()
    [whole] = await kite.orders()
    assert "tag" not in bare
    assert whole["tag"] == "GONE"


async def test_a_partial_fill_rests_with_its_remainder_and_comes_as_update(
    paper: PaperServer, kite: Kite, stream: Stream
) -> None:
    paper.faults.add(Fault(kind=FaultKind.FILL, quantity=65))
    order_id = await buy(paper, kite, quantity=195)
    assert [(await stream.update())["status"] for _ in range(2)] == ["OPEN", "UPDATE"]
    row = await kite.order(order_id)
    assert (row["status"], row["filled_quantity"], row["pending_quantity"]) == ("OPEN", 65, 130)
    await kite.cancel_order("regular", order_id)
    row = await kite.reaches(order_id, "CANCELLED")
    assert (row["filled_quantity"], row["cancelled_quantity"]) == (65, 130)
    assert (await kite.positions())["net"][0]["quantity"] == 65


async def test_an_order_that_never_fills(paper: PaperServer, kite: Kite) -> None:
    paper.faults.add(Fault(kind=FaultKind.FILL, quantity=0))
    order_id = await buy(paper, kite)
    await kite.reaches(order_id, "OPEN")
    paper.step()
    assert (await kite.order(order_id))["filled_quantity"] == 0


async def test_a_fill_that_takes_its_time(paper: PaperServer, kite: Kite) -> None:
    paper.faults.add(Fault(kind=FaultKind.FILL, seconds=0.2))
    order_id = await buy(paper, kite)
    await kite.reaches(order_id, "OPEN")
    paper.step()
    assert (await kite.order(order_id))["status"] == "OPEN"
    await kite.reaches(order_id, "COMPLETE")


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        (FaultKind.REJECT_LATE, "REJECTED", "RMS:Rule: Option Strike price based on Ltp percentage"),
        (FaultKind.CANCEL_LATE, "CANCELLED", "17070 : The Price is out of the current execution range"),
    ],
)
async def test_the_exchange_says_no_late(
    paper: PaperServer, kite: Kite, stream: Stream, kind: FaultKind, status: str, words: str
) -> None:
    paper.faults.add(Fault(kind=kind, message=words, seconds=0.05))
    order_id = await buy(paper, kite)
    assert [(await stream.update())["status"] for _ in range(2)] == ["OPEN", status]
    assert (await kite.order(order_id))["status_message"] == words


async def test_a_cancellation_can_take_its_time(paper: PaperServer, kite: Kite) -> None:
    paper.faults.add(Fault(kind=FaultKind.SLOW_CANCEL, seconds=0.1))
    order_id = await buy(paper, kite, **RESTING)
    await kite.reaches(order_id, "OPEN")
    await kite.cancel_order("regular", order_id)
    assert (await kite.order(order_id))["status"] == "CANCEL PENDING"
    await kite.reaches(order_id, "CANCELLED")


async def test_the_stream_can_stay_silent_stutter_and_confuse_the_order(
    paper: PaperServer, kite: Kite, stream: Stream
) -> None:
    paper.faults.add(Fault(kind=FaultKind.STREAM_SILENT, route="STREAM OPEN"))
    await buy(paper, kite)
    assert (await stream.update())["status"] == "COMPLETE"

    paper.faults.add(Fault(kind=FaultKind.STREAM_LATE))
    await buy(paper, kite)
    assert [(await stream.update())["status"] for _ in range(2)] == ["COMPLETE", "OPEN"]

    paper.faults.add(Fault(kind=FaultKind.STREAM_TWICE, times=2))
    await buy(paper, kite)
    assert [(await stream.update())["status"] for _ in range(4)] == ["OPEN", "OPEN", "COMPLETE", "COMPLETE"]


async def test_the_stream_can_break(paper: PaperServer, kite: Kite, stream: Stream) -> None:
    paper.faults.add(Fault(kind=FaultKind.STREAM_DROP))
    await buy(paper, kite)
    while (message := await stream.message()).type is aiohttp.WSMsgType.BINARY:
        pass
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)


async def test_the_token_can_die_in_the_middle_of_things(paper: PaperServer, kite: Kite) -> None:
    paper.faults.add(Fault(kind=FaultKind.KILL_TOKEN, route=PLACE))
    with pytest.raises(TokenException, match="Incorrect `api_key` or `access_token`"):
        await buy(paper, kite)
    with pytest.raises(TokenException):
        await kite.orders()
    assert accepted(paper) == []


async def test_positions_can_come_empty(paper: PaperServer, kite: Kite) -> None:
    await kite.reaches(await buy(paper, kite), "COMPLETE")
    paper.faults.add(Fault(kind=FaultKind.EMPTY, route="GET /portfolio/positions"))
    assert await kite.positions() == {"net": [], "day": []}
    assert len((await kite.positions())["net"]) == 1


async def test_faults_and_the_truth_are_within_reach_over_http(
    paper: PaperServer, kite: Kite, http: aiohttp.ClientSession
) -> None:
    faults = [{"kind": "html", "route": PLACE, "code": 502, "accepted": True}, {"kind": "drop", "after": 9}]
    async with http.post(f"{paper.url}/_paper/faults", json=faults) as answer:
        assert await answer.json() == {"armed": 2}
    with pytest.raises(DataException):
        await buy(paper, kite, "WIRE")
    async with http.get(f"{paper.url}/_paper/faults") as answer:
        assert [row["struck"] for row in await answer.json()] == [1, 0]
    async with http.delete(f"{paper.url}/_paper/faults"):
        assert paper.faults.report() == []
    async with http.get(f"{paper.url}/_paper/book") as answer:
        truth = await answer.json()
    assert [row["tag"] for row in truth["accepted"]] == ["WIRE"]
    assert truth["attempts"][0]["order_id"] == truth["orders"][0]["order_id"]


async def test_a_misspelt_fault_is_refused(paper: PaperServer, http: aiohttp.ClientSession) -> None:
    for fault in ({"kind": "drop", "acepted": True}, {"kind": "explode"}, {}):
        async with http.post(f"{paper.url}/_paper/faults", json=[fault]) as answer:
            assert answer.status == 400


async def test_spot_token_and_stream_can_be_moved_over_http(
    paper: PaperServer, kite: Kite, stream: Stream, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{paper.url}/_paper/spot", json={"NIFTY": 24100, "SENSEX": 79000.5}):
        assert (float(paper.spot("NIFTY")), float(paper.spot("SENSEX"))) == (24100, 79000.5)
    async with http.delete(f"{paper.url}/_paper/stream"):
        pass
    while (message := await stream.message()).type is aiohttp.WSMsgType.BINARY:
        pass
    assert message.type is not aiohttp.WSMsgType.TEXT
    async with http.delete(f"{paper.url}/_paper/token"):
        pass
    with pytest.raises(TokenException):
        await kite.orders()
    async with http.post(f"{paper.url}/_paper/request_token") as answer:
        await kite.generate_session((await answer.json())["request_token"], "paper")
    assert await kite.orders() == []
