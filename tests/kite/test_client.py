"""The client: login and tokens, threads apart from each other, IPv4, no proxy, and no secret in any text."""

import asyncio
import hashlib
import logging
import socket
import subprocess
import sys
import traceback
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.domain.market import IST
from gateway.kite import transport
from gateway.kite.book import Book
from gateway.kite.client import CallKind, KiteClient
from gateway.kite.desk import Desk
from tests.kite.conftest import KEY, SECRET, TOKEN, make_client, ticket, until
from tests.kite.stub import answer, bare, data, fault, mock, reset, silence, stub_kite

ORDER = data({"order_id": "1"})


def test_the_login_page_is_kites_unless_another_is_given():
    client = KiteClient(api_key=KEY, api_secret=SECRET)
    address = urlsplit(client.login_url({"state": "a&b=c", "x": "é"}))
    query = parse_qs(address.query)
    assert address.netloc + address.path == "kite.zerodha.com/connect/login"
    assert (query["v"], query["api_key"]) == (["3"], [KEY])
    assert parse_qs(query["redirect_params"][0]) == {"state": ["a&b=c"], "x": ["é"]}


def test_a_given_login_page_keeps_its_own_query():
    client = KiteClient(api_key="a b&c", api_secret=SECRET, login_url="http://127.0.0.1:1/login?theme=dark")
    assert client.login_url({}) == "http://127.0.0.1:1/login?theme=dark&v=3&api_key=a+b%26c"


async def test_a_login_grants_the_session_of_the_day(stub):
    client = make_client(stub.url, token=None)
    stub.answers = [mock("generate_session")]
    grant = await client.create_session("the-request-token")
    checksum = hashlib.sha256(f"{KEY}the-request-token{SECRET}".encode()).hexdigest()
    assert stub.last.route == "POST /session/token"
    assert stub.last.form == {"api_key": KEY, "request_token": "the-request-token", "checksum": checksum}
    assert "authorization" not in stub.last.headers
    assert (grant.user_id, grant.user_name, grant.access_token) == ("XX0000", "Kite Connect", "XXXXXX")
    assert grant.login_time == datetime(2021, 1, 1, 16, 15, 14, tzinfo=IST)
    assert {"NFO", "BFO"} <= grant.exchanges
    assert "XXXXXX" not in repr(grant)
    assert client.credentials() is None, "nothing is in force before the user is checked"
    await client.close()


async def test_a_login_without_a_token_fails(stub, client):
    stub.answers = [data({"user_id": "XX0000", "login_time": "2021-01-01 16:15:14"})]
    with pytest.raises(BrokerError, match="access_token"):
        await client.create_session("r")


async def test_a_login_whose_time_is_missing_is_still_a_login(stub, client):
    stub.answers = [data({"user_id": "XX0000", "access_token": "t"})]
    grant = await client.create_session("r")
    assert grant.access_token == "t"
    assert grant.login_time.tzinfo is not None


async def test_a_refused_login_is_told_in_kites_words(stub, client):
    stub.answers = [fault("TokenException", "Token is invalid or has expired.", 403)]
    with pytest.raises(BrokerError, match="invalid or has expired") as caught:
        await client.create_session("r")
    assert caught.value.fault is BrokerFault.TOKEN


async def test_each_call_carries_the_token_of_its_moment(stub, client):
    stub.answers = [mock("profile")]
    await client.profile()
    client.use_token("another")
    profile = await client.profile()
    assert [each.headers["authorization"] for each in stub.requests] == [
        f"token {KEY}:{TOKEN}",
        f"token {KEY}:another",
    ]
    assert (profile.user_id, "BFO" in profile.exchanges) == ("AB1234", True)


async def test_after_the_token_is_dropped_nothing_is_sent(stub, client):
    client.drop_token()
    assert client.credentials() is None
    with pytest.raises(BrokerError) as caught:
        await client.profile()
    assert (caught.value.outcome, caught.value.fault) == (Outcome.NOT_SENT, BrokerFault.TOKEN)
    assert stub.requests == []


async def test_logging_out_kills_the_token_at_kite_and_drops_it(stub, client):
    stub.answers = [data(True)]
    await client.invalidate()
    assert stub.last.route == "DELETE /session/token"
    assert stub.last.query == {"api_key": [KEY], "access_token": [TOKEN]}
    assert client.credentials() is None


async def test_a_strangers_token_can_be_killed_without_losing_ours(stub, client):
    stub.answers = [data(True)]
    await client.invalidate("a-strangers")
    assert stub.last.query["access_token"] == ["a-strangers"]
    assert client.credentials() == (KEY, TOKEN)


FAILURES = {
    "closed": bare(b"", close=True),
    "reset": reset(),
    "silent": silence(asyncio.Event()),
    "html": answer(f"<p>{TOKEN} {SECRET}</p>".encode(), status=502, kind="text/html"),
    "broken": answer(f'{{"access_token": "{TOKEN}", "secret": "{SECRET}"'.encode()),
    "odd": answer({"message": f"{TOKEN} {SECRET}"}, status=400),
}


@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES.keys())
async def test_no_secret_is_in_the_text_of_a_failed_login_or_logout(stub, caplog, reply):
    caplog.set_level(logging.DEBUG)
    client = make_client(stub.url, timeout=(0.2, 0.2))
    stub.answers = [reply]
    for call in (client.create_session("one-time"), client.invalidate()):
        with pytest.raises(BrokerError) as caught:
            await call
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert not [secret for secret in (TOKEN, SECRET, "one-time") if secret in told]
        assert caught.value.__context__ is None
    await client.close(grace=0)
    assert TOKEN not in caplog.text


async def test_slow_reads_hold_up_neither_an_order_nor_a_cancel(stub):
    client = make_client(stub.url, timeout=(5, 30))
    never = asyncio.Event()
    stub.routes = {"GET /orders": silence(never), "POST /orders/regular": ORDER}
    stub.answers = [ORDER]
    reads = [asyncio.create_task(Book(client).orders()) for _ in range(40)]
    await asyncio.wait_for(stub.arrived.wait(), 5)
    assert await asyncio.wait_for(Desk(client).place(ticket()), 5) == "1"
    await asyncio.wait_for(Desk(client).cancel("1"), 5)
    never.set()
    await client.close(grace=0)
    assert {type(each) for each in await asyncio.gather(*reads, return_exceptions=True)} == {BrokerError}


async def test_stalled_orders_do_not_hold_up_a_cancel(stub):
    client = make_client(stub.url, timeout=(5, 30))
    stub.routes = {"POST /orders/regular": silence(asyncio.Event())}
    stub.answers = [ORDER]
    stalled = [asyncio.create_task(Desk(client).place(ticket())) for _ in range(20)]
    await asyncio.wait_for(stub.arrived.wait(), 5)
    await asyncio.wait_for(Desk(client).cancel("1"), 5)
    await client.close(grace=0)
    ends = await asyncio.gather(*stalled, return_exceptions=True)
    outcomes = [end.outcome for end in ends]
    assert outcomes.count(Outcome.UNKNOWN) == 16, "they were with Kite"
    assert outcomes.count(Outcome.NOT_SENT) == 4, "no thread had begun with these"


async def test_an_order_that_no_thread_took_in_time_is_never_sent(stub):
    client = make_client(stub.url, timeout=(0.2, 30), slack=-29.8)
    released = asyncio.Event()
    stub.answers = [silence(released, ORDER)]
    ends = await asyncio.gather(*(Desk(client).place(ticket()) for _ in range(18)), return_exceptions=True)
    assert [end.outcome for end in ends].count(Outcome.NOT_SENT) == 2
    released.set()
    await client.close()
    assert len(stub.requests) == 16


async def test_closing_waits_for_an_order_under_way(stub):
    client = make_client(stub.url, timeout=(5, 30))
    released = asyncio.Event()
    stub.answers = [silence(released, ORDER)]
    placing = asyncio.create_task(Desk(client).place(ticket()))
    await asyncio.wait_for(stub.arrived.wait(), 5)
    closing = asyncio.create_task(client.close(grace=5))
    released.set()
    assert await asyncio.wait_for(placing, 5) == "1"
    await closing


async def test_a_closed_client_sends_nothing(stub):
    client = make_client(stub.url)
    await client.close()
    with pytest.raises(BrokerError) as caught:
        await Desk(client).place(ticket())
    assert caught.value.outcome is Outcome.NOT_SENT


async def test_a_connection_is_kept_for_the_next_call(stub, client):
    stub.answers = [ORDER]
    for _ in range(3):
        await Desk(client).place(ticket())
    assert stub.connections == 1


async def test_a_connection_that_idled_long_is_not_trusted_with_an_order(stub, client, monkeypatch):
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    stub.answers = [ORDER]
    for _ in range(3):
        await Desk(client).place(ticket())
    assert stub.connections == 3


async def test_a_connection_that_kite_closed_is_replaced_before_an_order_is_sent(stub, client):
    body = b'{"data": {"order_id": "1"}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    stub.answers = [bare(head + body, close=True)]
    for turn in range(1, 4):
        assert await Desk(client).place(ticket()) == "1"
        await until(lambda turn=turn: stub.ended == turn)
    assert (stub.connections, len(stub.requests)) == (3, 3)


async def test_kite_is_asked_over_ipv4_only(stub, client, monkeypatch):
    resolve = socket.getaddrinfo

    def both(host, port, *args, **kwargs):
        assert host == "localhost"
        sixth = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        return [sixth, *resolve("127.0.0.1", port, socket.AF_INET, socket.SOCK_STREAM)]

    opened = []
    real = socket.socket.connect

    def connect(self, address):
        opened.append(self.family)
        return real(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    monkeypatch.setattr(socket.socket, "connect", connect)
    stub.answers = [ORDER]
    at_home = make_client(stub.url.replace("127.0.0.1", "localhost"))
    assert await Desk(at_home).place(ticket()) == "1"
    await at_home.close()
    assert opened == [socket.AF_INET]


async def test_proxies_and_netrc_of_the_environment_are_ignored(stub, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = make_client(stub.url)
    stub.answers = [ORDER]
    assert await Desk(client).place(ticket()) == "1"
    assert stub.last.headers["authorization"] == f"token {KEY}:{TOKEN}"
    await client.close()


async def test_a_server_below_a_path_is_reached_there(stub):
    client = make_client(f"{stub.url}/simulator/")
    stub.answers = [ORDER]
    await Desk(client).place(ticket())
    assert stub.last.route == "POST /simulator/orders/regular"
    await client.close()


async def test_each_call_is_paced_and_observed(stub):
    paced, seen = [], []

    async def pace(kind):
        paced.append(kind)

    client = make_client(
        stub.url, pace=pace, observe=lambda kind, seconds, failure: seen.append((kind, seconds > 0, failure))
    )
    stub.answers = [ORDER, fault("InputException", "No", 400)]
    await Desk(client).place(ticket())
    with pytest.raises(BrokerError) as caught:
        await Desk(client).cancel("1")
    assert paced == [CallKind.PLACE, CallKind.CHANGE]
    assert seen == [(CallKind.PLACE, True, None), (CallKind.CHANGE, True, caught.value)]
    await client.close()


async def test_a_tls_handshake_that_nobody_answers_is_not_sent():
    async with stub_kite() as stub:  # it waits for a request, as the client waits for a certificate
        client = make_client(stub.url.replace("http:", "https:"), timeout=(0.2, 5))
        with pytest.raises(BrokerError) as caught:
            await Desk(client).place(ticket())
        await client.close()
        assert caught.value.outcome is Outcome.NOT_SENT, "though requests calls it a read timeout"
        assert stub.requests == []


def test_the_librarys_ticker_is_not_loaded_and_the_library_stays_whole():
    program = (
        "import sys, gateway.kite.client\n"
        "assert not {'twisted.internet.reactor', 'autobahn', 'kiteconnect.ticker'} & sys.modules.keys()\n"
        "from kiteconnect.ticker import KiteTicker\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
