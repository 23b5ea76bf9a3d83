"""The exchange's answers have the keys and the types of Zerodha's own sample answers."""

import base64
import csv
import io
from typing import Any

import aiohttp
import pytest
from kiteconnect.ticker import KiteTicker

from gateway.paper.server import PaperServer
from gateway.paper.ticks import Mode, frame, packet
from tests.paper.conftest import SAMPLES, Kite, at_the_money, quote, running, sample, signed, wish

Kinds = dict[str, Any]


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def merged(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Every key of the rows with every value it had."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            found.setdefault(key, []).append(value)
    return found


def assert_alike(ours: Any, theirs: list[Any], path: str, *, optional: frozenset[str] = frozenset()) -> None:
    """`ours` has a type that one of the sample values has; a dict has the keys of them all. A key that is
    null in every sample says nothing about its type."""
    if all(value is None for value in theirs):
        return
    assert kind_of(ours) in {kind_of(value) for value in theirs}, f"{path}: {ours!r}, sample {theirs[:3]!r}"
    if isinstance(ours, dict):
        samples = merged([value for value in theirs if isinstance(value, dict)])
        missing = samples.keys() - ours.keys() - optional
        assert not missing, f"{path}: lacks {missing}"
        for key in ours.keys() & samples.keys():
            assert_alike(ours[key], samples[key], f"{path}.{key}", optional=optional)
    if isinstance(ours, list) and ours:
        flat = [item for value in theirs if isinstance(value, list) for item in value]
        for item in ours if flat else ():
            assert_alike(item, flat, f"{path}[]", optional=optional)


async def answer(http: aiohttp.ClientSession, kite: Kite, method: str, url: str, **more: Any) -> Any:
    async with http.request(method, url, headers=signed(kite), **more) as response:
        assert response.content_type == "application/json"
        assert response.status == 200, await response.text()
        return await response.json()


# Keys that only other products' or older rows have (auction, iceberg, terminal).
ELSEWHERE = frozenset({"auction_number", "terminal_id", "tags", "iceberg"})
READS = [
    ("profile.json", "GET", "/user/profile", None),
    ("margins.json", "GET", "/user/margins", None),
    ("margins_equity.json", "GET", "/user/margins/equity", None),
    ("margin_commodity.json", "GET", "/user/margins/commodity", None),
    ("orders.json", "GET", "/orders", None),
    ("order_info.json", "GET", "/orders/{order_id}", None),
    ("order_trades.json", "GET", "/orders/{order_id}/trades", None),
    ("trades.json", "GET", "/trades", None),
    ("positions.json", "GET", "/portfolio/positions", None),
    ("holdings.json", "GET", "/portfolio/holdings", None),
    ("ltp.json", "GET", "/quote/ltp?i={key}", "by_key"),
    ("ohlc.json", "GET", "/quote/ohlc?i={key}", "by_key"),
    ("quote.json", "GET", "/quote?i={key}", "by_key"),
    ("gtt_get_orders.json", "GET", "/gtt/triggers", None),
    ("gtt_get_order.json", "GET", "/gtt/triggers/{trigger_id}", None),
    ("session_logout.json", "DELETE", "/session/token?api_key=paper&access_token={token}", None),
]


@pytest.mark.parametrize(("name", "method", "path", "shape"), READS, ids=[row[0] for row in READS])
async def test_an_answer_has_the_shape_of_its_sample(
    paper: PaperServer,
    kite: Kite,
    http: aiohttp.ClientSession,
    name: str,
    method: str,
    path: str,
    shape: str | None,
) -> None:
    contract = at_the_money(paper)
    bought = await kite.buy(contract)
    await kite.reaches(bought, "COMPLETE")
    names = {
        "order_id": bought,
        "trigger_id": await _fired_gtt(paper, kite),
        "key": contract.key,
        "token": kite.real.access_token,
    }

    ours = await answer(http, kite, method, paper.url + path.format(**names))

    theirs = sample(name)
    if shape == "by_key":
        ours["data"], theirs["data"] = list(ours["data"].values()), list(theirs["data"].values())
    assert_alike(ours, [theirs], name, optional=ELSEWHERE)


async def _fired_gtt(paper: PaperServer, kite: Kite) -> int:
    contract = at_the_money(paper, "BANKNIFTY")
    last = quote(paper, contract).last / 100
    order = {
        "transaction_type": "SELL",
        "quantity": 30,
        "order_type": "LIMIT",
        "product": "NRML",
        "price": 1.0,
    }
    triggers = [round(last * 0.5, 1), round(last * 1.1, 1)]
    made = await kite.place_gtt("two-leg", contract.tradingsymbol, "NFO", triggers, last, [order, order])
    paper.set_spot("BANKNIFTY", float(paper.spot("BANKNIFTY")) + 400)
    return int(made["trigger_id"])


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("order_response.json", "place"),
        ("order_modify.json", "modify"),
        ("order_cancel.json", "cancel"),
        ("gtt_place_order.json", "gtt_place"),
        ("gtt_modify_order.json", "gtt_modify"),
        ("gtt_delete_order.json", "gtt_delete"),
        ("generate_session.json", "login"),
        ("order_margins.json", "margins"),
        ("basket_margins.json", "basket"),
        ("virtual_contract_note.json", "charges"),
    ],
)
async def test_a_command_is_answered_in_the_shape_of_its_sample(
    paper: PaperServer, kite: Kite, monkeypatch: pytest.MonkeyPatch, name: str, call: str
) -> None:
    bodies: list[Any] = []
    send = kite.real.reqsession.request

    def spy(*args: Any, **kwargs: Any) -> Any:
        response = send(*args, **kwargs)
        bodies.append(response.json())
        return response

    monkeypatch.setattr(kite.real.reqsession, "request", spy)
    await COMMANDS[call](paper, kite)

    assert_alike(bodies[-1], [sample(name)], name)


def _low(paper: PaperServer) -> dict[str, Any]:
    contract = at_the_money(paper)
    return wish(contract) | {"order_type": "LIMIT", "price": 1.0, "market_protection": None}


async def _post(paper: PaperServer, kite: Kite) -> None:
    await kite.place_order(**_low(paper))


async def _place(paper: PaperServer, kite: Kite) -> str:
    order_id: str = await kite.place_order(**_low(paper))
    await kite.reaches(order_id, "OPEN")
    return order_id


async def _modify(paper: PaperServer, kite: Kite) -> None:
    await kite.modify_order("regular", await _place(paper, kite), price=2.0)


async def _cancel(paper: PaperServer, kite: Kite) -> None:
    await kite.cancel_order("regular", await _place(paper, kite))


def _gtt(paper: PaperServer) -> tuple[Any, ...]:
    contract = at_the_money(paper)
    last = quote(paper, contract).last / 100
    order = {
        "transaction_type": "SELL",
        "quantity": 65,
        "order_type": "LIMIT",
        "product": "NRML",
        "price": 1.0,
    }
    return ("single", contract.tradingsymbol, "NFO", [round(last * 0.5, 1)], last, [order])


async def _gtt_place(paper: PaperServer, kite: Kite) -> int:
    return int((await kite.place_gtt(*_gtt(paper)))["trigger_id"])


async def _gtt_modify(paper: PaperServer, kite: Kite) -> None:
    await kite.modify_gtt(await _gtt_place(paper, kite), *_gtt(paper))


async def _gtt_delete(paper: PaperServer, kite: Kite) -> None:
    await kite.delete_gtt(await _gtt_place(paper, kite))


async def _login(paper: PaperServer, kite: Kite) -> None:
    await kite.log_in(paper)


async def _margins(paper: PaperServer, kite: Kite) -> None:
    await kite.order_margins([_low(paper) | {"average_price": 1.0}])


async def _basket(paper: PaperServer, kite: Kite) -> None:
    await kite.basket_order_margins([_low(paper), _low(paper) | {"transaction_type": "SELL"}])


async def _charges(paper: PaperServer, kite: Kite) -> None:
    await kite.get_virtual_contract_note([_low(paper) | {"average_price": 100.0}])


COMMANDS = {
    "place": _post,
    "modify": _modify,
    "cancel": _cancel,
    "gtt_place": _gtt_place,
    "gtt_modify": _gtt_modify,
    "gtt_delete": _gtt_delete,
    "login": _login,
    "margins": _margins,
    "basket": _basket,
    "charges": _charges,
}


@pytest.mark.parametrize(("name", "mode"), [("ticker_full", Mode.FULL), ("ticker_quote", Mode.QUOTE)])
async def test_a_packet_is_read_by_kiteticker_like_the_sample_packet(
    paper: PaperServer, name: str, mode: Mode
) -> None:
    contract = at_the_money(paper)
    theirs = base64.b64decode((SAMPLES / f"{name}.packet").read_text())
    ours = packet(contract, quote(paper, contract), mode, paper.broker.market.as_of)
    parser = KiteTicker("k", "t")

    read_ours, read_theirs = (parser._parse_binary(frame([one]))[0] for one in (ours, theirs))

    assert len(ours) == len(theirs)
    assert_alike(read_ours, [read_theirs], name)
    assert read_ours["last_price"] == quote(paper, contract).last / 100


async def test_an_ltp_packet_holds_what_the_sample_holds(paper: PaperServer) -> None:
    contract = at_the_money(paper)
    ours = KiteTicker("k", "t")._parse_binary(
        frame([packet(contract, quote(paper, contract), Mode.LTP, paper.broker.market.as_of)])
    )
    assert_alike(ours[0], [sample("ticker_ltp.json")], "ticker_ltp.json")


async def test_the_instrument_list_has_the_columns_and_forms_of_the_sample(
    paper: PaperServer, kite: Kite, http: aiohttp.ClientSession
) -> None:
    theirs = list(csv.DictReader(io.StringIO((SAMPLES / "instruments_all.csv").read_text())))
    async with http.get(f"{paper.url}/instruments", headers=signed(kite)) as response:
        assert response.content_type == "text/csv"
        assert response.headers["Content-Encoding"] == "gzip"
        ours = list(csv.DictReader(io.StringIO(await response.text())))

    assert list(ours[0]) == list(theirs[0])
    option = next(row for row in ours if row["instrument_type"] == "CE")
    theirs_option = next(row for row in theirs if row["instrument_type"] == "CE")
    assert (option["segment"], option["exchange"]) == (theirs_option["segment"], theirs_option["exchange"])
    assert len(option["expiry"]) == len(theirs_option["expiry"])
    for column in ("instrument_token", "exchange_token", "lot_size"):
        assert all(row[column].isdigit() for row in ours)
    for column in ("last_price", "strike", "tick_size"):
        assert all(float(row[column]) >= 0 for row in ours)


async def test_a_postback_has_the_shape_of_its_sample(http: aiohttp.ClientSession) -> None:
    from tests.paper.test_postbacks import catching  # noqa: PLC0415 - the catcher lives with its own tests

    async with catching() as caught, running(postback_url=caught.url) as server:
        client = Kite(server)
        await client.log_in(server)
        await client.buy(at_the_money(server))
        body = await caught.next()
        client.close()
    assert_alike(body, [sample("postback.json")], "postback.json")
    assert body.keys() == sample("postback.json").keys()
